"""A person's name as data: its gender, and all its parts in the case that is needed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pytrovich.enums import Case as PetrovichCase
from pytrovich.enums import Gender as PetrovichGender
from pytrovich.enums import NamePart
from pytrovich.maker import PetrovichDeclinationMaker

from voicebot.russian.case import Case, Gender
from voicebot.russian.morphology import parses

#: Endings of surnames that tell the gender: a woman's, a man's.
GENDERED = (("ова", "ов"), ("ева", "ев"), ("ёва", "ёв"), ("ина", "ин"), ("ына", "ын"), ("ская", "ский"), ("цкая", "цкий"))
_WOMENS_ENDINGS = (*(ending for ending, _ in GENDERED), "ая", "яя")
_MENS_ENDINGS = (*(ending for _, ending in GENDERED), "ой", "ый", "ий")
_SURNAME = re.compile(
    r"\w+(?:ов|ова|ев|ева|ин|ина|ын|ына|ский|ская|цкий|цкая|енко|чук|юк|ян|швили|дзе|ых|их|ук|ко|ец|ович|евич|ман|берг|штейн)"
)
_CASES = {
    Case.GENITIVE: PetrovichCase.GENITIVE,
    Case.DATIVE: PetrovichCase.DATIVE,
    Case.ACCUSATIVE: PetrovichCase.ACCUSATIVE,
    Case.INSTRUMENTAL: PetrovichCase.INSTRUMENTAL,
    Case.PREPOSITIONAL: PetrovichCase.PREPOSITIONAL,
}

_GENDERS: Mapping[Gender | None, PetrovichGender] = {
    Gender.MASCULINE: PetrovichGender.MALE,
    Gender.FEMININE: PetrovichGender.FEMALE,
}


@dataclass(frozen=True, slots=True)
class PersonName:
    """A name in the nominative, capitalised; the parts that were not said are empty."""

    surname: str = ""
    given: str = ""
    patronymic: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.surname, self.given, self.patronymic) if part)

    @property
    def is_full(self) -> bool:
        """Whether surname and given name are known."""
        return bool(self.surname and self.given)


def gender_of(name: PersonName) -> Gender | None:
    """The gender that a name tells: by the patronymic, then the given name, then the surname; None when nothing does."""
    if name.patronymic:
        last = name.patronymic.lower()
        if last.endswith(("вна", "чна", "шна", "кызы", "кизи")):
            return Gender.FEMININE
        if last.endswith(("ич", "оглы", "оглу", "ыч")):
            return Gender.MASCULINE
    found = {
        gender
        for reading in (parses(name.given.lower()) if name.given else ())
        if "Name" in reading.tag and "nomn" in reading.tag and "sing" in reading.tag
        for gender in (Gender.MASCULINE, Gender.FEMININE)
        if gender.value in reading.tag
    }
    if len(found) == 1:
        return found.pop()
    surname = name.surname.lower()
    if surname.endswith(_WOMENS_ENDINGS):
        return Gender.FEMININE
    return Gender.MASCULINE if surname.endswith(_MENS_ENDINGS) else None


def decline(name: PersonName, case: Case, overrides: Mapping[str, Mapping[Case, str]] | None = None) -> str:
    """The whole name in a case. `overrides`: a nominative part -> its own forms, where the rules are wrong (Кузнец, Заяц)."""
    if case is Case.NOMINATIVE:
        return str(name)
    gender = gender_of(name)
    parts = ((name.surname, NamePart.LASTNAME), (name.given, NamePart.FIRSTNAME), (name.patronymic, NamePart.MIDDLENAME))
    return " ".join(_declined(part, kind, case, gender, overrides or {}) for part, kind in parts if part)


@cache
def _maker() -> Any:
    return PetrovichDeclinationMaker()


def _declined(part: str, kind: NamePart, case: Case, gender: Gender | None, overrides: Mapping[str, Mapping[Case, str]]) -> str:
    own = overrides.get(part, {}).get(case)
    if own:
        return own
    return str(_maker().make(kind, _GENDERS.get(gender, PetrovichGender.ANDROGYNOUS), _CASES[case], part))


def all_cases(name: PersonName, overrides: Mapping[str, Mapping[Case, str]] | None = None) -> Iterator[str]:
    """The name in every case, nominative first."""
    for case in Case:
        yield decline(name, case, overrides)


def is_like_surname(word: str) -> bool:
    """Whether one normalised word has a surname's ending."""
    return _SURNAME.fullmatch(word) is not None
