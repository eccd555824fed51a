"""Which of the recogniser's hypotheses counts, and how sure its meaning is.

A recogniser spreads its belief over texts; a dialog needs it of meanings. "Восемь девятьсот двадцать шесть ..." may be five
spellings of one number, each of them improbable: what they agree on is not.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from voicebot.dialog.commands import GLOBAL
from voicebot.dialog.talking import Alternative, Expect, Profile
from voicebot.dialog.understanding import Understanding, Understood

#: A hypothesis further down the recogniser's list is believed less.
RANK_DECAY = 0.92
EMERGENCY_RANKS = 2
#: Questions that any wish answers.
_OPEN = frozenset({"request", "free"})
_NOTHING = frozenset({"none", "off_topic"})
_LEAST_VOTE = 0.1
"""A wish that fewer of the hypotheses have is not preferred to "nothing of ours"."""


_JOINED = frozenset({"doctor", "datetime", "branch"})
"""What may stand beside any wish and any other thing: of two services that two hypotheses name, only one was said."""
_LEAST_JOINED = 0.15


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One text and what it would mean; `vote` is the probability that it was said and meant so, as far as it alone tells."""

    text: str
    understood: Understood
    vote: float = 0.0


def read(
    understanding: Understanding, alternatives: Sequence[Alternative], expect: Expect | None, now: datetime
) -> list[Hypothesis]:
    """Return what each hypothesis means, in the recogniser's order, as sure as all that mean the same."""
    meanings = [understanding.understand(one.text, expect, now) for one in alternatives]
    # A name's own confidence tells of all its near-homophones already (hearing/choose.py).
    is_summed = expect is None or expect.profile is not Profile.NAME
    found = []
    for rank, (alternative, meaning) in enumerate(zip(alternatives, meanings, strict=True)):
        belief = _Belief(alternatives, meanings, alternative.confidence, is_summed)
        heard = meaning.as_heard(alternative.confidence, RANK_DECAY**rank, belief.of_slot, belief.of_intent(meaning.intent))
        found.append(Hypothesis(alternative.text, heard, alternative.confidence * meaning.intent_confidence))
    return found


def best(
    several: Sequence[Hypothesis],
    expect: Expect | None,
    fits: Callable[[Hypothesis], bool],
    is_option: Callable[[Hypothesis], bool],
) -> Hypothesis:
    """Return the hypothesis to go by: one that answers the question (`fits`), else the first that means anything.

    `is_option`: whether the question itself lists these words.
    """
    # An emergency is worth a false alarm: the second hypothesis may name it too (the first may come from a grammar).
    for one in several[:EMERGENCY_RANKS]:
        if one.understood.intent == "emergency":
            return one
    if expect is not None and expect.type in _OPEN:
        return _agreed(several)
    first = several[0]
    if first.understood.intent in GLOBAL and not is_option(first):
        return first
    fitting = [one for one in several if fits(one)]
    fitting = fitting or [one for one in several if not one.understood.is_nothing] or list(several)
    return _most_told(fitting, fitting[0])


def _agreed(several: Sequence[Hypothesis]) -> Hypothesis:
    """Of an open question's hypotheses the one whose wish most of them have, and of these the one that tells the most."""
    votes = dict[str, float]()
    for one in several:
        if one.understood.intent not in _NOTHING:
            votes[one.understood.intent] = votes.get(one.understood.intent, 0.0) + one.vote
    intent, vote = max(votes.items(), key=lambda item: item[1], default=("", 0.0))
    same = [one for one in several if one.understood.intent == intent]
    if not same or vote < _LEAST_VOTE:
        same = [one for one in several if not one.understood.is_nothing] or list(several)
        return _most_told(same, same[0])
    return _joined(_most_told(same, same[0]), same)


def _joined(best: Hypothesis, same: Sequence[Hypothesis]) -> Hypothesis:
    """With what other hypotheses of the same wish tell beside it, as sure as they are: "на снятие швов к ноль три" names no
    doctor, but the next one does.
    """
    slots, sureness = dict(best.understood.slots), dict(best.understood.sureness)
    for one in same:
        for slot, value in one.understood.slots.items():
            is_new = slot in _JOINED and slot not in slots and slot not in best.understood.ambiguous
            if is_new and one.understood.sure_of(slot) >= _LEAST_JOINED:
                slots[slot], sureness[slot] = value, one.understood.sure_of(slot)
    if len(slots) == len(best.understood.slots):
        return best
    told = {slot: sureness.get(slot, best.understood.confidence) for slot in slots}
    return replace(best, understood=replace(best.understood, slots=slots, sureness=told))


def _most_told(several: Sequence[Hypothesis], first: Hypothesis) -> Hypothesis:
    """The same wish, but with its object: "к Морозову" says more than "к морозу"."""
    if first.understood.slots:
        return first
    intent = first.understood.intent
    return next((one for one in several if one.understood.slots and one.understood.intent == intent), first)


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
