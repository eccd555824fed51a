"""A pjsua2 call whose callbacks only note what happened; the main loop acts on the notes.

No callback throws, answers or frees anything: pjsua2 prints and swallows what is thrown, and a Call freed in its own
callback crashes.
"""

import contextlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import pjsua2 as pj
import structlog

from voicebot.line.headers import info_digit
from voicebot.line.left_calls import SipDialog, dialog_of_answer

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Progressed:
    """A provisional answer came for a leg we dial."""

    leg: "Leg"
    sip_status: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """INVITE, 200 and ACK are done."""

    leg: "Leg"


@dataclass(frozen=True, slots=True)
class MediaChanged:
    """SDP was negotiated (again)."""

    leg: "Leg"


@dataclass(frozen=True, slots=True)
class Pressed:
    leg: "Leg"
    digit: str


@dataclass(frozen=True, slots=True)
class Referred:
    """News of a REFER that we sent."""

    leg: "Leg"
    sip_status: int
    is_final: bool


@dataclass(frozen=True, slots=True)
class Ended:
    leg: "Leg"
    sip_status: int


@dataclass(frozen=True, slots=True)
class Established:
    """A 2xx to an INVITE went out or came: what a BYE will need."""

    leg: "Leg"
    dialog: SipDialog


LegEvent = Progressed | Confirmed | MediaChanged | Pressed | Referred | Ended | Established


def guarded(callback: Callable[..., None]) -> Callable[..., None]:
    """Log what a callback throws; the type only, as texts may hold numbers of people."""

    @wraps(callback)
    def wrapper(*args: Any) -> None:
        try:
            callback(*args)
        except Exception as error:  # noqa: BLE001 - nobody above would hear of it
            log.error("sip_callback_failed", callback=callback.__name__, problem=type(error).__name__)

    return wrapper


class Leg(pj.Call):
    """One leg: a patient's (`call_id` given) or an operator's that we dial."""

    def __init__(self, account: Any, events: "deque[Any]", call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, call_id)
        self._events = events
        self.call_id = ""  # of the call it belongs to; no reference back, legs must die when dropped
        self.is_ended = False
        self.invite = ""  # of who calls us: the whole request
        self.source = ""  # host:port of who calls us, or who answered
        self.sip_call_id = ""  # once there is a dialog

    def accept(self) -> bool:
        """Ring and answer at once, so that RTP flows at once. False where the stack refused (488, a caller already gone)."""
        try:
            self.answer(options(180))
            self.answer(options(200))
        except pj.Error as error:
            log.warning("invite_not_answered", status=error.status)
            return False
        return True

    def refuse(self, sip_status: int, headers: dict[str, str] | None = None) -> None:
        """Refuse an INVITE (hangup() would drop the headers)."""
        with contextlib.suppress(pj.Error):
            self.answer(options(sip_status, headers))

    @guarded
    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            if not self.is_ended:
                self.is_ended = True
                self._events.append(Ended(self, int(info.lastStatusCode)))
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self._events.append(Confirmed(self))
        elif info.role == pj.PJSIP_ROLE_UAC and info.state == pj.PJSIP_INV_STATE_EARLY:
            self._events.append(Progressed(self, int(info.lastStatusCode)))

    @guarded
    def onCallTsxState(self, prm: Any) -> None:
        change = prm.e.body.tsxState
        transaction = change.tsx
        if transaction.method == "INVITE":
            if transaction.statusCode // 100 == 2:
                self._note_dialog(change)
            if transaction.role == pj.PJSIP_ROLE_UAC and transaction.state == pj.PJSIP_TSX_STATE_PROCEEDING:
                self._events.append(Progressed(self, int(transaction.statusCode)))
        elif (
            transaction.method == "INFO"
            and transaction.role == pj.PJSIP_ROLE_UAS
            and transaction.state == pj.PJSIP_TSX_STATE_TRYING
        ):
            # application/dtmf-relay comes through onDtmfDigit; the plain body only here (pjsip answers it with 500,
            # which ends no dialog).
            digit = info_digit(change.src.rdata.wholeMsg)
            if digit:
                self._events.append(Pressed(self, digit))

    def _note_dialog(self, change: Any) -> None:
        if change.type == pj.PJSIP_EVENT_TX_MSG and self.invite:
            dialog = dialog_of_answer(change.src.tdata.wholeMsg, self.source, self.invite)
            self.invite = ""  # some kilobytes
        elif change.type == pj.PJSIP_EVENT_RX_MSG:
            self.source = str(change.src.rdata.srcAddress)
            dialog = dialog_of_answer(change.src.rdata.wholeMsg, self.source)
        else:
            return
        if dialog is not None:
            self.sip_call_id = dialog.call_id
            self._events.append(Established(self, dialog))

    @guarded
    def onCallMediaState(self, prm: Any) -> None:
        self._events.append(MediaChanged(self))

    @guarded
    def onDtmfDigit(self, prm: Any) -> None:
        self._events.append(Pressed(self, str(prm.digit)))

    @guarded
    def onCallTransferRequest(self, prm: Any) -> None:
        # Nobody orders the robot about; accepting can also segfault.
        prm.statusCode = pj.PJSIP_SC_DECLINE

    @guarded
    def onCallReplaceRequest(self, prm: Any) -> None:
        prm.statusCode = pj.PJSIP_SC_DECLINE

    def onCallRedirected(self, prm: Any) -> int:
        """Refuse every 3xx: what is dialled is decided by the settings, never by who answers."""
        return int(pj.PJSIP_REDIRECT_STOP)

    @guarded
    def onCallTransferStatus(self, prm: Any) -> None:
        status, is_final = int(prm.statusCode), bool(prm.finalNotify)
        prm.cont = not is_final
        self._events.append(Referred(self, status, is_final))


def options(sip_status: int = 0, headers: dict[str, str] | None = None) -> Any:
    """Return a CallOpParam with a status and extra headers, already checked."""
    prm = pj.CallOpParam(True)
    if sip_status:
        prm.statusCode = sip_status
    for name, value in (headers or {}).items():
        header = pj.SipHeader()
        header.hName, header.hValue = name, value
        prm.txOption.headers.push_back(header)
    return prm


def hang_up(leg: Leg | None) -> None:
    """End a leg in whatever state it is: CANCEL, BYE or nothing."""
    if leg is not None and not leg.is_ended:
        with contextlib.suppress(pj.Error):
            leg.hangup(options())
