"""The typed values in one phrase: phones, names, dates, and the clinic's doctors, services, tests."""

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.understanding import details, intents
from voicebot.dialog.understanding.subjects import SubjectFinder, Subjects
from voicebot.dialog.understanding.unwanted import ruled_out
from voicebot.russian.answers import parse_yes_no
from voicebot.russian.birth import parse_birth_date
from voicebot.russian.calendar_words import month_words
from voicebot.russian.marks import scan
from voicebot.russian.morphology import parses
from voicebot.russian.names import PersonName, parse_person
from voicebot.russian.numerals import lexicon
from voicebot.russian.person import is_like_surname
from voicebot.russian.phones import dictated_digits, parse_phone
from voicebot.russian.text import listed, normalise
from voicebot.russian.when import parse_when

_LEAST_DIGITS = 3
_LEAST_PHONE_WORDS = 4
#: A name that no dictionary has is taken word by word, and asked back.
_UNKNOWN_NAME_CONFIDENCE = 0.5
#: Questions whose answer may be a whole name though another thing was asked.
_NAME_UNASKED = frozenset({"yes_no", "correction"})
_SUBJECT = frozenset({"doctor", "speciality", "service"})
_WHOM = frozenset({"doctor", "speciality"})
_JOINING = listed("к ко на в во с со после до мне нам бы пожалуйста ну")
_INSIDE_A_NUMBER = listed("дважды трижды плюс и потом дальше затем нет ой э там тире телефон номер мой")
_OF_A_YEAR = listed("года год тысяча тысячи")
_OF_BIRTH = listed("года год рождения дата родился родилась")
_SAME_NAME_LETTERS = 4
_LONGEST_NAME_SAID = 7  # words with which a name is put right
#: Questions answered in numbers.
_COUNTED = frozenset({"phone", "datetime", "birth_date"})
#: What the embedded recogniser makes of "сорок" in noise, again and again: no number is said in these words.
_HEARD_FORTY = re.compile(r"(?:^|(?<= ))(?:то|сто|все|что|кто|скоро) раз(?= |$)")
#: Such words are in no name.
_NO_NAME = frozenset({"PREP", "CONJ", "PRCL", "NPRO", "VERB", "INFN"})


@dataclass(slots=True)
class Found:
    """Slots; those that several entries fit; those that name several entries; and how sure each is, 0..1 (not there: 1)."""

    slots: dict[str, Any] = field(default_factory=dict)
    ambiguous: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    several: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listed: tuple[tuple[str, str], ...] = ()
    unwanted: tuple[tuple[str, str], ...] = ()
    sureness: dict[str, float] = field(default_factory=dict)
    is_whom_and_when: bool = False  # "к кардиологу на завтра": a doctor, a day or an hour, and no more

    @property
    def score(self) -> float:
        """How sure the least sure of them is."""
        return min(self.sureness.values(), default=1.0)

    @property
    def named(self) -> set[str]:
        return {*self.slots, *self.ambiguous}


