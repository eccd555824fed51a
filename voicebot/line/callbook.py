"""The calls that line holds, from the answer to the end: served by a brain, in the queue, or alone on the way to a human.

What breaks while one call is looked after ends that call and no other. No pjsua2 here but in the events of its legs.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
import structlog

from voicebot.line.admission import Verdict
from voicebot.line.brainless import Brainless
from voicebot.line.caller import CallerCall, CallRules, Farewell, Wire
from voicebot.line.leg import Confirmed, Ended, MediaChanged, Pressed, Progressed, Referred
from voicebot.line.media import MediaSession
from voicebot.line.reception import Reception
from voicebot.line.waiting_room import CLOSED, FULL
from voicebot.link.messages import CallEnded, CallStarted, EndedBy, FromBrain, FromLine, Orphaned
from voicebot.trouble import where

log = structlog.get_logger(__name__)

DIED = "brain_died"


class Legs(Wire, Protocol):
    """What can be done to the legs of one call, and what the library tells of them: `wire.CallWire`."""

    @property
    def caller(self) -> Any: ...

    @property
    def operator(self) -> Any: ...

    def connect(self, leg: Any, now: float) -> bool: ...

    def guard_sound(self, now: float) -> None: ...

    def leg_ended(self, leg: Any) -> None: ...


@dataclass(slots=True)
class Entry:
    """A call and what belongs to it."""

    call: CallerCall
    wire: Legs
    media: MediaSession
    started: CallStarted
    verdict: Verdict = Verdict.ANSWER
    is_started: bool = False
    is_broken: bool = False
    """Something of ours went wrong with it: it is only ended."""
    alone: str = ""
    """Why it has no brain, where none was lost."""


class CallBook:
    """Told what happens; `step` each few milliseconds. One thread."""

    def __init__(
        self,
        rules: CallRules,
        reception: Reception,
        brainless: Brainless,
        send: Callable[[int, FromLine], None],
        wire_of: Callable[[Any, MediaSession], Legs],
        farewell: Farewell,
    ) -> None:
        self._rules = rules
        self._reception = reception
        self._room, self._roster = reception.room, reception.roster
        self._brainless = brainless
        self._send = send
        self._wire_of = wire_of
        self._entries: dict[str, Entry] = {}
        self._parting: dict[str, Legs] = {}  # of calls that are over, whose operator's leg is not
        self._late_frames = 0  # of calls that are over
        self._is_closed = False
        self.farewell = farewell
        """What a caller hears whose brain is gone."""
        self.broken = 0
        """Calls that ended by an error of ours."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def waiting(self) -> int:
        """Calls in the queue, and those that will be once their ACK has come."""
        return sum(
            entry.verdict is Verdict.QUEUE and (not entry.is_started or call_id in self._room)
            for call_id, entry in self._entries.items()
        )

    @property
    def outgoing(self) -> int:
        """Calls of our own."""
        return sum(entry.started.order is not None for entry in self._entries.values())

    @property
    def late_frames(self) -> int:
        return self._late_frames + sum(entry.media.late_frames for entry in self._entries.values())

    # -- a call's life ----------------------------------------------------------------------------------------------------

    def enter(self, leg: Any, started: CallStarted, verdict: Verdict, now: float, *, takes_refer: bool) -> Entry:
        """A leg that is to be answered now, or was."""
        media = MediaSession(started.call_id)
        wire = self._wire_of(leg, media)
        call = CallerCall(started.call_id, started.dialog_id, wire, media, self._rules, takes_refer=takes_refer, now=now)
        entry = self._entries[started.call_id] = Entry(call, wire, media, started, verdict)
        return entry

    def answered(self, leg: Any, started: CallStarted, brain: int, now: float) -> None:
        """Somebody picked up whom this brain had us dial. What was heard before that is early media, nobody's word."""
        # A REFER would take the patient to the operator through a PBX that did not call him: the legs stay joined here.
        entry = self.enter(leg, started, Verdict.ANSWER, now, takes_refer=False)
        entry.call.brain = brain
        self._contained(entry, self._of_caller, entry, Confirmed(leg), now)
        self._contained(entry, self._of_caller, entry, MediaChanged(leg), now)
        self._flush(entry)

    def take(self, event: Any, now: float) -> bool:
        """Take an event of a leg; False where it belongs to no call of ours."""
        leg = event.leg
        parting = self._parting.get(leg.call_id)
        if parting is not None and leg is parting.operator:
            if isinstance(event, Ended):
                parting.leg_ended(leg)
                del self._parting[leg.call_id]
            return True
        entry = self._entries.get(leg.call_id)
        if entry is None:
            return False
        if leg is entry.wire.caller:
            if isinstance(event, Ended):
                self._end(entry, event, now)
            else:
                self._contained(entry, self._of_caller, entry, event, now)
        elif leg is entry.wire.operator:
            self._contained(entry, self._of_operator, entry, event, now)
        self._flush(entry)
        return True

    def order(self, link: int, message: FromBrain, now: float) -> None:
        """A brain says what is to be done to a call: its own, or it is ignored."""
        entry = self._entries.get(getattr(message, "call_id", ""))
        if entry is not None and entry.call.brain == link:
            self._contained(entry, entry.call.order, message, now)

    def step(self, ringing: int, now: float) -> None:
        """Do what is due to all calls. `ringing`: lines that are in use beside them."""
        self._look_after_queue(len(self) + ringing - self.waiting, now)
        for entry in list(self._entries.values()):
            self._contained(entry, self._step, entry, now)
            self._flush(entry)
        self._brainless.report()

    def hang_up_all(self, now: float) -> None:
        for entry in self._entries.values():
            entry.call.hang_up_now(now)

    def close(self, now: float) -> None:
        """End what is left, with its outcome told, and let go of the legs."""
        self.hang_up_all(now)
        for entry in list(self._entries.values()):
            self._end(entry, Ended(entry.wire.caller, 0), now)
        for wire in self._parting.values():
            wire.leg_ended(wire.operator)
        self._parting.clear()
        self._brainless.report()

    @staticmethod
    def _step(entry: Entry, now: float) -> None:
        entry.wire.guard_sound(now)
        entry.call.step(now)

    def _of_caller(self, entry: Entry, event: Any, now: float) -> None:
        call = entry.call
        match event:
            case Confirmed():
                self._start(entry, now)
            case MediaChanged(leg):
                call.held(entry.wire.connect(leg, now))
            case Pressed(_, digit):
                if call.call_id in self._room:
                    self._room.pressed(call.call_id, digit)
                call.digit(digit)
            case Referred(_, sip_status, is_final):
                call.refer_status(sip_status, is_final, now)

    @staticmethod
    def _of_operator(entry: Entry, event: Any, now: float) -> None:
        call = entry.call
        match event:
            case Progressed(_, sip_status):
                call.operator_progress(sip_status, now)
            case Confirmed():
                call.operator_answered(now)
            case MediaChanged(leg):
                entry.wire.connect(leg, now)
            case Ended(leg, sip_status):
                try:
                    call.operator_ended(sip_status, now)
                finally:
                    entry.wire.leg_ended(leg)

    def _start(self, entry: Entry, now: float) -> None:
        """ACK came: the caller certainly hears us."""
        if entry.is_started:
            return
        entry.is_started = True
        call = entry.call
        has_to_wait = entry.verdict is Verdict.QUEUE
        if has_to_wait and not self._is_closed and len(self._roster):
            self._room.enter(call, entry.media, entry.started, now)
            self._brainless.waits(entry.started)
            return
        if has_to_wait or entry.verdict is Verdict.OPERATORS:
            entry.alone = FULL if not has_to_wait else CLOSED if self._is_closed else DIED
            self._room.passed += 1
            log.info("call_passed_on", dialog=call.dialog_id, calls=len(self))
            self._brainless.waits(entry.started, entry.alone)
            call.alone(self._room.farewell(entry.started), now)
            return
        if call.brain is None:
            call.brain = self._reception.take(now)
        log.info("call_started", dialog=call.dialog_id, calls=len(self))
        if call.brain is None:
            call.brain_lost(self.farewell, now)
        else:
            self._send(call.brain, entry.started)

    def _end(self, entry: Entry, event: Ended, now: float) -> None:
        """The caller's leg is gone, and with it the call; an operator's leg may take a moment longer."""
        call, wire = entry.call, entry.wire
        self._contained(entry, call.ended, event.sip_status, now, is_last=True)
        self._contained(entry, wire.leg_ended, event.leg, is_last=True)
        self._flush(entry)
        ended_by = call.final_ended_by or EndedBy.ERROR
        if call.brain is not None:
            if not call.is_ended and entry.is_started:
                self._send(call.brain, CallEnded(call_id=call.call_id, ended_by=ended_by, sip_status=event.sip_status))
            self._roster.release(call.brain)
        elif entry.is_started:
            started = msgspec.structs.replace(entry.started, dialog_id=call.dialog_id)
            orphan = Orphaned(started=started, ended_by=ended_by, transfer=call.transfer_state)
            orphan.reason = self._room.ended(call.call_id, now) or entry.alone or orphan.reason
            self._brainless.ended(orphan)
            self._reception.operators_answered(call.transfer_state, now)
        self._late_frames += entry.media.late_frames
        del self._entries[call.call_id]
        if wire.operator is not None:  # its port is lent to it until it ends
            self._parting[call.call_id] = wire

    def _flush(self, entry: Entry) -> None:
        call = entry.call
        if not entry.is_started:
            if call.is_ended:
                call.outbox.clear()
            return
        if call.brain is not None:
            for message in call.outbox:
                self._send(call.brain, message)
        call.outbox.clear()

    def _contained(self, entry: Entry, work: Callable[..., None], *arguments: Any, is_last: bool = False) -> None:
        """Do something for one call; what breaks ends this call. `is_last`: also where it is broken already."""
        if entry.is_broken and not is_last:
            return
        try:
            work(*arguments)
        except Exception as error:  # noqa: BLE001 - there are two hundred other calls in this process
            self.broken += not entry.is_broken
            entry.is_broken = True
            log.error("call_broke", dialog=entry.call.dialog_id, error=type(error).__name__, where=where(error))
            entry.call.give_up()

    # -- callers who wait -------------------------------------------------------------------------------------------------

    def close_queue(self, now: float) -> None:
        """Nobody waits from now on: the process is to end."""
        self._is_closed = True
        self._mark_alone(self._room.give_all_away(CLOSED, now))

    def _look_after_queue(self, served: int, now: float) -> None:
        if not len(self._room):
            return
        while not self._is_closed and (found := self._reception.serve_next(served, now)) is not None:
            served += 1
            call_id, link, waited_seconds = found
            entry = self._entries[call_id]
            entry.started.waited_seconds = waited_seconds
            entry.call.serve(link)
            log.info("call_started", dialog=entry.call.dialog_id, calls=len(self))
            self._send(link, entry.started)
        self._mark_alone(self._room.step(now))

    def _mark_alone(self, gone: Iterable[tuple[str, str]]) -> None:
        for call_id, reason in gone:
            self._entries[call_id].alone = reason

    # -- brains ---------------------------------------------------------------------------------------------------------

    def tell_again(self) -> None:
        """Whoever knew of the calls without a brain may be gone."""
        self._brainless.again((waiter.started, "") for waiter in self._room.waiters)
        self._brainless.again((entry.started, entry.alone) for entry in self._entries.values() if entry.alone)

    def brain_lost(self, link: int, farewell: Farewell, now: float) -> None:
        """A brain that has left the roster: its callers hear `farewell` and go to a human."""
        for entry in self._entries.values():
            if entry.call.brain != link:
                continue
            if entry.is_started:
                self._contained(entry, entry.call.brain_lost, farewell, now)
            else:
                entry.call.brain = self._reception.take(now)
        if len(self._roster):
            self.tell_again()
        else:
            self._mark_alone(self._room.give_all_away(DIED, now))
