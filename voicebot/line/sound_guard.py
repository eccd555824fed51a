"""From whom a leg takes sound. Pure: counts, addresses and times come from outside.

pjproject sends a call's sound to wherever most packets come from, so whoever floods an RTP port takes the call over. A peer's
sound comes from where SIP says: the address in its SDP, or the one its signalling came from (NAT, a proxy). Once it did, nobody
else is heard. Where it comes from elsewhere, whoever is heard first is the peer.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address

LOOK_SECONDS = 0.1
_FIRST_PATIENCE_SECONDS = 0.5  # nothing came from where it should
_PATIENCE_SECONDS = 3.0  # whoever was heard first is gone: perhaps his NAT gave him another address
_SURE_LOOKS = 2  # with packets: at the first it may be what lay in the socket before the filter


class SoundGuard:
    """One leg's, from one negotiation of its media to the next. `allowed` None: packets of everybody."""

    def __init__(self, known: Iterable[str], packets: int, now: float) -> None:
        """`known`: hosts that SIP named; what is no address of IPv4 names nobody. `packets`: received so far."""
        self._known = frozenset(address for host in known if (address := _address(host)) is not None)
        self.allowed: frozenset[IPv4Address] | None = self._known or None
        self.is_settled = False
        """The peer was heard from a known address: nothing can change any more."""
        self._packets = packets
        self._looks_heard = 0
        self._heard_seconds = now
        self._patience_seconds = _FIRST_PATIENCE_SECONDS

    def look(self, packets: int, source: str, now: float) -> bool:
        """Take the count of packets and where the last one came from; tell whether `allowed` is another one now."""
        if self.is_settled:
            return False
        is_heard, self._packets = packets != self._packets, packets
        if not is_heard:
            if self.allowed is None or now - self._heard_seconds < self._patience_seconds:
                return False
            self.allowed, self._looks_heard = None, 0
            return True
        self._heard_seconds = now
        if self.allowed is not None:
            self._looks_heard += 1
            self.is_settled = self.allowed == self._known and self._looks_heard >= _SURE_LOOKS
            return False
        peer = _address(source)
        if peer is None:
            return False
        self._patience_seconds = _PATIENCE_SECONDS
        self.allowed = self._known | {peer}
        return True


def _address(host: str) -> IPv4Address | None:
    try:
        address = IPv4Address(host)
    except ValueError:
        return None
    return None if address.is_unspecified else address
