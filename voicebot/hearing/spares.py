"""Recognisers that rest between turns, to be used again.

A new one costs 6 ms and puts the graph together anew as it hears; one that has heard before knows the parts it went through,
and needs a third less of the processor for the same words. After `FinalResult` libvosk (0.3.45) begins the next sound with
fresh features and a fresh decoder: nothing of one caller reaches another.
"""

import threading
from dataclasses import dataclass
from typing import Any

Grammar = tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Spare:
    """A recogniser at rest. `turns`: how many it has heard."""

    grammar: Grammar
    recogniser: Any
    turns: int = 0
    is_fresh: bool = True
    """False: it still holds sound of its last turn."""


class Spares:
    """At most `limit` of them, those that worked last; thread-safe.

    One that has heard `most_turns` is not kept: what it knows of the graph takes memory, some 0.3 MB a turn of mere noise.
    """

    def __init__(self, limit: int = 24, most_turns: int = 24) -> None:
        self._limit = limit
        self._most_turns = most_turns
        self._lock = threading.Lock()
        self._resting: list[Spare] = []  # whose rest is longest stands first

    def __len__(self) -> int:
        return len(self._resting)

    def clear(self) -> None:
        """Keep none."""
        with self._lock:
            self._resting.clear()

    def take(self, grammar: Grammar) -> Spare | None:
        """Return the one of this grammar that worked last; None where a new one must be made."""
        with self._lock:
            for position in range(len(self._resting) - 1, -1, -1):
                if self._resting[position].grammar == grammar:
                    return self._resting.pop(position)
        return None

    def give(self, spare: Spare) -> None:
        """Take one back."""
        if spare.turns >= self._most_turns:
            return
        with self._lock:
            self._resting.append(spare)
            if len(self._resting) > self._limit:
                del self._resting[0]
