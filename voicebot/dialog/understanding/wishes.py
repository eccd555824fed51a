"""What a caller wants: the rules' certain findings and the classifier's probabilities brought together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from voicebot.dialog.understanding import intents
from voicebot.dialog.understanding.classifier import Classifier
from voicebot.dialog.understanding.phrases import ANSWER, NOTHING

_SUBJECT = frozenset({"doctor", "speciality", "service"})
#: Questions that may be answered by a wish; at all others a value is expected, and a wish must be surer to count.
_OPEN = frozenset({"", "request", "free", "subject"})
_REJECT_BELOW = 0.4
_REJECT_ANSWER_BELOW = 0.75
_RULE_ALONE = 0.95  # the probability of a rule's finding where nothing was trained
_OVERRULED_BELOW = 0.04
_OVERRULING = 0.9
_NEITHER = frozenset({ANSWER, NOTHING})


@dataclass(frozen=True, slots=True)
class Wish:
    """An intent ("none": no wish) and the probability that it is the right one."""

    intent: str
    probability: float


class Wishes:
    """Decides on one clinic's intents. Without a classifier the rules decide alone."""

    def __init__(self, classifier: Classifier | None) -> None:
        self._classifier = classifier
        self._has_lab = classifier is not None and "lab" in classifier.intents

    def probabilities(self, plain: str) -> dict[str, float]:
        """Intent -> probability by the classifier; empty without one."""
        if self._classifier is None:
            return {}
        return self._classifier.probabilities(plain, intents.hits(plain))

    def of(
        self,
        plain: str,
        probabilities: Mapping[str, float],
        slots: Mapping[str, Any],
        ambiguous: Mapping[str, Any],
        kind: str,
    ) -> Wish:
        """Return the wish of a normalised phrase with these slots; `kind` is what the question expects ("": nothing asked)."""
        named = slots.keys() | ambiguous.keys()
        wish = self._topic(plain, probabilities, kind if kind in _OPEN or kind in slots else "request")
        intent = _fitted(wish.intent, plain, named)
        if intent in ("book", "") and "test" in named and not named & _SUBJECT and self._has_lab:
            return Wish("lab", max(wish.probability, probabilities.get("lab", 0.0)))
        if intent:
            return Wish(intent, wish.probability)
        return self._without_topic(plain, probabilities, slots, named)

    def _topic(self, plain: str, probabilities: Mapping[str, float], kind: str) -> Wish:
        """The request a phrase makes by its own words; intent "" when there is none."""
        rule = intents.topic(plain)
        top, probability = next(iter(probabilities.items()), ("", 0.0))
        if rule:
            if not probabilities:
                return Wish(rule, _RULE_ALONE)
            own = probabilities.get(rule, _RULE_ALONE)
            if own >= _OVERRULED_BELOW or probability < _OVERRULING:
                return Wish(rule, own)
        least = _REJECT_BELOW if kind in _OPEN else _REJECT_ANSWER_BELOW
        if top in _NEITHER or top in intents.COMMANDS or top in ("off_topic", "emergency") or probability < least:
            return Wish("", probability)
        return Wish(top, probability)

    def _without_topic(
        self, plain: str, probabilities: Mapping[str, float], slots: Mapping[str, Any], named: "set[str]"
    ) -> Wish:
        """A phrase that names something without saying what is wanted, or nothing of the clinic's."""
        outside = probabilities.get("off_topic", 0.0)
        if intents.is_off_topic(plain) and not named & _SUBJECT:
            return Wish("off_topic", max(outside, _RULE_ALONE if not probabilities else 0.5))
        if named & _SUBJECT or "test" in named:
            return Wish("book", 1.0 - outside - probabilities.get(NOTHING, 0.0))
        if "faq" in slots:
            return Wish("info", 1.0 - outside)
        if "yes_no" in slots:
            return Wish("yes" if slots["yes_no"] else "no", 0.97)
        if outside >= _REJECT_BELOW and outside >= probabilities.get(ANSWER, 0.0):
            return Wish("off_topic", outside)
        return Wish("none", 0.0)


def _fitted(intent: str, plain: str, named: "set[str]") -> str:
    """The intent as the entries named beside it make it."""
    if intent == "document" and "service" in named and intents.asks_to_book(plain):
        return "book"  # "запишите на справку в бассейн"
    if intent == "hours" and named & {"doctor", "speciality"}:
        return "schedule"
    return intent
