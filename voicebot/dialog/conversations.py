"""Runs a conversation file against the engine in virtual time, with real services or scripted faults."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from voicebot.clinic.failures import ServiceFailure
from voicebot.clock import VirtualClock
from voicebot.dialog.conversation_checks import Seen, check_turn, check_whole
from voicebot.dialog.conversation_files import Conversation, Turn
from voicebot.dialog.conversation_world import Services, World
from voicebot.dialog.engine import Engine
from voicebot.dialog.state import Phase, State
from voicebot.dialog.talking import (
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


class _Player:
    def __init__(
        self, conversation: Conversation, engine: Engine, services: Services, clock: VirtualClock, zone: ZoneInfo
    ) -> None:
        self._conversation = conversation
        self._engine = engine
        self._world = World(conversation, services)
        self._clock = clock
        self._zone = zone
        self._state = engine.begin("7A3KM05X")
        self._played = Played()

    def run(self) -> Played:
        start = self._clock.monotonic_seconds()
        self._world.prepare()
        turns = list(self._conversation.turns)
        first = turns.pop(0) if _is_passive(turns[0]) else None
        seen = self._step(self._started())
        if first is not None:
            self._fail(1, check_turn(first, seen))
        for number, turn in enumerate(turns, start=2 if first is not None else 1):
            if self._state.phase is Phase.ENDED:
                self._fail(number, ["the dialog has ended already"])
                break
            seen = self._act(turn)
            is_quiet = turn.wait_seconds is not None or any(isinstance(act, Listen | HandOver | End) for act in seen.acts)
            seen.is_left_in_silence = self._state.phase is Phase.LISTENING and not is_quiet
            self._fail(number, check_turn(turn, seen))
        played = self._played
        played.seconds = self._clock.monotonic_seconds() - start
        played.booked = self._world.results("book")
        self._fail(0, check_whole(self._conversation, self._world.done, played.caller_turns, played.seconds))
        return played

    def _started(self) -> Started:
        conversation = self._conversation
        return Started(
            conversation.caller_phone,
            conversation.channel,
            are_operators_open=not conversation.operators_closed,
            form=conversation.start.form if conversation.start is not None else "",
            given=self._world.start(),
        )

    # -- the caller -------------------------------------------------------------------------------------------------

    def _act(self, turn: Turn) -> Seen:
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

    def _wait(self, seconds: float) -> Seen:
        """Let time pass as talk does: the engine looks at the budget once a second."""
        seen = Seen()
        left = seconds
        while left > 0 and self._state.phase is Phase.LISTENING:
            self._clock.advance(min(1.0, left))
            left -= 1.0
            seen = self._step(BudgetCheck())
        return seen

    # -- the robot --------------------------------------------------------------------------------------------------

    def _step(self, event: Event) -> Seen:
        seen = Seen()
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
        try:
            returned = Returned(act.service, self._world.call(act.service, act.arguments, self._state.dialog_id, act.key))
        except ServiceFailure as failure:
            returned = Returned(act.service, error=failure.code)
        what = returned.error or (f"{len(returned.value)} found" if isinstance(returned.value, tuple) else "done")
        self._note(f"-- {act.service}: {what}")
        return returned

    def _fail(self, number: int, failures: Iterable[str]) -> None:
        where = f"turn {number}" if number else "the whole"
        self._played.failures += [f"{where}: {failure}" for failure in failures]

    def _note(self, text: str) -> None:
        self._played.lines.append(f"{timedelta(seconds=int(self._clock.elapsed_seconds))} {text}")


def _is_passive(turn: Turn) -> bool:
    return not (turn.caller or turn.keys or turn.silence or turn.noise or turn.transfer or turn.wait_seconds)
