"""One patient's call from answer to end: orders of the brain in, news for it out. No pjsua2 here; the wire is injected."""

from dataclasses import dataclass
from typing import Protocol

import structlog

from voicebot.line.failover import Failover, Step
from voicebot.line.headers import is_plain_id
from voicebot.line.media import MediaSession
from voicebot.line.transfer import Deed, Outcome, Report, TransferMachine
from voicebot.line.watchdog import Ghost, PeerWatchdog
from voicebot.link.messages import (
    CallEnded,
    CancelTransfer,
    EndedBy,
    FromBrain,
    FromLine,
    Hangup,
    Held,
    Play,
    Rename,
    StopPlaying,
    Transfer,
    TransferMode,
    Transferring,
    TransferState,
)

log = structlog.get_logger(__name__)

OWN_UTTERANCE = -1  # the apology and the goodbye; brains count from 0
_DRAIN_GRACE_SECONDS = 2.0  # beyond what is queued: a call whose media stands still is not kept for ever
_WATCH_SECONDS = 1.0


class Wire(Protocol):
    """What can be done to the legs of one call. All methods return at once; results come as events."""

    def hang_up(self) -> None:
        """End the caller's leg."""
        ...

    def dial_operator(self, target: str, dialog_id: str) -> None:
        """Call the operator's leg. A failure to even try comes back as `operator_ended`."""
        ...

    def hang_up_operator(self) -> None: ...

    def join(self, is_joined: bool) -> None:
        """Let the caller and the operator hear each other."""
        ...

    def refer_replaces(self, dialog_id: str) -> None:
        """Ask the caller to take the operator's leg over."""
        ...

    def refer_blind(self, target: str, dialog_id: str) -> None:
        """Ask the caller to call the target."""
        ...

    def has_free_leg(self) -> bool: ...

    def packets_received(self) -> int:
        """RTP packets of the caller so far."""
        ...


@dataclass(frozen=True, slots=True)
class CallRules:
    """The settings that a call obeys."""

    mode: TransferMode
    ring_seconds: float
    silent_peer_seconds: float
    hold_limit_seconds: float
    target_names: frozenset[str]
    operator: str = "operator"


@dataclass(frozen=True, slots=True)
class Farewell:
    """What line itself can say: 8 kHz PCM."""

    apology: bytes = b""
    goodbye: bytes = b""