class Values:
    """Reads the values of phrases about one clinic."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._subjects = SubjectFinder(catalogue)

    def of(self, plain: str, kind: str, now: datetime) -> Found:
        """Return what a normalised phrase holds; `kind` is what the question expects, `now` the clinic's local time."""
        found = Found()
        if kind in _COUNTED:
            plain = _HEARD_FORTY.sub("сорок", plain)
        yes_no = parse_yes_no(plain)
        if yes_no is not None:
            found.slots["yes_no"] = yes_no
        phone = parse_phone(plain, may_split=kind == "phone")
        if phone is not None:
            found.slots["phone"] = phone
            plain = _without_phone(plain)
            if kind == "phone" or not plain:
                return found
        elif kind == "phone" and len(digits := dictated_digits(plain)) >= _LEAST_DIGITS:
            found.slots["digits"] = digits  # a part of a number is no date
            return found
        if kind == "choice" and (number := details.ordinal(plain)) is not None:
            found.slots["ordinal"] = number
        is_born = self._birth(found, plain, kind, now)
        plain = _without_date(plain) if is_born else plain
        if self._name(found, plain, kind, now) or is_born:
            return found
        plain = _without_name(plain, found.slots["name"]) if "name" in found.slots else plain
        is_choice = "ordinal" in found.slots or (kind == "choice" and details.refuses_choices(plain))
        when = parse_when(details.without_ordinal(plain) if is_choice else plain, now)
        if when is not None and not when.is_empty:
            found.slots["datetime"] = when
        left = plain
        if kind != "name":
            found.unwanted, left = ruled_out(plain, self._subjects.find)
        meant = self._without_contrast(details.without_denied(left))
        subjects = self._subjects.find(meant)
        found.is_whom_and_when = meant == plain and _is_whom_and_when(plain, subjects, now)
        if corrected := details.after_correction(left):
            subjects = _put_right(subjects, self._subjects.find(details.without_denied(corrected)))
        if kind == "name" and not details.speaks_of_doctor(plain):
            subjects = _without(subjects, {"doctor"})  # who calls may be called like a doctor
        found.slots.update(subjects.slots)
        found.ambiguous, found.several, found.listed = subjects.ambiguous, subjects.several, subjects.listed
        found.sureness = {kind: _confidence(score) for kind, score in subjects.scores.items()}
        return found

    def _without_contrast(self, plain: str) -> str:
        """The phrase without what is denied for another of its kind: "не на садовую, на парковую"."""
        for denied, rest in details.contrasts(plain):
            left = self._subjects.find(denied)
            kinds = left.slots.keys() | left.ambiguous.keys()
            if kinds:
                meant = self._subjects.find(rest)
                if kinds & (meant.slots.keys() | meant.ambiguous.keys()):
                    return rest
        return plain

    def _birth(self, found: Found, plain: str, kind: str, now: datetime) -> bool:
        # Asked for a name, one may tell the birth date instead: no visit is in such a year.
        is_instead = kind == "name" and not _OF_A_YEAR.isdisjoint(plain.split())
        if kind != "birth_date" and not is_instead and not details.names_birth(plain):
            return False
        born = parse_birth_date(plain, now.date())
        if born is not None:
            found.slots["birth_date"] = born
        return born is not None

    def _is_name_put_right(self, plain: str, now: datetime) -> bool:
        """Whether a name alone is put right: "не Рыбин, а Рябов", but neither a doctor, nor a branch, nor a day."""
        meant = details.without_wrong(plain)
        if meant == plain or " а " not in plain or parse_when(plain, now) is not None:
            return False
        subjects = self._subjects.find(meant)
        return not (subjects.slots or subjects.ambiguous)

    def _name(self, found: Found, plain: str, kind: str, now: datetime) -> bool:
        """Look for a name; return whether nothing else is to be looked for beside it."""
        if not plain or not _may_be_name(plain, kind):
            return False
        person = _person_in(plain)
        if person is not None and kind in _NAME_UNASKED:
            if not (person.is_full or details.names_person(plain) or self._is_name_put_right(plain, now)):
                return False
            found.slots["name"] = person
            return True
        if person is not None:
            found.slots["name"] = person
            # A caller may be called like a doctor, a month, a flower.
            return kind == "name" and not details.is_negated(plain)
        if kind != "name" or "yes_no" in found.slots or _is_busy(plain):
            return False
        if any(parses(part)[0].tag.POS in _NO_NAME for part in plain.split()):
            return False
        parts = [part.capitalize() for part in plain.split()]
        if 2 <= len(parts) <= 3 or is_like_surname(plain):
            found.slots = {"name": PersonName(*parts)}
            found.sureness = {"name": _UNKNOWN_NAME_CONFIDENCE}
            return True
        return False


def _put_right(whole: Subjects, corrected: Subjects) -> Subjects:
    """What a phrase names where it was put right: "к хирургу, нет, к ортопеду". Things of other kinds stay."""
    named = corrected.slots.keys() | corrected.ambiguous.keys()
    if not named or whole.listed:
        return whole
    kept = _without(whole, named | (_SUBJECT if named & _SUBJECT else set()))
    return replace(
        corrected,
        slots={**kept.slots, **corrected.slots},
        ambiguous={**kept.ambiguous, **corrected.ambiguous},
        scores={**kept.scores, **corrected.scores},
    )


def _without(subjects: Subjects, kinds: Set[str]) -> Subjects:
    """What a phrase names, but for some kinds of things."""
    return replace(
        subjects,
        slots={kind: value for kind, value in subjects.slots.items() if kind not in kinds},
        ambiguous={kind: keys for kind, keys in subjects.ambiguous.items() if kind not in kinds},
        scores={kind: score for kind, score in subjects.scores.items() if kind not in kinds},
        listed=tuple(one for one in subjects.listed if one[0] not in kinds),
    )


