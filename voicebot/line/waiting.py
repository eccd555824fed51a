"""One caller in the queue: when he is told what, and when a human must take him. Pure; times come from outside.

The time of waiting is not the robot's: the handling budget begins when a brain takes the call.
"""

from dataclasses import dataclass
from enum import Enum, auto

OPERATOR_KEY = "0"
_CHANGE_SECONDS = 6.0  # between two words about the place, however quickly the queue moves


class Word(Enum):
    """What the caller is to hear."""

    GREETING = auto()  # with his place, and what the key 0 is for
    PLACE = auto()
    NO_OPERATOR = auto()  # he asked for one and none answered: he keeps his place


class Way(Enum):
    """Where the caller is to go."""

    ASK_OPERATOR = auto()  # by his wish; where nobody answers he comes back
    LEAVE = auto()  # he has waited long enough: the operators, or a promise to call


@dataclass(frozen=True, slots=True)
class WaitRules:
    wait_seconds: float
    tell_seconds: float


class Waiting:
    """From the answer to the moment when somebody serves him."""

    def __init__(self, rules: WaitRules, now: float) -> None:
        self._rules = rules
        self._began_seconds = now
        self._told_place = 0
        self._told_seconds = now
        self._wants_operator = False
        self._has_failed = False
        self.is_asking = False
        """An operator is being rung for him; his place is kept."""

    def waited_seconds(self, now: float) -> float:
        return now - self._began_seconds

    def pressed(self, digit: str) -> None:
        self._wants_operator = self._wants_operator or (digit == OPERATOR_KEY and not self.is_asking)

    def no_operator(self) -> None:
        """Nobody answered."""
        self.is_asking, self._has_failed = False, True

    def step(self, place: int, *, is_speaking: bool, now: float) -> Word | Way | None:
        """Return what is to be done now. `place` counts from 1; `is_speaking`: the last words still sound."""
        if self.is_asking:
            return None
        if self.waited_seconds(now) >= self._rules.wait_seconds:
            return Way.LEAVE
        if self._wants_operator:
            self._wants_operator, self.is_asking = False, True
            return Way.ASK_OPERATOR
        if is_speaking:
            self._told_seconds = now
            return None
        if self._has_failed:
            self._has_failed = False
            return self._tell(Word.NO_OPERATOR, place, now)
        if not self._told_place:
            return self._tell(Word.GREETING, place, now)
        silent_seconds = now - self._told_seconds
        if silent_seconds >= (_CHANGE_SECONDS if place < self._told_place else self._rules.tell_seconds):
            return self._tell(Word.PLACE, place, now)
        return None

    def _tell(self, word: Word, place: int, now: float) -> Word:
        self._told_place, self._told_seconds = place, now
        return word
