"""Tells the patient what to do next, from what the robot's engine did: a pure state machine.

The file's turns are followed one by one. A robot that did not catch a phrase is told it again, and "did I understand
rightly?" is answered, as any caller would: such repairs are counted, not failed, while they are few.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from voicebot.dialog.conversation_checks import Seen, check_turn
from voicebot.dialog.conversation_files import Conversation, Turn
from voicebot.dialog.meaning import Meaning
from voicebot.dialog.talking import Act, End, Event, HandOver, Heard, Invoke, Keyed, Listen, Say
from voicebot.rehearsal.questions import Question
from voicebot.russian.text import listed, normalise

MOST_REPAIRS_A_TURN = 3
_SURE = 0.6  # what was understood less surely is shown with its figures
_SAME = 75.0  # per cent of likeness: a word that the robot asks back is one that was said, in another case
_ASKING = listed("вам нужен нужна нужно вас интересует интересуют врач верно я правильно поняла вы хотите")


@dataclass(frozen=True, slots=True)
class Do:
    """The patient does this step of the scenario."""

    step: int


@dataclass(frozen=True, slots=True)
class HangUp:
    """The file is at its end, or went wrong."""


@dataclass(frozen=True, slots=True)
class Stay:
    """Nobody says anything for so long (None: until the robot does something)."""

    seconds: float | None = None


Direction = Do | HangUp | Stay


@dataclass(slots=True)
class _Attempts:
    """What the robot did since a turn of the caller began, over all attempts to be understood."""

    acts: list[Act] = field(default_factory=list)
    meanings: list[Meaning] = field(default_factory=list)
    question: Question = Question.NEW

    @property
    def last_said(self) -> Say:
        return next((act for act in reversed(self.acts) if isinstance(act, Say)), Say(""))

    def as_seen(self) -> Seen:
        """As one turn: what was understood later goes over what was understood before."""
        calls = [act.service for act in self.acts if isinstance(act, Invoke)]
        meaning = None
        if self.meanings:
            said = [one for one in self.meanings if one.intent not in ("none", "yes", "no")] or self.meanings
            slots = {name: text for one in self.meanings for name, text in one.slots.items()}
            meaning = Meaning(said[-1].intent, slots, self.meanings[-1].confidence, self.meanings[-1].text)
        return Seen(self.acts, calls, meaning)

    @property
    def is_settled(self) -> bool:
        """The robot has done all it had to: somebody else is to act."""
        lasting = [act for act in self.acts if not isinstance(act, Say)]
        return bool(lasting) and isinstance(lasting[-1], Listen | HandOver | End)


class Director:
    """One conversation. `saw` is told of each step of the engine, `decide` is asked when the robot has fallen silent."""

    def __init__(self, conversation: Conversation) -> None:
        self._turns = list(conversation.turns)
        self._steps = _numbered(self._turns)
        self._yes = sum(step is not None for step in self._steps)
        self._position = 0
        self._is_acted = self._steps[0] is None and not _is_waiting(self._turns[0])  # the greeting needs no caller
        self._repairs = 0
        self._seen = _Attempts()
        self.failures: list[str] = []
        self.lines: list[str] = []
        self.repairs = 0
        self.caller_turns = 0
        self.outcome = ""
        self.is_over = False

    def saw(self, event: Event, acts: Sequence[Act], meaning: Meaning | None, question: Question = Question.NEW) -> None:
        """Note what the engine did with an event, and what kind of question it asks now."""
        if any(isinstance(act, HandOver) for act in self._seen.acts):
            return  # nobody is at the operator's end: what the robot says to that is no part of the file
        if isinstance(event, Heard):
            self.lines.append(f"C heard: {event.text}")
            if meaning is not None and (meaning.text != event.text or meaning.confidence < _SURE):
                best = event.alternatives[0]
                heard_as = f"{best.source} {best.confidence:.2f} of {len(event.alternatives)}"
                self.lines.append(f"C taken as: {meaning.text} ({heard_as}; {meaning.intent} {meaning.confidence:.2f})")
        elif isinstance(event, Keyed):
            self.lines.append(f"C keys: {len(event.digits)}")
        for act in acts:
            if isinstance(act, Say):
                self.lines.append(f"R: {act.text}  [{act.prompt}]")
            elif isinstance(act, HandOver):
                self.lines.append(f"-- hands over: {act.reason}")
                self.outcome = f"handed over: {act.reason}"
            elif isinstance(act, End):
                self.lines.append(f"-- ends: {act.outcome}")
                self.outcome = act.outcome
        self._seen.acts += acts
        if acts:
            self._seen.question = question
        if meaning is not None:
            self._seen.meanings.append(meaning)

    @property
    def is_settled(self) -> bool:
        """The robot has answered, or the file has nobody say anything for a while."""
        is_waiting = self._is_acted and self._turns[self._position].wait_seconds is not None
        return self._seen.is_settled or (is_waiting and not self._seen.acts)

    def decide(self) -> Direction:
        """Return what the patient does now. Call it when the robot is silent."""
        if self.is_over:
            return HangUp()
        if not self.is_settled:
            return Stay()
        if self._is_acted:
            failures = check_turn(self._turns[self._position], self._seen.as_seen())
            if failures:
                return self._repair(failures)
            self._position += 1
            self._repairs = 0
        return self._next()

    def ended(self) -> None:
        """The call is over: what the file still wanted did not come."""
        if self.is_over:
            return
        self.is_over = True
        if self._position < len(self._turns) and self._is_acted and self._seen.is_settled:
            self._fail(check_turn(self._turns[self._position], self._seen.as_seen()))
            self._position += 1
        if not self.failures and self._position < len(self._turns):
            self._fail(["the call ended before this turn"])

    def _next(self) -> Direction:
        if self._position >= len(self._turns):
            self.is_over = True
            return HangUp()
        turn = self._turns[self._position]
        self._seen = _Attempts()
        self._is_acted = True
        if turn.wait_seconds is not None:
            return Stay(turn.wait_seconds)
        step = self._steps[self._position]
        if step is None:
            self.lines.append("C: (silence)")
            return Stay()
        return self._do(step, turn.caller[0] if turn.caller else "(keys)")

    def _repair(self, failures: list[str]) -> Direction:
        """The robot did not do what the file wants: it may only have misheard."""
        asked, turn = self._seen.last_said, self._turns[self._position]
        step = self._steps[self._position]
        if step is None or self._repairs >= MOST_REPAIRS_A_TURN or _is_final(self._seen.acts):
            return self._fail(failures)
        self._repairs += 1
        if self._seen.question is Question.BACK and turn.caller:
            is_right = _is_what_was_said(asked.text, turn.caller[0])
            self.repairs += not is_right
            return self._do(self._yes if is_right else self._yes + 1, "да" if is_right else "нет")
        if self._seen.question is Question.AGAIN or self._is_asked_again():
            self.repairs += 1
            return self._do(step, turn.caller[0] if turn.caller else "(keys)")
        return self._fail(failures)

    def _is_asked_again(self) -> bool:
        """A "no" to a misheard value is followed by the plain question."""
        return self._repairs > 1 and isinstance(self._seen.acts[-1], Listen)

    def _do(self, step: int, text: str) -> Do:
        self.caller_turns += 1
        self.lines.append(f"C says: {text}")
        return Do(step)

    def _fail(self, failures: list[str]) -> HangUp:
        self.failures += [f"turn {self._position + 1}: {text}" for text in failures]
        self.is_over = True
        return HangUp()


def _numbered(turns: list[Turn]) -> list[int | None]:
    """The scenario's step of each turn, None where the caller does nothing."""
    numbers: list[int | None] = []
    count = 0
    for turn in turns:
        acts = bool(turn.caller or turn.keys)
        numbers.append(count if acts else None)
        count += acts
    return numbers


def _is_what_was_said(asked: str, said: str) -> bool:
    """Whether every word of substance that the robot asks back was said."""
    words, heard = set(normalise(asked).split()) - _ASKING, normalise(said).split()
    return bool(words) and all(any(fuzz.ratio(word, one) >= _SAME for one in heard) for word in words)


def _is_waiting(turn: Turn) -> bool:
    return turn.silence or turn.wait_seconds is not None


def _is_final(acts: Sequence[Act]) -> bool:
    return any(isinstance(act, HandOver | End) for act in acts)
