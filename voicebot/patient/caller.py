"""The patient's telephone: places one call through pjsua2 and lets a Session speak and listen.

Import this after `voicebot.line.binding.load`.
"""

import contextlib
import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pjsua2 as pj
import structlog

from voicebot.errors import LineError
from voicebot.line.binding import Binding
from voicebot.line.endpoint import SipEndpoint
from voicebot.line.leg import Confirmed, Ended, Leg, MediaChanged, options
from voicebot.patient.scenario import Scenario
from voicebot.patient.script import HangUp, Press
from voicebot.patient.session import News, Session
from voicebot.patient.target import Target
from voicebot.settings import Sip

log = structlog.get_logger(__name__)

ANSWER_SECONDS = 20.0
_GOODBYE_SECONDS = 3.0
_MEDIA_SLACK_SECONDS = 20.0  # the wall clock's limit above the media clock's
_CODECS = {"pcma": "PCMA/8000/1", "pcmu": "PCMU/8000/1"}


@dataclass(frozen=True, slots=True)
class CallResult:
    sip_call_id: str
    sip_status: int
    ended_by: str  # as in Report
    answered_after_ms: int | None


class Telephone:
    """One call at a time; `place` blocks until it is over."""

    def __init__(self, target: Target, scenario: Scenario, binding: Binding) -> None:
        self._target = target
        self._scenario = scenario
        first = random.randrange(34000, 60000, 4)  # noqa: S311 - only to keep away from other patients' ports
        sip = Sip(
            bind_host=_own_address(target),
            port=0,
            transport=target.transport,
            user=scenario.caller,
            rtp_port_first=first,
            rtp_port_count=200,
        )
        self._endpoint = SipEndpoint(sip, binding)
        pj.Endpoint.instance().codecSetPriority(_CODECS[scenario.line.codec], 255)
        for name in _CODECS.keys() - {scenario.line.codec}:
            pj.Endpoint.instance().codecSetPriority(_CODECS[name], 128)

    def place(
        self,
        session: Session,
        *,
        on_dialled: Callable[[str], None],
        on_answered: Callable[[int], None],
        on_news: Callable[[News], None],
        is_interrupted: Callable[[], bool],
    ) -> CallResult:
        """Call, talk, hang up. Callbacks come in this thread."""
        call = _Call(self._endpoint, session, self._scenario)
        try:
            return call.run(self._target, on_dialled, on_answered, on_news, is_interrupted)
        finally:
            session.close()
            call.drop()

    def close(self) -> None:
        self._endpoint.stop()


class _Call:
    def __init__(self, endpoint: SipEndpoint, session: Session, scenario: Scenario) -> None:
        self._endpoint = endpoint
        self._session = session
        self._scenario = scenario
        self._leg: Leg | None = None
        self._port: Any = None
        self._sip_call_id = ""
        self._answered_after_ms: int | None = None
        self._sip_status = 0
        self._is_ended = False
        self._ended_by = ""

    def run(
        self,
        target: Target,
        on_dialled: Callable[[str], None],
        on_answered: Callable[[int], None],
        on_news: Callable[[News], None],
        is_interrupted: Callable[[], bool],
    ) -> CallResult:
        start = time.monotonic()
        leg = self._leg = Leg(self._endpoint.account, self._endpoint.events)
        try:
            leg.makeCall(f"<{target.uri}>", options())
        except pj.Error as error:
            raise LineError(f"{target.uri} cannot be called (status {error.status}).", "Check the address in --to.") from None
        self._sip_call_id = str(leg.getInfo().callIdString)
        on_dialled(self._sip_call_id)
        give_up_at = start + ANSWER_SECONDS
        while not self._is_ended:
            self._endpoint.poll(5)
            was_answered = self._answered_after_ms is not None
            self._take_events(start)
            if self._answered_after_ms is not None and not was_answered:
                give_up_at = time.monotonic() + self._scenario.limit_seconds + _MEDIA_SLACK_SECONDS
                on_answered(self._answered_after_ms)
            for news in self._session.take_news():
                on_news(news)
                self._follow(news)
            if is_interrupted():
                self._hang_up("interrupted")
            if time.monotonic() > give_up_at:
                if self._ended_by:
                    self._is_ended = True  # the far end does not even confirm our BYE
                self._hang_up("lost")
                give_up_at = time.monotonic() + _GOODBYE_SECONDS
        ended_by = self._ended_by or ("robot" if self._answered_after_ms is not None else "refused")
        return CallResult(self._sip_call_id, self._sip_status, ended_by, self._answered_after_ms)

    def drop(self) -> None:
        """Let go of the leg and its port, in that order (crash rules of the library)."""
        self._leg = None
        if self._port is not None:
            self._endpoint.ports.give(self._port)
            self._port = None

    def _take_events(self, start: float) -> None:
        events = self._endpoint.events
        while events:
            event = events.popleft()
            if isinstance(event, Confirmed):
                self._answered_after_ms = round((time.monotonic() - start) * 1000)
            elif isinstance(event, MediaChanged):
                self._connect()
            elif isinstance(event, Ended):
                self._sip_status = event.sip_status
                self._is_ended = True
                self._session.close()

    def _connect(self) -> None:
        if self._leg is None or self._leg.is_ended:
            return
        with contextlib.suppress(pj.Error):  # on hold there may be no stream
            sound = self._leg.getAudioMedia(-1)
            if self._port is None:
                self._port = self._endpoint.ports.take(self._session.requested, self._session.received)
            sound.startTransmit(self._port)
            self._port.startTransmit(sound)

    def _follow(self, news: News) -> None:
        if isinstance(news, HangUp):
            self._hang_up({"step": "patient", "stayed": "patient"}.get(news.reason, news.reason))
        elif isinstance(news, Press) and self._leg is not None:
            try:
                self._leg.dialDtmf(news.digits)
            except pj.Error as error:
                log.warning("keys_not_sent", status=error.status)

    def _hang_up(self, why: str) -> None:
        if self._ended_by or self._is_ended or self._leg is None:
            return
        self._ended_by = why
        with contextlib.suppress(pj.Error):
            self._leg.hangup(options())


def _own_address(target: Target) -> str:
    """Return this machine's address towards the target; nothing is sent."""
    try:
        family, _, _, _, address = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(address)
            return str(probe.getsockname()[0])
    except OSError as error:
        raise LineError(f"{target.host} cannot be reached ({error.strerror}).", "Check the address in --to.") from None
