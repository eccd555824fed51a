"""Wishes that a dialplan's forms declare by examples: what is said almost like one of them is meant like it.

A handful of phrases teaches the classifier little beside thousands of others; a rule makes a new dialog work at once.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from voicebot.dialog.understanding import intents
from voicebot.dialog.understanding.features import lemmas
from voicebot.russian.text import normalise

#: Dice's coefficient of the words' dictionary forms: three of four words agree.
_ALIKE = 0.75


class Examples:
    """The examples of one clinic's own intents."""

    def __init__(self, examples: Mapping[str, Sequence[str]]) -> None:
        self._known = [
            (intent, Counter(lemmas(normalise(phrase))))
            for intent, phrases in examples.items()
            if intent not in intents.RULED
            for phrase in phrases
        ]

    def nearest(self, plain: str) -> tuple[str, float]:
        """Return the intent whose example a normalised phrase is most like, and how much, 0..1; ("", 0) where none is."""
        said = Counter(lemmas(plain))
        best = ("", 0.0)
        for intent, words in self._known:
            alike = 2 * (said & words).total() / max(1, said.total() + words.total())
            if alike >= _ALIKE and alike > best[1]:
                best = (intent, alike)
        return best
