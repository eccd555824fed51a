"""Runs a conversation file against the engine in virtual time, with real services or scripted faults."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from voicebot.clinic.failures import ServiceFailure
from voicebot.clock import VirtualClock
from voicebot.dialog.conversation_files import Conversation, Fault, Turn
from voicebot.dialog.engine import Engine
from voicebot.dialog.meaning import Meaning
from voicebot.dialog.state import Phase, State
from voicebot.dialog.talking import (
    Act,
    Alternative,
    BudgetCheck,
    End,
    Event,
    HandOver,
    Heard,
    Invoke,
    Keyed,
    Listen,
    NoInput,
    NotHeard,
    Returned,
    Say,
    Started,
    TransferEnded,
)

# How long things take on a telephone; means of the demo clinic's calls, on the slow side.
_ROBOT_CHARACTERS_PER_SECOND = 14.0
_CALLER_CHARACTERS_PER_SECOND = 12.0
_REPLY_SECONDS = 0.6  # the robot's
_THINK_SECONDS = 1.2  # the caller's
_SECONDS_PER_KEY = 0.4


class Services(Protocol):
    """The clinic: ClinicServices, or a stand-in. Raises ServiceFailure."""

    def call(self, name: str, arguments: Mapping[str, Any], dialog_id: str, key: str) -> Any: ...


@dataclass(slots=True)
class Played:
    """What came of a conversation. `failures` is empty when all was as expected."""

    failures: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # the transcript
    seconds: float = 0.0
    caller_turns: int = 0
    outcome: str = ""
    booked: list[Any] = field(default_factory=list)


def play(conversation: Conversation, engine: Engine, services: Services, clock: VirtualClock, zone: ZoneInfo) -> Played:
    """Play one conversation to its end. `clock` moves as speech takes time; `services` must share it."""
    return _Player(conversation, engine, services, clock, zone).run()


@dataclass(slots=True)
class _Seen:
    """All that the robot did after one turn of the caller."""

    acts: list[Act] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    meaning: Meaning | None = None

    @property
    def said(self) -> list[Say]:
        return [act for act in self.acts if isinstance(act, Say)]

    def last(self, kind: type[Act]) -> Any:
        return next((act for act in reversed(self.acts) if isinstance(act, kind)), None)


class _Player:
    def __init__(
        self, conversation: Conversation, engine: Engine, services: Services, clock: VirtualClock, zone: ZoneInfo
    ) -> None:
        self._conversation = conversation
        self._engine = engine
        self._services = services
        self._clock = clock
        self._zone = zone
        self._state = engine.begin("7A3KM05X")
        self._calls: dict[str, int] = {}
        self._played = Played()

    def run(self) -> Played:
        start = self._clock.monotonic_seconds()
        turns = list(self._conversation.turns)
        first = turns.pop(0) if _is_passive(turns[0]) else None
        seen = self._step(Started(self._conversation.caller_phone))
        if first is not None:
            self._check(first, seen, 1)
        for number, turn in enumerate(turns, start=2 if first is not None else 1):
            if self._state.phase is Phase.ENDED:
                self._fail(number, "the dialog has ended already")
                break
            self._check(turn, self._act(turn), number)
        self._played.seconds = self._clock.monotonic_seconds() - start
        self._check_whole()
        return self._played

    # -- the caller -------------------------------------------------------------------------------------------------

    def _act(self, turn: Turn) -> _Seen:
        if turn.transfer:
            self._note(f"-- the transfer ended: {turn.transfer}")
            return self._step(TransferEnded(turn.transfer))
        if turn.wait_seconds is not None:
            return self._wait(turn.wait_seconds)
        expect = self._state.expect
        if turn.silence:
            seen = self._wait(expect.noinput_seconds if expect is not None else 6.0)
            if self._state.phase is not Phase.LISTENING:
                return seen
            self._note("-- silence")
            return self._step(NoInput())
        self._played.caller_turns += 1
        seen = self._wait(_THINK_SECONDS)
        if self._state.phase is not Phase.LISTENING:
            return seen  # time was over before the caller spoke
        if turn.noise:
            self._note("-- noise")
            return self._step(NotHeard())
        if turn.keys:
            self._clock.advance(len(turn.keys) * _SECONDS_PER_KEY)
            self._note(f"C: [{turn.keys}]")
            return self._step(Keyed(turn.keys))
        self._clock.advance(len(turn.caller[0]) / _CALLER_CHARACTERS_PER_SECOND)
        self._note(f"C: {' | '.join(turn.caller)}")
        alternatives = tuple(Alternative(text, turn.confidence) for text in turn.caller)
        return self._step(Heard(alternatives))

    def _wait(self, seconds: float) -> _Seen:
        """Let time pass as talk does: the engine looks at the budget once a second."""
        seen = _Seen()
        left = seconds
        while left > 0 and self._state.phase is Phase.LISTENING:
            self._clock.advance(min(1.0, left))
            left -= 1.0
            seen = self._step(BudgetCheck())
        return seen

    # -- the robot --------------------------------------------------------------------------------------------------

    def _step(self, event: Event) -> _Seen:
        seen = _Seen()
        queue: list[Event] = [event]
        if not isinstance(event, BudgetCheck):
            self._clock.advance(_REPLY_SECONDS)
        while queue:
            step = self._engine.step(self._state, queue.pop(0), self._clock.now().astimezone(self._zone))
            # What cannot be saved and read back would be lost in a restart: every step proves it.
            self._state = State.from_json(step.state.to_json())
            seen.meaning = step.understood or seen.meaning
            seen.acts += step.acts
            for act in step.acts:
                match act:
                    case Say():
                        self._note(f"R: {act.text}  [{act.prompt}]")
                        self._clock.advance(len(act.text) / _ROBOT_CHARACTERS_PER_SECOND)
                    case Invoke():
                        seen.calls.append(act.service)
                        queue.append(self._invoke(act))
                    case HandOver():
                        self._note(f"-- hand over to {act.target}: {act.reason} {dict(act.summary)}")
                    case End():
                        self._note(f"-- end: {act.outcome} {act.reason}")
                        self._played.outcome = act.outcome
        return seen

    def _invoke(self, act: Invoke) -> Returned:
        number = self._calls.get(act.service, 0)
        self._calls[act.service] = number + 1
        fault = next((one for one in self._conversation.faults if _strikes(one, act.service, number)), None)
        if fault is not None and fault.error:
            return self._returned(act, Returned(act.service, error=fault.error))
        if fault is not None and fault.finds_nothing:
            return self._returned(act, Returned(act.service, ()))
        try:
            if fault is not None and fault.rival:
                self._services.call("hold", {"slot_id": act.arguments["slot_id"]}, "R1VAL000", f"rival{number}")
            value = self._services.call(act.service, act.arguments, self._state.dialog_id, act.key)
        except ServiceFailure as failure:
            return self._returned(act, Returned(act.service, error=failure.code))
        if act.service == "book":
            self._played.booked.append(value)
        return self._returned(act, Returned(act.service, value))

    def _returned(self, act: Invoke, returned: Returned) -> Returned:
        what = returned.error or (f"{len(returned.value)} found" if isinstance(returned.value, tuple) else "done")
        self._note(f"-- {act.service}: {what}")
        return returned

    # -- what must be -----------------------------------------------------------------------------------------------

    def _check(self, turn: Turn, seen: _Seen, number: int) -> None:
        words = " ".join(say.text for say in seen.said).replace("+", "").lower()
        _check_order(turn.robot, [say.prompt for say in seen.said], lambda text: self._fail(number, f"prompts: {text}"))
        _check_order(turn.calls, seen.calls, lambda text: self._fail(number, f"services: {text}"))
        for part in turn.says:
            if part.lower() not in words:
                self._fail(number, f"{part!r} was not said, but: {words!r}")
        for part in turn.never_says:
            if part.lower() in words:
                self._fail(number, f"{part!r} was said: {words!r}")
        listen = seen.last(Listen)
        if turn.listens is not None and (listen is None or listen.expect.type != turn.listens):
            self._fail(number, f"listens for {listen.expect.type if listen else 'nothing'}, not {turn.listens}")
        if turn.understood is not None:
            self._check_understood(turn, seen, number)
        over = seen.last(HandOver)
        if (turn.hands_over or "") != (over.reason if over else ""):
            self._fail(number, f"handed over for {over.reason if over else 'no reason'!r}, not {turn.hands_over!r}")
        for label, part in turn.summary.items():
            if over is None or part.lower() not in over.summary.get(label, "").lower():
                self._fail(number, f"the operator is told {dict(over.summary) if over else None}, not {label}: {part}")
        end = seen.last(End)
        if (turn.ends or "") != (end.outcome if end else ""):
            self._fail(number, f"ended with {end.outcome if end else 'nothing'!r}, not {turn.ends!r}")
        if listen is None and over is None and end is None and self._state.phase is Phase.LISTENING and not _is_quiet(turn):
            self._fail(number, "the robot left the caller in silence")

    def _check_understood(self, turn: Turn, seen: _Seen, number: int) -> None:
        assert turn.understood is not None
        meaning = seen.meaning
        if meaning is None:
            self._fail(number, "nothing was understood")
            return
        if turn.understood.intent not in (None, meaning.intent):
            self._fail(number, f"understood {meaning.intent!r}, not {turn.understood.intent!r}")
        for slot, part in turn.understood.slots.items():
            if part.lower() not in meaning.slots.get(slot, "").lower():
                self._fail(number, f"understood {meaning.slots}, not {slot}: {part}")

    def _check_whole(self) -> None:
        wanted, limits = self._conversation.booked, self._conversation.limits
        if bool(wanted) != bool(self._played.booked):
            self._fail(0, f"{len(self._played.booked)} appointments were made")
        for appointment in self._played.booked:
            for attribute, part in wanted.items():
                value = getattr(appointment, attribute)
                text = value.isoformat() if hasattr(value, "isoformat") else str(value)
                if part.lower() not in text.lower():
                    self._fail(0, f"booked {attribute} {text}, not {part}")
        if limits.caller_turns is not None and self._played.caller_turns > limits.caller_turns:
            self._fail(0, f"{self._played.caller_turns} turns of the caller, more than {limits.caller_turns}")
        if limits.seconds is not None and self._played.seconds > limits.seconds:
            self._fail(0, f"{self._played.seconds:.0f} s, more than {limits.seconds:.0f}")

    def _fail(self, number: int, text: str) -> None:
        where = f"turn {number}" if number else "the whole"
        self._played.failures.append(f"{where}: {text}")

    def _note(self, text: str) -> None:
        self._played.lines.append(f"{timedelta(seconds=int(self._clock.elapsed_seconds))} {text}")


def _is_passive(turn: Turn) -> bool:
    return not (turn.caller or turn.keys or turn.silence or turn.noise or turn.transfer or turn.wait_seconds)


def _is_quiet(turn: Turn) -> bool:
    return turn.wait_seconds is not None


def _strikes(fault: Fault, service: str, number: int) -> bool:
    return fault.service == service and fault.after <= number < fault.after + fault.times


def _check_order(wanted: list[str], found: list[str], fail: Any) -> None:
    """All of `wanted` occur in `found`, in that order; others may stand between."""
    rest = iter(found)
    for one in wanted:
        if not any(one == other for other in rest):
            fail(f"{one!r} is missing in {found}")
            return
