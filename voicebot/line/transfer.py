"""Handing a caller to a human, as a state machine. Pure: SIP news in, deeds out.

Consult: the operator is dialled first; on answer both legs are joined at once, so that nobody waits in silence, and then
the caller is asked (REFER with Replaces) to talk without us. Where REFER is refused the legs simply stay joined.
Blind: REFER at once. Where there is no leg left for a consult, blind is what remains; where blind is refused, bridge.
"""

from dataclasses import dataclass
from enum import Enum, auto

from voicebot.link.messages import TransferMode, TransferState

SIGN_OF_LIFE_SECONDS = 5.0  # no answer at all to our INVITE, not even 100: nobody is there
REFER_SECONDS = 10.0  # for a REFER to be carried out; the legs are joined meanwhile
_GONE_SECONDS = 3.0  # the operator's leg ended during a REFER: news of success may still come


class Deed(Enum):
    DIAL_OPERATOR = auto()
    RINGBACK_ON = auto()
    RINGBACK_OFF = auto()
    BRIDGE = auto()
    REFER_REPLACES = auto()
    REFER_BLIND = auto()
    DROP_OPERATOR = auto()
    DROP_CALLER = auto()  # the operator hung up
    RELEASE_CALLER = auto()  # the caller talks to the operator without us


@dataclass(frozen=True, slots=True)
class Report:
    """News for the brain."""

    state: TransferState
    sip_status: int = 0


Outcome = Deed | Report


class Stage(Enum):
    DRAINING = auto()  # the hand-off is still being spoken
    DIALLING = auto()
    REFERRING = auto()  # joined, and the caller is asked to go on without us
    REFERRING_BLIND = auto()
    BRIDGED = auto()
    SUCCEEDED = auto()
    FAILED = auto()


def state_of(sip_status: int, *, was_ringing: bool) -> TransferState:
    """Map the final status of the operator's leg (RFC 3261 21)."""
    match sip_status:
        case 486 | 600:
            return TransferState.BUSY
        case 480 | 487:
            return TransferState.NO_ANSWER
        case 408:
            return TransferState.NO_ANSWER if was_ringing else TransferState.UNREACHABLE
        case 603 | 607:
            return TransferState.DECLINED
        case 404 | 410 | 484 | 604:
            return TransferState.WRONG_EXTENSION
        case _ if 500 <= sip_status < 600:
            return TransferState.UNREACHABLE
        case _:
            return TransferState.FAILED


