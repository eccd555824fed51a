"""Understanding of one phrase, given what was asked."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from voicebot.clinic.catalogue import KINDS, Catalogue
from voicebot.dialog.talking import Expect
from voicebot.dialog.understanding import details, intents
from voicebot.dialog.understanding.classifier import learn
from voicebot.dialog.understanding.emergencies import is_emergency, is_suspected
from voicebot.dialog.understanding.examples import Examples
from voicebot.dialog.understanding.grammar import COMMANDS, Grammars
from voicebot.dialog.understanding.phrases import all_phrases, faq_phrases, heard_phrases, names_by_kind, own_names
from voicebot.dialog.understanding.understood import Understood
from voicebot.dialog.understanding.values import Values, names_unknown_doctor
from voicebot.dialog.understanding.wishes import Said, Wish, Wishes
from voicebot.russian.answers import parse_yes_no
from voicebot.russian.birth import parse_birth_date
from voicebot.russian.fuzzy import Ambiguous, best_match
from voicebot.russian.phones import dictated_digits, is_complete_phone, parse_phone_digits
from voicebot.russian.text import normalise, words
from voicebot.russian.when import parse_visit

#: What has numbers that are no time.
_WITH_NUMBERS = frozenset({"phone", "digits", "birth_date", "ordinal"})
_SUBJECT = ("doctor", "speciality", "service")
_PHRASE_FLOOR = 0.82
_ANSWER_ABOVE, _ANSWER_SURELY = 0.6, 0.93
_SURER_THAN_COMMAND = 0.9
#: Only for `fits` and `is_complete`, which ask whether a phrase is a time at all, not which.
_SOME_MORNING = datetime(2026, 1, 12, 9, 0)  # noqa: DTZ001 - local time of nowhere: parse_when needs none
_SURE_YES = frozenset(["да", "ага", "угу", "конечно", "верно", "правильно", "подтверждаю"])
_WHOLE_CHOICES = ("ый", "ой", "ий", "ая", "ья", "вариант")
_PHONE_DIGITS = 11
_COMMANDS = frozenset(map(normalise, COMMANDS))
_PART_OF_NAME_FIT, _NO_SURNAME_FIT = 0.55, 0.45
_BARE_WISH_FIT = 0.6
#: What is never an answer, but is always meant.
_OF_CALL = frozenset({"emergency", "operator", "repeat", "goodbye", "hold_on", "back", "help"})


class Understanding:
    """Understands callers of one clinic. Holds prepared indexes; share one per process."""

    def __init__(
        self,
        catalogue: Catalogue,
        examples: Mapping[str, Sequence[str]] = MappingProxyType({}),
        *,
        folder: Path | None = None,
        cache_folder: Path | None = None,
    ) -> None:
        """`examples`: intent -> phrases that a dialplan's forms declare. `folder`: the clinic's, whose understanding/*.yaml
        trains the classifier; `cache_folder` keeps what was learnt between starts (None: nowhere).
        """
        self.catalogue = catalogue
        self._wishes = _taught(catalogue, examples, folder, cache_folder)
        self._values = Values(catalogue)
        self._grammars = Grammars(catalogue)

    def warm_up(self) -> None:
        """Build the indexes now, not at the first phrase (about a second)."""
        self.understand("кардиолог", None, _SOME_MORNING)

    def understand(self, text: str, expect: Expect | None, now: datetime) -> Understood:
        """Return the meaning of a phrase. `now` is the clinic's local time."""
        kind = expect.type if expect is not None else ""
        plain = details.with_yes(normalise(text)) if kind == "yes_no" else normalise(text)
        if not plain:
            return Understood()
        probabilities = self._wishes.probabilities(plain)
        if is_emergency(plain):
            return Understood("emergency", {}, 1.0, 1.0)
        command = self._wishes.command(plain, probabilities, kind)
        if command.intent in ("operator", "upset") and not is_suspected(plain, probabilities, is_complaint=True):
            return _of_call(command, {})
        found = self._values.of(plain, kind, now)
        slots, ambiguous, score = found.slots, found.ambiguous, found.score
        if not slots.keys() & {"service", "test"} and is_suspected(plain, probabilities, "speciality" in slots):
            return _of_call(Wish("emergency", probabilities["emergency"]), {})
        # The words of a command are certain; a slot that only sounds like one of them is not.
        has_content = bool(slots.keys() - {"yes_no", "ordinal"}) and score >= _SURER_THAN_COMMAND
        if command.intent and not has_content:
            return _of_call(command, slots)
        change = details.change(plain, is_asked=kind == "correction")
        if change in ("offers", "earlier", "later") and "datetime" in slots:
            change = ""  # "не раньше среды" is a wish
        answer, chance = self._wishes.answer(plain)
        is_answered = chance >= (_ANSWER_SURELY if "faq" in slots else _ANSWER_ABOVE)
        if "faq" in ambiguous and is_answered and answer in ambiguous["faq"]:
            ambiguous = {kind: several for kind, several in ambiguous.items() if kind != "faq"}
        faq_intent = self.catalogue.faq[slots["faq"]].intent if "faq" in slots else "info"
        answer_intent = self.catalogue.faq[answer].intent if is_answered else ""
        is_sure = chance >= _ANSWER_SURELY
        said = Said(
            plain,
            kind,
            slots,
            slots.keys() | ambiguous.keys(),
            change,
            score,
            faq_intent,
            is_sure,
            found.is_whom_and_when,
            answer_intent,
        )
        wish = self._wishes.of(said, probabilities)
        sureness = found.sureness
        if is_answered and wish.intent in ("info", "document"):
            slots, sureness = {**slots, "faq": answer}, {**sureness, "faq": round(chance, 3)}
            wish = Wish(answer_intent, wish.probability)
        visit = parse_visit(plain, now) if wish.intent == "cancel" and not _WITH_NUMBERS & slots.keys() else None
        if visit is not None:
            slots = {**slots, "datetime": visit}
        is_any = details.is_any(plain)
        has_meaning = bool(slots or ambiguous or change or is_any or found.unwanted or wish.intent != "none")
        has_slots = bool(slots or ambiguous)
        return Understood(
            intent=wish.intent,
            slots=slots,
            confidence=(score if has_slots else round(wish.probability, 4)) if has_meaning else 0.0,
            intent_confidence=round(wish.probability, 4),
            sureness=sureness,
            ambiguous=ambiguous,
            several=found.several,
            unwanted=found.unwanted,
            listed=found.listed,
            change=change,
            named=frozenset({"name"} & slots.keys()),
            is_negated=details.is_negated(plain),
            is_any=is_any,
            is_unknown_doctor=names_unknown_doctor(plain, found),
        )

    def answers(self, understood: Understood, expect: Expect, text: str) -> bool:
        """Whether a meaning is an answer to the question."""
        slots = understood.slots
        if understood.unwanted and expect.type in ("subject", "choice", "correction", *_SUBJECT, "branch"):
            return True  # "только не на Парковой"
        match expect.type:
            case "subject" | "correction" | "doctor" | "speciality" | "service" | "branch":
                wanted = {expect.type, *_SUBJECT} if expect.type != "branch" else {"branch"}
                if expect.type == "correction":
                    return bool(slots.keys() - {"yes_no"}) or bool(understood.change)
                return bool(wanted & (slots.keys() | understood.ambiguous.keys())) or understood.is_any
            case "test" | "faq":
                return expect.type in slots or expect.type in understood.ambiguous
            case "choice":
                if slots.keys() & {"ordinal", "datetime", "doctor", "branch", "yes_no"} or understood.change:
                    return True
                return self._is_option(text, expect)
            case "datetime":
                return "datetime" in slots or understood.is_any
            case "free" | "request":
                return understood.intent not in ("none", "yes", "no") or bool(slots)
        return expect.type in slots or (expect.type == "phone" and "digits" in slots)

    def _is_option(self, text: str, expect: Expect) -> bool:
        own = {phrase.replace("ё", "е"): (phrase,) for phrase in expect.grammar if phrase.replace("ё", "е") not in _COMMANDS}
        plain = normalise(text)
        return plain in own or any(phrase in plain for phrase in own if len(phrase.split()) > 1)

    def fits(self, text: str, expect: Expect) -> float:
        """Return 0..1: how well a hypothesis is what the question expects; for choosing among n-best."""
        if not normalise(text):
            return 0.0
        understood = self.understand(text, expect, _SOME_MORNING)
        if understood.intent in _OF_CALL:
            return 0.95
        if self.answers(understood, expect, text):
            if expect.type == "name" and not (name := understood.slots["name"]).is_full:
                if not name.surname:
                    return _NO_SURNAME_FIT
                return _PART_OF_NAME_FIT  # "смирнова она" gives way to "смирнова анна", and the rest may still come
            if expect.type in ("request", "free") and not understood.slots:
                return _BARE_WISH_FIT  # "хочу записаться ...": to whom, when may follow after a breath
            return 0.5 + 0.5 * understood.confidence if understood.confidence else 0.6
        return 0.3 if not understood.is_nothing else 0.1

    def is_complete(self, text: str, expect: Expect) -> bool:
        """Whether the caller has certainly said all: the turn may end before the usual silence.

        "Нет" is never complete: what is wanted instead often follows.
        """
        tokens = words(text)
        if not tokens:
            return False
        match expect.type:
            case "yes_no":
                return len(tokens) <= 3 and tokens[-1] in _SURE_YES and parse_yes_no(text) is True
            case "birth_date":
                return tokens[-1] in ("года", "год") and parse_birth_date(text, _SOME_MORNING.date()) is not None
            case "phone":
                return is_complete_phone(text) and len(dictated_digits(text)) >= _PHONE_DIGITS
            case "choice":
                # "Второе" may go on ("второе декабря"), "два" as well ("два часа").
                is_whole = tokens[-1].endswith(_WHOLE_CHOICES)
                return len(tokens) <= 2 and is_whole and details.ordinal(normalise(text)) is not None
        return len(tokens) <= 2 and intents.command(normalise(text)) == "operator"

    def grammar_for(self, kind: str, phrases: tuple[str, ...] = (), moments: tuple[datetime, ...] = ()) -> tuple[str, ...]:
        """Return the runtime grammar of a question; empty where only open recognition makes sense."""
        return self._grammars.phrases(kind, phrases, moments)

    def best_phrase(self, text: str, forms: Mapping[str, Sequence[str]]) -> str | None:
        """Return the key whose phrase was said, or None when none or several were."""
        plain = f" {normalise(text)} "
        said = [
            (len(phrase), key) for key, several in forms.items() for phrase in map(normalise, several) if f" {phrase} " in plain
        ]
        if said:
            return max(said)[1]
        found = best_match(text, forms, _PHRASE_FLOOR, 0.03)
        if isinstance(found, Ambiguous):
            longest = max(found.candidates, key=lambda match: match.span[1] - match.span[0])
            lengths = [match.span[1] - match.span[0] for match in found.candidates]
            return longest.key if lengths.count(max(lengths)) == 1 else None
        return None if found is None else found.key

    def forms_of(self, kind: str, identifier: Any) -> tuple[str, ...]:
        """What callers may call an entry of the catalogue."""
        known = next((one for one in KINDS if one == kind), None)
        return (str(identifier),) if known is None else tuple(self.catalogue.forms(known)[identifier])

    def phone_of_keys(self, digits: str) -> str | None:
        return parse_phone_digits(digits)


def _taught(
    catalogue: Catalogue, examples: Mapping[str, Sequence[str]], folder: Path | None, cache_folder: Path | None
) -> Wishes:
    if folder is None:
        return Wishes(None, Examples(examples))
    wishes, answers = all_phrases(catalogue, folder, examples), faq_phrases(catalogue, folder)
    own, heard = own_names(catalogue), heard_phrases(folder)
    return Wishes(
        learn(wishes, cache_folder, own, heard, names_by_kind(catalogue)) if wishes else None,
        Examples(examples),
        learn(answers, cache_folder, own, heard) if len(answers) > 1 else None,
        wishes,
    )


def _of_call(command: Wish, slots: Mapping[str, Any]) -> Understood:
    probability = round(command.probability, 4)
    return Understood(command.intent, slots, probability, probability)
