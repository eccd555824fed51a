"""How many new calls each source may bring: token buckets. Pure.

Allowed sources that bring more are told when to come again, as a PBX then tries another way; a flood is nobody's patients.
Strangers are refused a few times, so that whoever forgot to name a PBX in `sip.allow` sees why; then they get silence.
"""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

_SOURCES_KEPT = 4096  # addresses can be forged: what is remembered has an end
_V6_SITE_BITS = 64  # whoever has one address of IPv6 has the rest of its /64


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at_seconds: float


class SourceLimit:
    """`rate` calls a second of one source in the long run, `burst` at once. 0 a second: no limit."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def takes(self, host: str, now: float) -> bool:
        """Count a call of this source; tell whether it is within the limit."""
        if not self._rate:
            return True
        key = _key(host)
        bucket = self._buckets.pop(key, None) or _Bucket(self._burst, now)
        self._buckets[key] = bucket  # the newest last
        if len(self._buckets) > _SOURCES_KEPT:
            self._buckets.popitem(last=False)
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at_seconds) * self._rate)
        bucket.at_seconds = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


def _key(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(int(address) >> (128 - _V6_SITE_BITS))
    return str(address)


class Silenced:
    """Strangers that are not listened to for a while: at most `limit` of them, the oldest give way."""

    def __init__(self, seconds: float, limit: int) -> None:
        self._seconds = seconds
        self._limit = limit
        self._until: OrderedDict[str, float] = OrderedDict()

    def add(self, host: str, now: float) -> None:
        self._until.pop(host, None)
        self._until[host] = now + self._seconds
        if len(self._until) > self._limit:
            self._until.popitem(last=False)

    def forget_old(self, now: float) -> bool:
        """Drop those whose time is over; tell whether there were any."""
        old = [host for host, until in self._until.items() if until <= now]
        for host in old:
            del self._until[host]
        return bool(old)

    def hosts(self) -> list[str]:
        return list(self._until)
