"""pjsua2 set up for a robot: one thread, no sound device, 8 kHz, G.711 only."""

import contextlib
import gc
import os
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pjsua2 as pj
import structlog

from voicebot.errors import LineError
from voicebot.line.audioport import PortPool
from voicebot.line.binding import Binding
from voicebot.line.door import Door
from voicebot.line.frames import FrameAccess, probe
from voicebot.line.leg import Leg, LegEvent, guarded
from voicebot.line.own_sockets import OwnSockets
from voicebot.line.secrecy import check_files, secure_media, secure_transport
from voicebot.settings import Sip

log = structlog.get_logger(__name__)

_GOODBYE_SECONDS = 0.5  # for BYEs to leave before the library goes
_RETRY_REGISTRATION_SECONDS = 10
_TRANSPORTS = {"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP, "tls": pj.PJSIP_TRANSPORT_TLS}
_CODECS = {"PCMA/8000/1": 255, "PCMU/8000/1": 254}


@dataclass(frozen=True, slots=True)
class Invited:
    """An INVITE arrived; `leg` must be answered or refused."""

    leg: Leg
    source: str  # host:port
    message: str


SipEvent = LegEvent | Invited


class _Account(pj.Account):
    """Takes INVITEs and news of the registration."""

    def __init__(self, events: "deque[Any]") -> None:
        super().__init__()
        self._events = events
        self.is_registered: bool | None = None

    @guarded
    def onIncomingCall(self, prm: Any) -> None:
        leg = Leg(self, self._events, prm.callId)
        leg.source, leg.invite = str(prm.rdata.srcAddress), str(prm.rdata.wholeMsg)
        self._events.append(Invited(leg, leg.source, leg.invite))

    @guarded
    def onIncomingSubscribe(self, prm: Any) -> None:
        # The stack would keep a dialog for each, for as long as the sender likes: 10 000 of them and no call is answered.
        prm.code = pj.PJSIP_SC_FORBIDDEN

    @guarded
    def onRegState(self, prm: Any) -> None:
        was = self.is_registered
        self.is_registered = prm.code // 100 == 2 and prm.expiration > 0
        if self.is_registered is not was:
            (log.info if self.is_registered else log.error)(
                "registration", is_registered=self.is_registered, sip_status=prm.code
            )


class SipEndpoint:
    """The library's life: `SipEndpoint(...)` starts it, `poll` runs it, `stop` ends it. All from one thread."""

    def __init__(self, settings: Sip, binding: Binding) -> None:
        if settings.is_ipv6:  # the stack would listen, and then abort or never send sound: it is built without
            raise LineError(
                f"sip.bind_host is {settings.bind_host}, but pjsua2 is built without IPv6.",
                "Give an address of IPv4; let the PBX, or Kamailio with rtpengine, speak IPv6 (docs/telephony.md).",
            )
        check_files(settings)
        self._settings = settings
        self._endpoint: Any = pj.Endpoint()
        with _no_banner():
            self._endpoint.libCreate()
        self.events: deque[Any] = deque()
        self.sockets = OwnSockets()
        self._account: Any = None
        try:
            self._endpoint.libInit(_endpoint_config(binding))
            self._open_transport()
            self._endpoint.libStart()
            self._endpoint.audDevManager().setNullDev()  # without it there is no media clock
            for codec in self._endpoint.codecEnum2():
                self._endpoint.codecSetPriority(codec.codecId, _CODECS.get(codec.codecId, 0))
            self.access: FrameAccess = probe(pj)
            self.ports = PortPool(self.access)
            self._account = _Account(self.events)
            self._account.create(self._account_config())
            self.door = Door(settings)
        except BaseException:
            self._account = None
            self._endpoint.libDestroy()
            raise

    @property
    def account(self) -> Any:
        return self._account

    @property
    def is_registered(self) -> bool | None:
        """None where there is no registrar."""
        if not self._settings.registrar:
            return None
        return bool(self._account.is_registered)

    def uri_of(self, user: str) -> str:
        """Return what stands in From for a user of ours."""
        return f"<sip:{user}@{self._own_host}>"

    def poll(self, limit_ms: int) -> None:
        """Run the stack for at most so long; callbacks fill `events`."""
        self._endpoint.libHandleEvents(limit_ms)
        if self.events:
            now = time.monotonic()
            for _ in range(len(self.events)):  # refusing one adds its end to them
                event = self.events.popleft()
                if not isinstance(event, Invited) or self.door.look(event.leg, event.source, now):
                    self.events.append(event)
            self.door.tidy(self.events, now)

    def withdraw(self) -> None:
        """Tell the PBX to send no more calls."""
        if self._settings.registrar:
            with contextlib.suppress(pj.Error):
                self._account.setRegistration(False)

    def stop(self) -> None:
        """End every call and the library. The caller has dropped its legs and lent ports by then, or they are in `events`."""
        with contextlib.suppress(pj.Error):
            self._endpoint.hangupAllCalls()
        end = time.monotonic() + _GOODBYE_SECONDS
        while time.monotonic() < end:
            self._endpoint.libHandleEvents(20)
        self.events.clear()
        self.door.clear()
        # The clock first: it may wait for Python at a port's door in the moment when the port goes, and then asks the dead.
        self._endpoint.audDevManager().setNoDev()
        self.ports.clear()
        gc.collect()
        self._account.shutdown()
        self._account = None
        gc.collect()
        self._endpoint.libDestroy()
        self._endpoint = None

    def _open_transport(self) -> None:
        sip = self._settings
        config = pj.TransportConfig()
        config.boundAddress = sip.bind_host
        config.port = sip.port
        if sip.public_host:
            config.publicAddress = sip.public_host
        if sip.transport == "tls":
            secure_transport(config, sip)
        kind = _TRANSPORTS[sip.transport]
        try:
            transport = self._endpoint.transportCreate(kind, config)
            self._local_host = str(self._endpoint.transportGetInfo(transport).localName).rpartition(":")[0]
        except pj.Error as error:
            raise LineError(
                f"SIP cannot listen on {sip.bind_host}:{sip.port}/{sip.transport}: {_reason(error)}.",
                "Stop what listens there (another line, an Asterisk?), or set sip.port and sip.bind_host.",
            ) from None

    def _account_config(self) -> Any:
        sip = self._settings
        config = pj.AccountConfig()
        # bind_host may be 0.0.0.0: what stands in From is the address that the stack found.
        host = _host_of(sip.registrar) if sip.registrar else _bracketed(sip.public_host or self._local_host)
        self._own_host = host
        config.idUri = self.uri_of(sip.user)
        if sip.registrar:
            config.regConfig.registrarUri = sip.registrar
            config.regConfig.timeoutSec = sip.registration_seconds
            config.regConfig.retryIntervalSec = _RETRY_REGISTRATION_SECONDS
            config.regConfig.firstRetryIntervalSec = 2
            config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", sip.user, 0, sip.secret()))
        config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
        config.callConfig.timerSessExpiresSec = sip.session_expires_seconds
        media = config.mediaConfig.transportConfig
        media.boundAddress = sip.bind_host
        media.port = sip.rtp_port_first
        media.portRange = sip.rtp_port_count
        if sip.public_host:
            media.publicAddress = sip.public_host
        secure_media(config.mediaConfig, sip)
        return config


@contextlib.contextmanager
def _no_banner() -> Iterator[None]:
    """libCreate prints before its log level can be set."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.close(null)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def _endpoint_config(binding: Binding) -> Any:
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0  # every callback runs inside poll()
    config.uaConfig.mainThreadOnly = True
    config.uaConfig.maxCalls = binding.calls
    config.uaConfig.userAgent = "Voicebot"
    # Its log holds numbers of people; what goes wrong comes as errors.
    config.logConfig.level = config.logConfig.consoleLevel = 0
    config.logConfig.msgLogging = 0
    media = config.medConfig
    media.clockRate = media.sndClockRate = 8000
    media.channelCount = 1
    media.audioFramePtime = 20
    media.ecTailLen = 0
    media.noVad = True  # RTP never stops, whatever we say
    media.sndAutoCloseTime = -1
    return config


def _host_of(uri: str) -> str:
    return re.sub(r"\Asips?:", "", uri.strip("<> ")).rpartition("@")[2].split(";")[0]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _reason(error: Any) -> str:
    return str(getattr(error, "reason", "") or "refused").strip()