class CallerCall:
    """The life of a call. The loop feeds events, calls `step` every few milliseconds and sends `outbox` to the brain."""

    def __init__(
        self, call_id: str, dialog_id: str, wire: Wire, media: MediaSession, rules: CallRules, *, takes_refer: bool, now: float
    ) -> None:
        self.call_id = call_id
        self.dialog_id = dialog_id
        self.brain: int | None = None
        self.outbox: list[FromLine] = []
        self.is_ended = False
        self.is_held = False
        self.final_ended_by: EndedBy | None = None
        self.transfer_state: TransferState | None = None
        self._wire = wire
        self._media = media
        self._rules = rules
        self._takes_refer = takes_refer
        self._transfer: TransferMachine | None = None
        self._target = ""
        self._failover: Failover | None = None
        self._farewell = Farewell()
        self._has_brain = True
        self._ended_by: EndedBy | None = None
        self._hang_up_after_drain = False
        self._drain_deadline: float | None = None
        self._watchdog = PeerWatchdog(rules.silent_peer_seconds, rules.hold_limit_seconds, now)
        self._next_watch = now + _WATCH_SECONDS

    @property
    def is_transferring(self) -> bool:
        return self._transfer is not None and not self._transfer.is_over

    @property
    def _is_joined(self) -> bool:
        return self._transfer is not None and self._transfer.is_joined

    # -- orders of the brain --------------------------------------------------------------------------------------------

    def order(self, message: FromBrain, now: float) -> None:
        """Carry out an order. Orders to a call that leaves are ignored."""
        if self.is_ended or not self._has_brain:
            return
        match message:
            case Play():
                if not self._is_joined:  # the two humans talk: nothing of ours between them
                    self._media.play(message.utterance, message.pcm, message.is_last)
            case StopPlaying():
                self._media.stop()
            case Rename():
                if is_plain_id(message.dialog_id):
                    self.dialog_id = message.dialog_id
                else:
                    log.error("dialog_id_refused", dialog=self.dialog_id)
            case Transfer():
                self._begin_transfer(message.target, now)
            case CancelTransfer():
                if self._transfer is not None:
                    self._carry_out(self._transfer.cancel(), now)
            case Hangup():
                self._leave(EndedBy.ROBOT, now)
            case _:
                pass

    # -- news of the legs -----------------------------------------------------------------------------------------------

    def held(self, is_held: bool) -> None:
        """The caller's side put us on hold, or took us back."""
        if is_held != self.is_held:
            self.is_held = is_held
            self._media.hold(is_held)
            self.outbox.append(Held(call_id=self.call_id, is_held=is_held))

    def digit(self, digit: str) -> None:
        self._media.digit(digit)

    def operator_progress(self, sip_status: int, now: float) -> None:
        if self._transfer is not None:
            self._carry_out(self._transfer.operator_progress(sip_status), now)

    def operator_answered(self, now: float) -> None:
        if self._transfer is not None:
            self._carry_out(self._transfer.operator_answered(now), now)

    def operator_ended(self, sip_status: int, now: float) -> None:
        if self._transfer is not None:
            if self._is_joined:
                self._wire.join(False)
                self._media.join_operator(False)
            self._carry_out(self._transfer.operator_ended(sip_status, now), now)

    def refer_status(self, sip_status: int, is_final: bool, now: float) -> None:
        if self._transfer is not None:
            self._carry_out(self._transfer.refer_status(sip_status, is_final, now), now)

    def ended(self, sip_status: int, now: float) -> None:
        """The caller's leg is gone."""
        if self.is_ended:
            return
        self._collect()
        ended_by = self._ended_by
        if self._transfer is not None and not self._transfer.is_over:
            was_transferred, deeds = self._transfer.caller_ended()
            self._media.join_operator(False)
            self._carry_out(deeds, now)
            if was_transferred and ended_by is None:
                ended_by = EndedBy.TRANSFERRED
        if ended_by is None:
            ended_by = EndedBy.CALLER if sip_status < 300 or sip_status == 487 else EndedBy.ERROR
        self.is_ended = True
        self.final_ended_by = ended_by
        self.outbox.append(CallEnded(call_id=self.call_id, ended_by=ended_by, sip_status=sip_status))
        log.info("call_ended", dialog=self.dialog_id, by=ended_by.value, sip_status=sip_status)

    def brain_lost(self, farewell: Farewell, now: float) -> None:
        """The brain died, or there was none: see the caller through to a human."""
        if self.is_ended or not self._has_brain:
            return
        self.brain = None
        if self._hang_up_after_drain or self._ended_by is not None:
            self._has_brain = False
            return  # it had said its last word
        log.warning("call_lost_its_brain", dialog=self.dialog_id)
        self.alone(farewell, now)

    def alone(self, farewell: Farewell, now: float) -> None:
        """See the caller through to a human without a brain: words, operator, else goodbye."""
        self._has_brain = False
        self._farewell = farewell
        if self._transfer is not None and self._transfer.is_over:
            self._transfer = None
        self._failover = Failover(
            has_apology=bool(farewell.apology),
            has_goodbye=bool(farewell.goodbye),
            has_operator=self._rules.operator in self._rules.target_names,
            is_transferring=self.is_transferring,
        )
        self._take_step(self._failover.start(), now)

    # -- while the caller waits for a brain -------------------------------------------------------------------------------

    def say_own(self, pcm: bytes) -> None:
        """Append words of line's own."""
        self._media.play(OWN_UTTERANCE, pcm, is_last=True)

    def ask_operator(self, now: float) -> None:
        """Ring an operator after what is queued; where none answers the caller goes on waiting."""
        self._transfer, self.transfer_state = None, None
        self._begin_transfer(self._rules.operator, now)

    @property
    def has_no_operator(self) -> bool:
        """None answered."""
        return not self.is_transferring and (self.transfer_state is None or not self.transfer_state.is_success)

    @property
    def is_with_operator(self) -> bool:
        return self.transfer_state is not None and self.transfer_state.is_success

    def serve(self, brain: int) -> None:
        """A brain takes the caller; its time and frames begin now."""
        self.brain = brain
        self._transfer, self.transfer_state = None, None
        self._media.restart()
        self.outbox.clear()
        if self.is_held:
            self.outbox.append(Held(call_id=self.call_id, is_held=True))

    def hang_up_now(self, now: float) -> None:
        """The process ends."""
        self._ended_by = self._ended_by or EndedBy.ROBOT
        self._wire.hang_up()

    def give_up(self) -> None:
        """Something of ours broke in this call: it ends."""
        self._ended_by = self._ended_by or EndedBy.ERROR
        self._wire.hang_up_operator()
        self._wire.hang_up()

    # -- time -----------------------------------------------------------------------------------------------------------

    def step(self, now: float) -> None:
        """Do what is due."""
        if self.is_ended:
            return
        self._collect()
        if now >= self._next_watch:
            self._next_watch = now + _WATCH_SECONDS
            self._watch(now)
        if self._transfer is not None:
            self._carry_out(self._transfer.tick(now), now)
        if self._drain_deadline is not None and (self._media.is_drained or self.is_held or now >= self._drain_deadline):
            self._drain_deadline = None
            self._drained(now)

    def _collect(self) -> None:
        self.outbox += self._media.take_news()

    def _watch(self, now: float) -> None:
        ghost = self._watchdog.update(now, self._wire.packets_received(), self.is_held)
        if ghost is not None and self._ended_by is None:
            log.warning("ghost_call", dialog=self.dialog_id, kind=ghost.value)
            self._ended_by = EndedBy.SILENT_PEER if ghost is Ghost.SILENT else EndedBy.ERROR
            self._wire.hang_up()

    def _await_drain(self, now: float) -> None:
        self._drain_deadline = now + self._media.left_seconds + _DRAIN_GRACE_SECONDS

    def _drained(self, now: float) -> None:
        if self._hang_up_after_drain:
            self._wire.hang_up()
        elif self._transfer is not None and not self._transfer.is_over:
            self._carry_out(self._transfer.start(now, has_free_leg=self._wire.has_free_leg()), now)
        elif self._failover is not None:
            self._take_step(self._failover.played(), now)

    def _leave(self, ended_by: EndedBy, now: float) -> None:
        if self._hang_up_after_drain:
            return
        self._ended_by = self._ended_by or ended_by
        self._hang_up_after_drain = True
        self._await_drain(now)

    # -- transfer -------------------------------------------------------------------------------------------------------

    def _begin_transfer(self, target: str, now: float) -> None:
        if self._hang_up_after_drain or self.is_transferring:
            return
        if target not in self._rules.target_names:
            log.error("transfer_target_unknown", target=target, cure="add it to transfer.targets")
            self._report(Report(TransferState.WRONG_EXTENSION, 404), now)
            return
        self._target = target
        self._transfer = TransferMachine(self._rules.mode, takes_refer=self._takes_refer, ring_seconds=self._rules.ring_seconds)
        self._await_drain(now)

    def _carry_out(self, outcomes: list[Outcome], now: float) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Report):
                self._report(outcome, now)
            else:
                self._do(outcome)

    def _do(self, deed: Deed) -> None:
        match deed:
            case Deed.DIAL_OPERATOR:
                self._wire.dial_operator(self._target, self.dialog_id)
            case Deed.RINGBACK_ON:
                self._media.ringback(True)
            case Deed.RINGBACK_OFF:
                self._media.ringback(False)
            case Deed.BRIDGE:
                self._media.join_operator(True)
                self._wire.join(True)
            case Deed.REFER_REPLACES:
                self._wire.refer_replaces(self.dialog_id)
            case Deed.REFER_BLIND:
                self._wire.refer_blind(self._target, self.dialog_id)
            case Deed.DROP_OPERATOR:
                self._wire.hang_up_operator()
            case Deed.DROP_CALLER:
                self._ended_by = self._ended_by or EndedBy.OPERATOR
                self._wire.hang_up()
            case Deed.RELEASE_CALLER:
                self._ended_by = self._ended_by or EndedBy.TRANSFERRED
                self._wire.hang_up()

    def _report(self, report: Report, now: float) -> None:
        log.info("transfer", dialog=self.dialog_id, state=report.state.value, sip_status=report.sip_status)
        self.transfer_state = report.state
        self.outbox.append(Transferring(call_id=self.call_id, state=report.state, sip_status=report.sip_status))
        if report.state.is_final and not report.state.is_success and self._failover is not None:
            self._take_step(self._failover.transfer_failed(), now)

    # -- failover -------------------------------------------------------------------------------------------------------

    def _take_step(self, step: Step, now: float) -> None:
        match step:
            case Step.APOLOGISE:
                self._say(self._farewell.apology, now)
            case Step.TRANSFER:
                self._media.stop()
                self._begin_transfer(self._rules.operator, now)
            case Step.SAY_GOODBYE:
                self._say(self._farewell.goodbye, now)
            case Step.HANG_UP:
                self._leave(EndedBy.ERROR, now)
            case Step.WAIT:
                pass

    def _say(self, pcm: bytes, now: float) -> None:
        self._media.stop()
        self._media.play(OWN_UTTERANCE, pcm, is_last=True)
        self._await_drain(now)
