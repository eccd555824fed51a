"""What a caller wants: the rules' certain findings and the classifier's probabilities brought together."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from voicebot.dialog.understanding import intents
from voicebot.dialog.understanding.classifier import Classifier
from voicebot.dialog.understanding.examples import Examples
from voicebot.dialog.understanding.phrases import ANSWER, ANY_ANSWER, NOTHING
from voicebot.russian.answers import parse_yes_no

_SUBJECT = frozenset({"doctor", "speciality", "service"})
_CLINICS_OWN = _SUBJECT | {"test"}
_SURELY_NAMED = 0.75
_QUESTIONS = frozenset({"prepare", "document", "info", "address", "hours", "ready", "schedule"})
_ASKED = frozenset({"price", "prepare", "ready"})
_VALUES = frozenset({"datetime", "phone", "digits", "name", "birth_date", "ordinal", "branch"})
#: Questions that may be answered by a wish; at all others a value is expected, and a wish must be surer to count.
_OPEN = frozenset({"", "request", "free", "subject"})
_REJECT_BELOW = 0.55
_OUTSIDE_ABOVE = 0.15
_STRANGE_ABOVE = 0.28  # nothing of the clinic's named: measured on the development phrases
_STRANGE_WITH_HINT = 0.42  # where a rule or a word of the FAQ speaks for the clinic
_ANSWERED_ABOVE = 0.5
_ANSWERED_SURELY = 0.15
_DISTINCT = 0.3
_ANSWERS = ("info", "document")  # intents that the FAQ answers
_FAMILIAR = 0.5
_REJECT_ANSWER_BELOW = 0.75
_COMMAND_BELOW = 0.5
_SURE_COMMAND, _CERTAIN_COMMAND = 0.7, 0.9
_LEAST_COMMAND_WORDS = 3
_CERTAIN = 0.97
_NAMED = 0.95
_RULE_ALONE = 0.95  # the probability of a rule's finding where nothing was trained
_DOUBTED_BELOW = 0.3
_OVERRULED_BELOW = 0.2
_OVERRULING = 0.6
_SURER_THAN_BOOK = 0.4  # its rule has the widest words: "запись", "к врачу"
_SHORT_ANSWER_WORDS = 4
_BARE_WORDS = 3  # a subject and no more is a wish to have it, unless another is rather sure
_VAGUE = frozenset({"book", "reschedule"})  # their rules are wide: "опаздываю на приём" is a question of the FAQ
_OFFERED = frozenset({"choice", "datetime"})  # questions about free times
_NEITHER = frozenset({ANSWER, NOTHING})
_STRANGE = ("off_topic", NOTHING)
_STRANGE_WITH_OWN = 0.3  # what a call for somebody else is as likely where the clinic's own is named
_MAY_BE_NO = frozenset({"stop", "help"})
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
    is_answer_sure: bool = False
    is_whom_and_when: bool = False  # a doctor, a day or an hour, and no more
    answer_intent: str = ""  # of the entry of the FAQ that answers the phrase as a whole; "" where none surely does

    @property
    def is_open(self) -> bool:
        return self.kind in _OPEN

    @property
    def has_own(self) -> bool:
        """Whether something of the clinic is named, be it one of several; a word of many services ("проверка") is nothing."""
        return bool(self.slots.keys() & _CLINICS_OWN or self.named & (_CLINICS_OWN - {"service"}))

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

    def __init__(
        self,
        classifier: Classifier | None,
        examples: Examples,
        answers: Classifier | None = None,
        taught: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        """`classifier` tells intents, `answers` entries of the FAQ; `taught`: intent -> the phrases of that training."""
        self._exact: dict[str, str] = {}
        for intent, phrases in taught.items():
            for phrase in phrases:
                self._exact[phrase] = intent if self._exact.get(phrase, intent) == intent else ""
        self._classifier = classifier
        self._answers = answers
        self._examples = examples
        self._has_lab = classifier is not None and "lab" in classifier.intents

    def probabilities(self, plain: str) -> dict[str, float]:
        """Intent -> probability by the classifier; empty without one."""
        if self._classifier is None:
            return {}
        return self._classifier.probabilities(plain, intents.hits(plain))

    def answer(self, plain: str) -> tuple[str, float]:
        """Return which entry of the FAQ a question is answered by, and how likely; ("", 0.0) where nothing was learnt."""
        answer, probability = _top(self._answers.probabilities(plain)) if self._answers is not None else ("", 0.0)
        return ("", 0.0) if answer == ANY_ANSWER else (answer, probability)

    def command(self, plain: str, probabilities: Mapping[str, float], kind: str) -> Wish:
        """Return what is said about the call itself ("повторите", "человека дайте"); intent "" when nothing is."""
        certain = intents.command(plain) or intents.command_of_answer(plain, kind)
        if certain in _MAY_BE_NO and kind == "yes_no" and parse_yes_no(plain) is False:
            return Wish("", 0.0)  # "нет, я передумал", "нет, вы меня не поняли": no to what was asked
        if not certain and kind in _OPEN and self._exact.get(plain, "") in intents.COMMANDS:
            certain = self._exact[plain]
        if certain:
            return Wish(certain, max(_CERTAIN, probabilities.get(certain, 0.0)))
        top, probability = _top(probabilities)
        words = len(plain.split())
        is_long = kind in _OPEN and probability >= _SURE_COMMAND and words >= _LEAST_COMMAND_WORDS
        if parse_yes_no(plain) is not None and not is_long:
            return Wish("", 0.0)  # "нет, спасибо" is an answer, whatever it resembles
        if top not in intents.COMMANDS or probability < (_COMMAND_BELOW if kind in _OPEN else _REJECT_ANSWER_BELOW):
            return Wish("", 0.0)
        most = intents.SHORT_WORDS * (2 if probability >= _CERTAIN_COMMAND else 1)
        if top not in intents.ANYWHERE and words > most:
            return Wish("", 0.0)
        if top in _ENDING and " " not in plain:
            return Wish("", 0.0)  # a misheard "да" ("до") must not end the call
        return Wish(top, probability)

    def of(self, said: Said, probabilities: Mapping[str, float]) -> Wish:
        """Return the wish of a phrase. What is named and no more where it was asked for ("к анализу на сахар") is none."""
        wish = self._of(said, probabilities)
        is_named_only = said.kind == "subject" and said.has_own and not intents.topic(said.plain)
        return Wish("none", 0.0) if is_named_only and wish.probability < _REJECT_ANSWER_BELOW else wish

    def _of(self, said: Said, probabilities: Mapping[str, float]) -> Wish:
        """What was taught word for word is meant as it was taught."""
        exact = self._exact.get(said.plain, "")
        if said.is_open and (_is_wish(exact) or exact == "off_topic"):
            return Wish(_fitted(exact, said), max(_CERTAIN, probabilities.get(exact, 0.0)))
        if said.has_own and said.score >= _SURELY_NAMED:
            probabilities = _of_the_clinic(probabilities)
        if said.is_whom_and_when and said.is_open and intents.topic(said.plain) in ("", "book"):
            return Wish("book", max(_NAMED * said.score, probabilities.get("book", 0.0)))
        if not said.has_own and _is_strange(said, probabilities):
            outside = probabilities.get("off_topic", 0.0)
            is_another = outside >= probabilities.get(NOTHING, 0.0) and self._is_familiar(said.plain)
            return Wish("off_topic", outside) if is_another else Wish("none", 0.0)
        wish = self._topic(said, probabilities)
        answered = sum(probabilities.get(intent, 0.0) for intent in _ANSWERS)
        is_vague = wish.intent in ("", "book", "lab") and wish.probability < _OVERRULING and said.is_open
        if said.answer_intent and is_vague and answered >= (_ANSWERED_SURELY if said.is_answer_sure else _ANSWERED_ABOVE):
            return Wish(said.answer_intent, max(answered, _REJECT_BELOW))
        intent = _fitted(wish.intent, said)
        if intent in _VAGUE and wish.probability < _REJECT_BELOW and "faq" in said.slots and not said.named & _SUBJECT:
            return Wish(said.faq_intent, max(wish.probability, probabilities.get(said.faq_intent, 0.0)))
        is_doubtful = wish.probability < _CERTAIN_COMMAND and intents.topic(said.plain) != intent
        if intent in _QUESTIONS and said.is_question_of_faq and is_doubtful:
            return Wish(said.faq_intent, max(wish.probability, probabilities.get(said.faq_intent, 0.0)))
        if not intent and (other := _other_than_book(said, probabilities)).intent:
            return other
        if intent in ("book", "lab", "") and "test" in said.named and not said.named & _SUBJECT and self._has_lab:
            # Two names of one wish where a test is named.
            is_bare = said.is_open and said.kind != "subject" and len(said.plain.split()) <= _BARE_WORDS
            own = _NAMED * said.score if is_bare else 0.0  # "биохимия", whatever the classifier makes of it
            return Wish("lab", max(wish.probability, own, probabilities.get("book", 0.0) + probabilities.get("lab", 0.0)))
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
        if rule == "sms" and said.kind == "phone" and said.is_answer:
            return Wish("", 0.0)  # "смс присылайте на ..."
        if rule == "document" and said.kind == "service" and said.is_answer:
            return Wish("", 0.0)  # "справка в бассейн" is the service that was asked for
        if rule == "reschedule" and said.kind == "datetime" and said.is_answer:
            return Wish("", 0.0)  # "в среду не могу, лучше в четверг"
        if said.kind in _OFFERED and "datetime" in said.named and not said.named & _SUBJECT and "schedule" in (rule, top):
            return Wish("", 0.0)  # "а на следующей неделе есть?", asked of the times on offer
        if rule:
            own = probabilities.get(rule, _RULE_ALONE)
            if top == "off_topic" and own < _DOUBTED_BELOW and not said.named & _SUBJECT:
                return Wish("", 0.0)
            is_overruled = own < _OVERRULED_BELOW and probability >= _OVERRULING
            if rule == "book" and _is_wish(top) and said.is_open and probability >= max(_SURER_THAN_BOOK, 1.3 * own):
                is_overruled = True
            if not is_overruled:
                is_asked = said.has_own and rule in _ASKED  # "сколько стоит" of a thing of ours, however much is told around it
                return Wish(rule, max(own, _REJECT_BELOW) if is_asked else own)
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


def _is_strange(said: Said, probabilities: Mapping[str, float]) -> bool:
    """Whether a phrase that names nothing of the clinic's is likely for somebody else."""
    if not said.is_open or said.named & (_VALUES | {"yes_no"}):
        return False
    has_hint = said.is_question_of_faq or bool(intents.topic(said.plain))
    return sum(probabilities.get(name, 0.0) for name in _STRANGE) > (_STRANGE_WITH_HINT if has_hint else _STRANGE_ABOVE)


