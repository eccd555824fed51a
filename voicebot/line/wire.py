"""The legs of one call in pjsua2: the `Wire` that CallerCall pulls."""

import contextlib
from collections.abc import Callable
from typing import Any

import pjsua2 as pj
import structlog

from voicebot.line.audioport import AudioPort
from voicebot.line.endpoint import SipEndpoint
from voicebot.line.headers import identity_headers, refer_to, with_id_in_user, with_transport
from voicebot.line.leg import Ended, Leg, Referred, hang_up, options
from voicebot.line.leg_sound import LegSound, packets_of
from voicebot.line.media import MediaSession
from voicebot.settings import Settings

log = structlog.get_logger(__name__)


class CallWire:
    """The caller's leg, the operator's leg while there is one, and their ports."""

    def __init__(
        self,
        endpoint: SipEndpoint,
        settings: Settings,
        leg: Leg,
        media: MediaSession,
        has_free_leg: Callable[[], bool],
        count_leg: Callable[[Leg], None],
    ) -> None:
        self._endpoint = endpoint
        self._settings = settings
        self._media = media
        self._has_free_leg = has_free_leg
        self._count_leg = count_leg
        self.caller: Leg | None = leg
        self.operator: Leg | None = None
        self._caller_port: AudioPort | None = None
        self._operator_port: AudioPort | None = None
        self._is_joined = False
        self._sounds: dict[Leg, LegSound] = {}

    # -- Wire -----------------------------------------------------------------------------------------------------------

    def hang_up(self) -> None:
        hang_up(self.caller)

    def dial_operator(self, target: str, dialog_id: str) -> None:
        self.hang_up_operator()
        if self.operator is not None:  # its end may still be to come
            self._sounds.pop(self.operator, None)
        uri = with_transport(self._uri(target, dialog_id), self._settings.sip.transport)
        leg = Leg(self._endpoint.account, self._endpoint.events)
        leg.call_id = self.caller.call_id if self.caller is not None else ""
        self.operator = leg
        self._count_leg(leg)
        try:
            leg.makeCall(f"<{uri}>", options(headers=self._headers(dialog_id)))
        except pj.Error as error:
            log.error("operator_cannot_be_dialled", status=error.status)
            if not leg.is_ended:
                leg.is_ended = True
                self._endpoint.events.append(Ended(leg, 503))

    def hang_up_operator(self) -> None:
        hang_up(self.operator)

    def join(self, is_joined: bool) -> None:
        self._is_joined = is_joined
        self._connect_join()

    def refer_replaces(self, dialog_id: str) -> None:
        if self.caller is None or self.operator is None:
            return
        with self._refer_errors(self.caller):
            self.caller.xferReplaces(self.operator, options(headers=self._headers(dialog_id)))

    def refer_blind(self, target: str, dialog_id: str) -> None:
        if self.caller is None:
            return
        embedded = identity_headers(dialog_id) if "refer_to" in self._settings.transfer.id_in else {}
        destination = refer_to(self._uri(target, dialog_id), embedded)
        with self._refer_errors(self.caller):
            self.caller.xfer(destination, options(headers=self._headers(dialog_id)))

    def has_free_leg(self) -> bool:
        return self._has_free_leg()

    def packets_received(self) -> int:
        if self.caller is None or self.caller.is_ended:
            return 0
        with contextlib.suppress(pj.Error):
            info = self.caller.getInfo()  # kept: its media are views into it
            for index, media in enumerate(info.media):
                if media.type == pj.PJMEDIA_TYPE_AUDIO:
                    return packets_of(self.caller, index)
        return 0

    # -- media, by the loop ---------------------------------------------------------------------------------------------

    def connect(self, leg: Leg, now: float) -> bool:
        """Connect a leg's sound after SDP changed; return whether its far end holds us."""
        if leg.is_ended:
            return False
        is_held = False
        info = leg.getInfo()  # kept: its media are views into it
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            is_held = media.status == pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
            if media.status not in (pj.PJSUA_CALL_MEDIA_ACTIVE, pj.PJSUA_CALL_MEDIA_REMOTE_HOLD):
                continue
            with contextlib.suppress(pj.Error):  # an inactive stream has no port
                sound = leg.getAudioMedia(index)
                port = self._port_of(leg)
                sound.startTransmit(port)
                if leg is self.caller:
                    port.startTransmit(sound)
                self._sounds[leg] = LegSound(leg, index, self._endpoint.sockets, now)
            break
        self._connect_join()
        return is_held

    def guard_sound(self, now: float) -> None:
        """Listen to nobody but the peers; often."""
        for sound in self._sounds.values():
            sound.look(now)

    def leg_ended(self, leg: Leg) -> None:
        """Take back the ports of a leg that is gone."""
        self._sounds.pop(leg, None)
        if leg is self.operator:
            self.operator = None
            self._is_joined = False
            if self._operator_port is not None:
                self._endpoint.ports.give(self._operator_port)
                self._operator_port = None
        elif leg is self.caller:
            self.caller = None
            if self._caller_port is not None:
                self._endpoint.ports.give(self._caller_port)
                self._caller_port = None

    def _port_of(self, leg: Leg) -> AudioPort:
        if leg is self.caller:
            if self._caller_port is None:
                self._caller_port = self._endpoint.ports.take(self._media.requested, self._media.received)
            return self._caller_port
        if self._operator_port is None:
            self._operator_port = self._endpoint.ports.take(None, self._media.operator_received)
        return self._operator_port

    def _connect_join(self) -> None:
        caller, operator = _sound(self.caller), _sound(self.operator)
        if caller is None or operator is None:
            return
        with contextlib.suppress(pj.Error):
            if self._is_joined:
                caller.startTransmit(operator)
                operator.startTransmit(caller)
            else:
                caller.stopTransmit(operator)
                operator.stopTransmit(caller)

    # -- the dialog ID --------------------------------------------------------------------------------------------------

    def _uri(self, target: str, dialog_id: str) -> str:
        uri = self._settings.transfer.targets[target]
        return with_id_in_user(uri, dialog_id) if "user_part" in self._settings.transfer.id_in else uri

    def _headers(self, dialog_id: str) -> dict[str, str]:
        return identity_headers(dialog_id) if "headers" in self._settings.transfer.id_in else {}

    @contextlib.contextmanager
    def _refer_errors(self, leg: Leg) -> Any:
        try:
            yield
        except pj.Error as error:
            log.error("refer_cannot_be_sent", status=error.status)
            self._endpoint.events.append(Referred(leg, 500, is_final=True))


def _sound(leg: Leg | None) -> Any:
    if leg is None or leg.is_ended:
        return None
    try:
        return leg.getAudioMedia(-1)
    except pj.Error:
        return None
