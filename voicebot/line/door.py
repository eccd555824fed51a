"""Who knocks too often: INVITEs beyond their source's limit are answered here, before anybody looks at them.

An allowed source gets 503 with Retry-After: a PBX then takes its other way. A stranger gets 403 while he is within his limit
(whoever forgot to name a PBX in sip.allow sees why), and then silence: what he sends is dropped by the kernel for a while.
"""

from collections import deque
from typing import Any

import structlog

from voicebot.line.admission import is_allowed
from voicebot.line.headers import source_host
from voicebot.line.leg import Ended, Leg
from voicebot.line.packet_filter import PacketFilter
from voicebot.line.sources import Silenced, SourceLimit
from voicebot.settings import Sip

log = structlog.get_logger(__name__)

STRANGERS_A_SECOND, STRANGERS_AT_ONCE = 0.1, 5  # INVITEs of one stranger that are told why they are refused
_ALL_A_SECOND, _ALL_AT_ONCE = 2.0, 50  # and of all of them: addresses can be forged, and each refusal is a line in the log
SILENCE_SECONDS = 600.0
_SILENCED_AT_MOST = 200


class Door:
    """Takes away INVITE events that are not to be looked at; keeps their legs until they end."""

    def __init__(self, sip: Sip) -> None:
        self._networks = sip.allowed_networks()
        self._known = SourceLimit(sip.source_calls_a_second, sip.source_calls_at_once)
        self._strangers = SourceLimit(STRANGERS_A_SECOND, STRANGERS_AT_ONCE)
        self._all_strangers = SourceLimit(_ALL_A_SECOND, _ALL_AT_ONCE)
        self._silenced = Silenced(SILENCE_SECONDS, _SILENCED_AT_MOST)
        self._retry_after = str(sip.retry_after_seconds)
        self._legs: set[Leg] = set()
        self._limited = self._sent_away = 0
        self._filter: PacketFilter | None = None
        if sip.transport == "udp":
            self._filter = PacketFilter(sip.port, self._networks)

    def look(self, leg: Leg, source: str, now: float) -> bool:
        """Tell whether an INVITE may be looked at; one that may not was answered."""
        host = source_host(source)
        if is_allowed(host, self._networks):
            if self._known.takes(host, now):
                return True
            if self._limited % 100 == 0:  # a flood may not fill the log
                log.warning("calls_of_one_source_limited", source=host, cure="see sip.source_calls_a_second")
            self._limited += 1
            leg.refuse(503, {"Retry-After": self._retry_after})
        else:
            if self._strangers.takes(host, now) and self._all_strangers.takes("all", now):
                return True
            self._sent_away += 1
            leg.refuse(403)
            self._silence(host, now)
        self._legs.add(leg)
        return False

    def tidy(self, events: "deque[Any]", now: float) -> None:
        """Let go of what ended, and listen again to those whose time is over."""
        if self._legs:
            self._legs -= {event.leg for event in events if isinstance(event, Ended)}
        if self._silenced.forget_old(now) and self._filter is not None:
            self._filter.silence(self._silenced.hosts())

    def facts(self) -> dict[str, Any]:
        """What the status file tells."""
        return {
            "limited": self._limited,
            "sent_away": self._sent_away,
            "silenced": len(self._silenced.hosts()),
            "filters_packets": self._filter is not None and self._filter.is_attached,
        }

    def clear(self) -> None:
        """Drop the legs, before the library goes, and the socket's copy."""
        self._legs.clear()
        if self._filter is not None:
            self._filter.close()

    def _silence(self, host: str, now: float) -> None:
        if self._filter is None or not self._filter.is_attached:
            return
        if self._sent_away <= _SILENCED_AT_MOST:
            log.warning("stranger_silenced", source=host, seconds=SILENCE_SECONDS, cure="add it to sip.allow if it is yours")
        self._silenced.add(host, now)
        self._filter.silence(self._silenced.hosts())