def _of_the_clinic(probabilities: Mapping[str, float]) -> dict[str, float]:
    """The probabilities of a phrase that names something of the clinic: such a call is seldom for somebody else."""
    given = {name: value * (_STRANGE_WITH_OWN if name in _STRANGE else 1.0) for name, value in probabilities.items()}
    whole = sum(given.values())
    return {name: value / whole for name, value in sorted(given.items(), key=lambda one: -one[1])}


def _other_than_book(said: Said, probabilities: Mapping[str, float]) -> Wish:
    """What is wanted of a thing that is named, where that is rather not to have it; "" where nothing says so."""
    top, probability = _top(probabilities)
    if not said.is_open or not said.named & _CLINICS_OWN or len(said.plain.split()) <= _BARE_WORDS or not _is_wish(top):
        return Wish("", 0.0)
    own = probabilities.get("book", 0.0) + probabilities.get("lab", 0.0)
    return Wish(top, probability) if top not in ("book", "lab") and probability >= max(_DISTINCT, own) else Wish("", 0.0)


def _without_topic(said: Said, probabilities: Mapping[str, float]) -> Wish:
    """A phrase that names something without saying what is wanted, or nothing of the clinic's."""
    outside = probabilities.get("off_topic", 0.0)
    nothing = probabilities.get(NOTHING, 0.0)
    top, probability = _top(probabilities)
    if intents.is_off_topic(said.plain) and not said.named & _SUBJECT and not said.is_answer:
        return Wish("off_topic", max(outside, _RULE_ALONE if not probabilities else 0.5))
    if said.is_open and outside > _STRANGE_WITH_HINT and not said.slots.keys() & (_CLINICS_OWN | _VALUES):
        return Wish("off_topic", outside)
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
