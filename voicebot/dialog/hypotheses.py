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
        # Hypotheses of one recogniser exclude one another; the other one hears the same sound once more.
        if not self.is_summed:
            return self.own
        sums: dict[str, float] = {}
        for one, meaning in zip(self.alternatives, self.meanings, strict=True):
            if has(meaning):
                sums[one.source] = sums.get(one.source, 0.0) + one.confidence
        return min(1.0, max(sums.values(), default=self.own))