class TransferMachine:
    """One attempt to reach one operator. Every attempt ends in exactly one final Report unless the caller leaves."""

    def __init__(self, mode: TransferMode, *, takes_refer: bool, ring_seconds: float) -> None:
        self._mode = mode
        self._takes_refer = takes_refer
        self._ring_seconds = ring_seconds
        self.stage = Stage.DRAINING
        self._has_free_leg = False
        self._is_alive = False  # the operator's side answered something
        self._is_ringing = False
        self._is_refer_accepted = False
        self._is_operator_gone = False
        self._sign_deadline_seconds = 0.0
        self._deadline_seconds = 0.0

    @property
    def is_over(self) -> bool:
        return self.stage in (Stage.SUCCEEDED, Stage.FAILED)

    @property
    def is_joined(self) -> bool:
        """The caller and the operator hear each other through us."""
        return self.stage in (Stage.BRIDGED, Stage.REFERRING)

    def start(self, now: float, *, has_free_leg: bool) -> list[Outcome]:
        """The hand-off was spoken."""
        self._has_free_leg = has_free_leg
        if self._takes_refer and (self._mode is TransferMode.BLIND or not has_free_leg):
            self.stage = Stage.REFERRING_BLIND
            self._deadline_seconds = now + self._ring_seconds + REFER_SECONDS
            return [Deed.REFER_BLIND]
        return self._dial(now)

    def operator_progress(self, sip_status: int) -> list[Outcome]:
        """A provisional answer of the operator's side."""
        if self.stage is not Stage.DIALLING:
            return []
        self._is_alive = True
        if sip_status < 180 or self._is_ringing:
            return []
        self._is_ringing = True
        return [Report(TransferState.RINGING, sip_status)]

    def operator_answered(self, now: float) -> list[Outcome]:
        if self.stage is not Stage.DIALLING:
            return []
        joined: list[Outcome] = [Deed.RINGBACK_OFF, Deed.BRIDGE]
        if self._mode is TransferMode.CONSULT and self._takes_refer:
            self.stage = Stage.REFERRING
            self._deadline_seconds = now + REFER_SECONDS
            return [*joined, Deed.REFER_REPLACES]
        self.stage = Stage.BRIDGED
        return [*joined, Report(TransferState.BRIDGED, 200)]

    def operator_ended(self, sip_status: int, now: float) -> list[Outcome]:
        """The operator's leg is gone: refused, failed, hung up, or replaced."""
        if self.stage is Stage.DIALLING:
            return self._fail(state_of(sip_status, was_ringing=self._is_ringing), sip_status)
        if self.stage is Stage.BRIDGED:
            self.stage = Stage.SUCCEEDED
            return [Deed.DROP_CALLER]
        if self.stage is Stage.REFERRING:
            self._is_operator_gone = True
            self._deadline_seconds = min(self._deadline_seconds, now + _GONE_SECONDS)
        return []

    def refer_status(self, sip_status: int, is_final: bool, now: float) -> list[Outcome]:
        """The answer to a REFER, or its NOTIFY."""
        if not is_final or sip_status < 200:
            return self._refer_progress(sip_status)
        if self.stage is Stage.REFERRING:
            if sip_status < 300:
                return self._complete(sip_status)
            return self._stay_joined(sip_status)
        if self.stage is Stage.REFERRING_BLIND:
            if sip_status < 300:
                return self._complete(sip_status)
            if self._is_refer_accepted:
                return self._fail(state_of(sip_status, was_ringing=self._is_ringing), sip_status)
            # The REFER itself was refused; NOTIFY begins with 100 (RFC 3515 2.4.4).
            self._takes_refer = False
            return self._dial(now)
        if self.stage is Stage.BRIDGED and sip_status < 300:
            self.stage = Stage.SUCCEEDED
            return [Deed.DROP_OPERATOR, Deed.RELEASE_CALLER]
        return []

    def caller_ended(self) -> tuple[bool, list[Outcome]]:
        """The caller's leg is gone. Return whether the transfer took it away, and what is left to do."""
        was_transferred = self._is_refer_accepted and self.stage in (Stage.REFERRING, Stage.REFERRING_BLIND)
        was_active = not self.is_over
        self.stage = Stage.SUCCEEDED if was_transferred else Stage.FAILED
        return was_transferred, [Deed.DROP_OPERATOR] if was_active else []

    def cancel(self) -> list[Outcome]:
        """The brain changed its mind; too late once the operator answered or a REFER is out."""
        if self.stage in (Stage.DRAINING, Stage.DIALLING):
            return self._fail(TransferState.FAILED, 487)
        return []

    def tick(self, now: float) -> list[Outcome]:
        """Time passes."""
        if self.stage is Stage.DIALLING:
            if not self._is_alive and now >= self._sign_deadline_seconds:
                return self._fail(TransferState.UNREACHABLE, 408)
            if now >= self._deadline_seconds:
                return self._fail(TransferState.NO_ANSWER, 408)
        elif self.stage is Stage.REFERRING and now >= self._deadline_seconds:
            return self._stay_joined(408)
        elif self.stage is Stage.REFERRING_BLIND and now >= self._deadline_seconds:
            return self._fail(TransferState.NO_ANSWER if self._is_ringing else TransferState.UNREACHABLE, 408)
        return []

    def _dial(self, now: float) -> list[Outcome]:
        if not self._has_free_leg:
            return self._fail(TransferState.FAILED, 503)
        self.stage = Stage.DIALLING
        self._sign_deadline_seconds = now + SIGN_OF_LIFE_SECONDS
        self._deadline_seconds = now + self._ring_seconds
        return [Deed.RINGBACK_ON, Deed.DIAL_OPERATOR]

    def _refer_progress(self, sip_status: int) -> list[Outcome]:
        if self.stage not in (Stage.REFERRING, Stage.REFERRING_BLIND):
            return []
        self._is_refer_accepted = True
        if self.stage is Stage.REFERRING_BLIND and sip_status >= 180 and not self._is_ringing:
            self._is_ringing = True
            return [Report(TransferState.RINGING, sip_status)]
        return []

    def _complete(self, sip_status: int) -> list[Outcome]:
        self.stage = Stage.SUCCEEDED
        return [Report(TransferState.COMPLETED, sip_status), Deed.DROP_OPERATOR, Deed.RELEASE_CALLER]

    def _stay_joined(self, sip_status: int) -> list[Outcome]:
        if self._is_operator_gone:
            return self._fail(TransferState.FAILED, sip_status)
        self.stage = Stage.BRIDGED
        return [Report(TransferState.BRIDGED, 200)]

    def _fail(self, state: TransferState, sip_status: int) -> list[Outcome]:
        self.stage = Stage.FAILED
        return [Deed.RINGBACK_OFF, Deed.DROP_OPERATOR, Report(state, sip_status)]
