"""Which of the recogniser's hypotheses counts, and how sure its meaning is.

A recogniser spreads its belief over texts; a dialog needs it of meanings. "Восемь девятьсот двадцать шесть ..." may be five
spellings of one number, each of them improbable: what they agree on is not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from voicebot.dialog.talking import Alternative, Heard, Profile
from voicebot.dialog.turn import Turn
from voicebot.dialog.understanding import Understood

#: A hypothesis further down the recogniser's list is believed less.
RANK_DECAY = 0.92
EMERGENCY_RANKS = 2
_OPEN = "open"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One text and what it would mean."""

    text: str
    understood: Understood


def read(turn: Turn, event: Heard) -> list[Hypothesis]:
    """Return what each hypothesis means, in the recogniser's order, as sure as all that mean the same."""
    expect = turn.state.expect
    meanings = [turn.understanding.understand(one.text, expect, turn.now) for one in event.alternatives]
    # A name's own confidence tells of all its near-homophones already (hearing/choose.py).
    is_summed = expect is None or expect.profile is not Profile.NAME
    found = []
    for rank, (alternative, meaning) in enumerate(zip(event.alternatives, meanings, strict=True)):
        belief = _Belief(event.alternatives, meanings, alternative.confidence, is_summed)
        heard = meaning.as_heard(alternative.confidence, RANK_DECAY**rank, belief.of_slot, belief.of_intent(meaning.intent))
        found.append(Hypothesis(alternative.text, heard))
    return found


@dataclass(frozen=True, slots=True)
class _Belief:
    """How probable a part of a meaning is, over all hypotheses that share it."""

    alternatives: Sequence[Alternative]
    meanings: Sequence[Understood]
    own: float
    is_summed: bool

    def of_slot(self, slot: str, value: Any) -> float:
        return self._shared(lambda meaning: slot in meaning.slots and meaning.slots[slot] == value)

    def of_intent(self, intent: str) -> float:
        return self._shared(lambda meaning: meaning.intent == intent)

    def _shared(self, has: Callable[[Understood], bool]) -> float:
        # Only the open recogniser's hypotheses exclude one another: a grammar hears the same sound once more.
        if not self.is_summed:
            return self.own
        pairs = zip(self.alternatives, self.meanings, strict=True)
        return min(1.0, max(self.own, sum(one.confidence for one, meaning in pairs if one.source == _OPEN and has(meaning))))
