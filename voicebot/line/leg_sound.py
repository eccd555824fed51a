"""A leg's RTP ports, kept for its peer: `sound_guard` decides, the kernel drops what others send."""

import contextlib
from ipaddress import IPv4Network
from typing import Any

import pjsua2 as pj

from voicebot.line.headers import source_host
from voicebot.line.leg import Leg
from voicebot.line.own_sockets import OwnSockets
from voicebot.line.packet_filter import take_only_from
from voicebot.line.sound_guard import LOOK_SECONDS, SoundGuard


class LegSound:
    """From one negotiation of a leg's media to the next. Raises pj.Error where the leg has no stream."""

    def __init__(self, leg: Leg, index: int, sockets: OwnSockets, now: float) -> None:
        self._leg, self._index, self._sockets = leg, index, sockets
        transport = leg.getMedTransportInfo(index)
        self._ports = {_port(transport.localRtpName), _port(transport.localRtcpName)} - {0}
        known = (source_host(leg.getStreamInfo(index).remoteRtpAddress), source_host(leg.source))
        self._guard = SoundGuard(known, self._packets(), now)
        self._next_look = now + LOOK_SECONDS
        self._obey()

    def look(self, now: float) -> None:
        """To be called often; does little, and nothing at all once the peer was heard from where he should be."""
        if self._guard.is_settled or now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        with contextlib.suppress(pj.Error):  # the leg ends
            source = source_host(self._leg.getMedTransportInfo(self._index).srcRtpName)
            if self._guard.look(self._packets(), source, now):
                self._obey()

    def _packets(self) -> int:
        return packets_of(self._leg, self._index)

    def _obey(self) -> None:
        allowed = self._guard.allowed
        peers = None if allowed is None else [IPv4Network(address) for address in allowed]
        sockets = self._sockets.of(self._ports)
        try:
            take_only_from(sockets, peers)
        finally:
            for sock in sockets:
                sock.close()


def packets_of(leg: Any, index: int) -> int:
    """Return how many RTP packets of its peer a leg's stream has had. Raises pj.Error."""
    return int(leg.getStreamStat(index).rtcp.rxStat.pkt)


def _port(name: str) -> int:
    """Return the port of "host:port", 0 where there is none."""
    port = name.rpartition(":")[2]
    return int(port) if port.isdigit() else 0
