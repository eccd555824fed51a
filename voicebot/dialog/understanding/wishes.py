"""What a caller wants: the rules' certain findings and the classifier's probabilities brought together."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from voicebot.dialog.understanding import intents
from voicebot.dialog.understanding.classifier import Classifier
from voicebot.dialog.understanding.examples import Examples
from voicebot.dialog.understanding.phrases import ANSWER, NOTHING
from voicebot.russian.answers import parse_yes_no

_SUBJECT = frozenset({"doctor", "speciality", "service"})
_CLINICS_OWN = _SUBJECT | {"test", "faq"}
_SURELY_NAMED = 0.75
_QUESTIONS = frozenset({"prepare", "document", "info", "address", "hours", "ready", "schedule"})
_VALUES = frozenset({"datetime", "phone", "digits", "name", "birth_date", "ordinal", "branch"})
#: Questions that may be answered by a wish; at all others a value is expected, and a wish must be surer to count.
_OPEN = frozenset({"", "request", "free", "subject"})
_REJECT_BELOW = 0.55
_OUTSIDE_ABOVE = 0.15
_FAMILIAR = 0.5
_REJECT_ANSWER_BELOW = 0.75
_COMMAND_BELOW = 0.5
_CERTAIN = 0.97
_NAMED = 0.95
_RULE_ALONE = 0.95  # the probability of a rule's finding where nothing was trained
_DOUBTED_BELOW = 0.3
_OVERRULED_BELOW = 0.2
_OVERRULING = 0.6
_SHORT_ANSWER_WORDS = 4
_BARE_WORDS = 3  # a subject and no more is a wish to have it, unless another is rather sure
_VAGUE = frozenset({"book", "reschedule"})  # their rules are wide: "опаздываю на приём" is a question of the FAQ
_NEITHER = frozenset({ANSWER, NOTHING})
_STRANGE = ("off_topic", NOTHING)
_STRANGE_WITH_OWN = 0.3  # what a call for somebody else is as likely where the clinic's own is named
_ENDING = frozenset({"goodbye", "stop"})


@dataclass(frozen=True, slots=True)
class Wish:
    """An intent ("none": no wish) and the probability that it is the right one."""

    intent: str
    probability: float


@dataclass(frozen=True, slots=True)
class Said:
    """A normalised phrase with what was found in it; `kind` is what the question expects ("": nothing was asked)."""

    plain: str
    kind: str
    slots: Mapping[str, Any]
    named: Set[str]  # slots, also those that several entries fit
    change: str = ""
    score: float = 1.0  # how sure what is named is, 0..1
    faq_intent: str = "info"  # of the question of the FAQ that was found

    @property
    def is_open(self) -> bool:
        return self.kind in _OPEN

    @property
    def is_question_of_faq(self) -> bool:
        """Whether a question of the FAQ was asked in its own words, and of nothing else."""
        return "faq" in self.slots and self.score >= _SURELY_NAMED and not self.named & (_SUBJECT | {"test"})

    @property
    def is_answer(self) -> bool:
        """Whether the question has what it expects."""
        return self.kind in self.named


class Wishes:
    """Decides on one clinic's intents. Without a classifier the rules decide alone."""

    def __init__(self, classifier: Classifier | None, examples: Examples) -> None:
        self._classifier = classifier
        self._examples = examples
        self._has_lab = classifier is not None and "lab" in classifier.intents

    def probabilities(self, plain: str) -> dict[str, float]:
        """Intent -> probability by the classifier; empty without one."""
        if self._classifier is None:
            return {}
        return self._classifier.probabilities(plain, intents.hits(plain))

    def command(self, plain: str, probabilities: Mapping[str, float], kind: str) -> Wish:
        """Return what is said about the call itself ("повторите", "человека дайте"); intent "" when nothing is."""
        certain = intents.command(plain) or intents.command_of_answer(plain, kind)
        if certain:
            return Wish(certain, max(_CERTAIN, probabilities.get(certain, 0.0)))
        top, probability = _top(probabilities)
        if parse_yes_no(plain) is not None:
            return Wish("", 0.0)  # "нет, спасибо" is an answer, whatever it resembles
        if top not in intents.COMMANDS or probability < (_COMMAND_BELOW if kind in _OPEN else _REJECT_ANSWER_BELOW):
            return Wish("", 0.0)
        if top not in intents.ANYWHERE and len(plain.split()) > intents.SHORT_WORDS:
            return Wish("", 0.0)
        if top in _ENDING and " " not in plain:
            return Wish("", 0.0)  # a misheard "да" ("до") must not end the call
        return Wish(top, probability)

    def of(self, said: Said, probabilities: Mapping[str, float]) -> Wish:
        """Return the wish of a phrase."""
        if said.named & _CLINICS_OWN and said.score >= _SURELY_NAMED:
            probabilities = _of_the_clinic(probabilities)
        wish = self._topic(said, probabilities)
        intent = _fitted(wish.intent, said)
        if intent in _VAGUE and wish.probability < _REJECT_BELOW and "faq" in said.slots and not said.named & _SUBJECT:
            return Wish(said.faq_intent, max(wish.probability, probabilities.get(said.faq_intent, 0.0)))
        if intent in _QUESTIONS and said.is_question_of_faq and intents.topic(said.plain) != intent:
            return Wish(said.faq_intent, max(wish.probability, probabilities.get(said.faq_intent, 0.0)))
        if intent in ("book", "lab", "") and "test" in said.named and not said.named & _SUBJECT and self._has_lab:
            # Two names of one wish where a test is named.
            return Wish("lab", max(wish.probability, probabilities.get("book", 0.0) + probabilities.get("lab", 0.0)))
        if intent:
            return Wish(intent, wish.probability)
        other = _without_topic(said, probabilities)
        if other.intent == "off_topic" and not self._is_familiar(said.plain):
            return Wish("none", 0.0)  # words that nobody taught: not heard rather than not ours
        return other

    def _is_familiar(self, plain: str) -> bool:
        return self._classifier is None or self._classifier.familiarity(plain) >= _FAMILIAR

    def _topic(self, said: Said, probabilities: Mapping[str, float]) -> Wish:
        """The request a phrase makes by its own words; intent "" when there is none."""
        rule = intents.topic(said.plain)
        top, probability = _top(probabilities)
        if rule == "book" and said.kind == "yes_no" and "yes_no" in said.named and not said.named & _SUBJECT:
            return Wish("", 0.0)  # "да, записывайте"
        if rule == "reschedule" and said.kind == "datetime" and said.is_answer:
            return Wish("", 0.0)  # "в среду не могу, лучше в четверг"
        if rule:
            own = probabilities.get(rule, _RULE_ALONE)
            if top == "off_topic" and own < _DOUBTED_BELOW and not said.named & _SUBJECT:
                return Wish("", 0.0)
            if own >= _OVERRULED_BELOW or probability < _OVERRULING:
                return Wish(rule, own)
        example, alike = self._examples.nearest(said.plain)
        if example and said.is_open:
            return Wish(example, max(alike, probabilities.get(example, 0.0)))
        if not said.is_open and (said.is_answer or said.change):
            return Wish("", 0.0)  # what only sounds like a wish is the answer it was asked for
        is_bare = said.is_open and len(said.plain.split()) <= _BARE_WORDS and bool(said.named & _SUBJECT)
        least = _REJECT_BELOW if said.is_open and not is_bare else _REJECT_ANSWER_BELOW
        outside = probabilities.get("off_topic", 0.0) + probabilities.get(NOTHING, 0.0)
        if not _is_wish(top) or probability < least or (outside > _OUTSIDE_ABOVE and not said.named & _SUBJECT):
            return Wish("", 0.0)
        return Wish(top, probability)