def _is_whom_and_when(plain: str, subjects: Subjects, now: datetime) -> bool:
    """Whether every word names a doctor or a speciality, a day or an hour, or joins or asks them politely."""
    if not subjects.slots.keys() & _WHOM or subjects.slots.keys() - _WHOM or subjects.listed:
        return False
    tokens = plain.split()
    marks = [mark for segment in scan(tokens, now.date()) for mark in segment]
    spans = [*subjects.spans, *((mark.core.start, mark.core.end) for mark in marks)]
    told = {place for start, end in spans for place in range(start, end)}
    is_plain = not any(mark.is_negated for mark in marks)
    return bool(marks) and is_plain and all(place in told or token in _JOINING for place, token in enumerate(tokens))


def names_unknown_doctor(plain: str, found: Found) -> bool:
    """Whether a phrase asks for "доктор Пупкин", whom the clinic does not have."""
    if found.named & _SUBJECT:
        return False
    surname = details.called_doctor(plain)
    return bool(surname) and parse_person(surname) is not None


def _person_in(plain: str) -> PersonName | None:
    """The person named in a phrase; what follows "нет" or "точнее" puts right what was said before."""
    plain = details.without_wrong(details.without_others(plain) if details.names_person(plain) else plain)
    corrected = details.after_correction(plain)
    is_name = bool(corrected) and len(corrected.split()) <= _LONGEST_NAME_SAID and not details.speaks_of_doctor(corrected)
    latter = parse_person(corrected) if is_name else None
    if latter is None:
        return parse_person(plain)
    former = parse_person(plain[: len(plain) - len(corrected)])
    if former is None or latter.is_full:
        return latter
    return PersonName(latter.surname or former.surname, latter.given or former.given, latter.patronymic or former.patronymic)


def _may_be_name(plain: str, kind: str) -> bool:
    """A name is looked for where it is asked for or announced, and where a booking is read back ("нет, Сидорова Анна")."""
    change = details.change(plain, is_asked=False)
    if change == "name":
        return details.names_person(plain)
    if change:
        return False
    if kind in _NAME_UNASKED and not details.names_person(plain):
        return not details.speaks_of_doctor(plain)
    return kind == "name" or details.names_person(plain)


def _is_busy(plain: str) -> bool:
    """Whether a phrase has a meaning of its own, so that its words are no name."""
    return bool(
        intents.command(plain) or intents.topic(plain) or details.change(plain, is_asked=False) or details.is_any(plain)
    )


def _without_phone(plain: str) -> str:
    """The phrase without its longest run of numbers: what is left may hold a name, a day, a doctor."""
    tokens = plain.split()
    table = lexicon()
    runs: list[list[int]] = [[]]
    for index, token in enumerate(tokens):
        if token in table or token.isdecimal() or (runs[-1] and token in _INSIDE_A_NUMBER):
            runs[-1].append(index)
        elif runs[-1]:
            runs.append([])
    longest = max(runs, key=len)
    if len(longest) < _LEAST_PHONE_WORDS and not any(len(token) > 2 and token.isdecimal() for token in tokens):
        return ""
    kept = (word for index, word in enumerate(tokens) if index not in longest)
    return " ".join(word for word in kept if word != "плюс")


def _without_name(plain: str, name: PersonName) -> str:
    """The phrase without the caller's own name, which may be like a doctor's."""
    beginnings = [normalise(part)[:_SAME_NAME_LETTERS] for part in (name.surname, name.given, name.patronymic) if part]
    return " ".join(word for word in plain.split() if not any(word.startswith(beginning) for beginning in beginnings))


def _without_date(plain: str) -> str:
    table, months = lexicon(), month_words()
    dated = table.keys() | months.keys() | _OF_BIRTH
    return " ".join(word for word in plain.split() if word not in dated and not word.isdecimal())


def _confidence(score: float) -> float:
    """Likeness to confidence: 0.8 is a guess (0), 0.9 deserves a question (0.5), 1 is certain."""
    return round(max(0.0, min(1.0, (score - 0.8) / 0.2)), 3)
