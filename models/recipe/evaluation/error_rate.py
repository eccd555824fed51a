"""Word error rate."""

from __future__ import annotations

from dataclasses import dataclass


def edit_distance(truth: list[str], heard: list[str]) -> int:
    """Substitutions, insertions and deletions."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(truth, start=1):
        corner, row[0] = row[0], i
        for j, other in enumerate(heard, start=1):
            corner, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, corner + (word != other))
    return row[-1]


@dataclass
class Tally:
    """Errors over a set of phrases; ё and е count as one."""

    words: int = 0
    errors: int = 0
    phrases: int = 0
    exact: int = 0

    def add(self, truth: str, heard: str) -> None:
        expected, found = truth.replace("ё", "е").split(), heard.replace("ё", "е").split()
        distance = edit_distance(expected, found)
        self.words += len(expected)
        self.errors += distance
        self.phrases += 1
        self.exact += distance == 0

    @property
    def percent(self) -> float:
        return 100 * self.errors / max(1, self.words)