def _of_the_clinic(probabilities: Mapping[str, float]) -> dict[str, float]:
    """The probabilities of a phrase that names something of the clinic: such a call is seldom for somebody else."""
    given = {name: value * (_STRANGE_WITH_OWN if name in _STRANGE else 1.0) for name, value in probabilities.items()}
    whole = sum(given.values())
    return {name: value / whole for name, value in sorted(given.items(), key=lambda one: -one[1])}


def _without_topic(said: Said, probabilities: Mapping[str, float]) -> Wish:
    """A phrase that names something without saying what is wanted, or nothing of the clinic's."""
    outside = probabilities.get("off_topic", 0.0)
    nothing = probabilities.get(NOTHING, 0.0)
    top, probability = _top(probabilities)
    if intents.is_off_topic(said.plain) and not said.named & _SUBJECT:
        return Wish("off_topic", max(outside, _RULE_ALONE if not probabilities else 0.5))
    if said.named & _SUBJECT or "test" in said.named:
        # A bare name that the catalogue knows is the clinic's, whatever the classifier makes of a word it never met.
        own = _NAMED * said.score if len(said.plain.split()) <= _BARE_WORDS else 0.0
        return Wish("book", max(own, 1.0 - outside - nothing))
    if "faq" in said.slots:
        return Wish(said.faq_intent, 1.0 - outside - nothing)
    if "yes_no" in said.slots:
        is_long = said.is_open and len(said.plain.split()) > _SHORT_ANSWER_WORDS
        if is_long and (_is_wish(top) or top == "off_topic") and probability > probabilities.get(ANSWER, 0.0):
            return Wish(top, probability)
        return Wish("yes" if said.slots["yes_no"] else "no", _CERTAIN)
    if said.named & _VALUES or said.change or (not said.is_open and top != "off_topic"):
        return Wish("none", 0.0)
    if outside > max(nothing, _OUTSIDE_ABOVE) and not _is_wish(top):
        return Wish("off_topic", outside)
    return Wish("none", 0.0)


def _top(probabilities: Mapping[str, float]) -> tuple[str, float]:
    return next(iter(probabilities.items()), ("", 0.0))


def _is_wish(intent: str) -> bool:
    return (
        bool(intent) and intent not in _NEITHER and intent not in intents.COMMANDS and intent not in ("off_topic", "emergency")
    )


def _fitted(intent: str, said: Said) -> str:
    """The intent as the entries named beside it make it."""
    if intent == "document" and "service" in said.named and intents.asks_to_book(said.plain):
        return "book"  # "запишите на справку в бассейн"
    if intent == "info" and said.faq_intent != "info" and not said.named & _SUBJECT:
        return said.faq_intent
    if intent == "hours" and said.named & {"doctor", "speciality"}:
        return "schedule"
    return intent
