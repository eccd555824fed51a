"""Names of people: heard in any case, kept in the nominative, said in the case that is needed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

from pytrovich.enums import Case as PetrovichCase
from pytrovich.enums import Gender as PetrovichGender
from pytrovich.enums import NamePart
from pytrovich.maker import PetrovichDeclinationMaker

from voicebot.russian.case import Case, Gender
from voicebot.russian.morphology import parses
from voicebot.russian.text import listed, words


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


# Said around a name. Those in the second set ask for another case than the nominative: "запишите ольгу смирнову".
_FILLERS = listed(
    """меня зовут звать мое моя имя фамилия фамилию отчество это я мы да нет ну вот а и э эм так значит пациент пациентка
    пациента пациентку на для от у к ко с со по пожалуйста здравствуйте добрый день вечер утро алло девушка
    запишите записать записывайте запиши пишите хочу хотела хотел бы можно будет буду мой моего мою мама маму маме папа папу
    сын сына сыну дочь дочку дочери дочка муж мужа мужу жена жену жене ребенок ребенка ребенку бабушка бабушку дедушка дедушку
    его ее их он она себя меня мне ему ей за то есть
    говорит звонит беспокоит полностью просто приема прием прием врачу"""
)
_OBLIQUE_TRIGGERS = listed(
    "запишите записать записывайте запиши для от у к ко с на маму сына дочку мужа жену ребенка пациента пациентку"
)
_INTRODUCTIONS = listed("зовут фамилия фамилию имя")
_KINDS = ("Surn", "Name", "Patr")
_CASES = {
    Case.GENITIVE: PetrovichCase.GENITIVE,
    Case.DATIVE: PetrovichCase.DATIVE,
    Case.ACCUSATIVE: PetrovichCase.ACCUSATIVE,
    Case.INSTRUMENTAL: PetrovichCase.INSTRUMENTAL,
    Case.PREPOSITIONAL: PetrovichCase.PREPOSITIONAL,
}
_MAXIMUM_READINGS = 14
_MAXIMUM_PARTS = 3


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a word as a part of a name."""

    kind: str  # Surn, Name, Patr
    nominative: str
    case: str  # a grammeme, or "" for a word that does not decline
    gender: str  # masc, femn, or "" for either
    score: float


def parse_person(text: str) -> PersonName | None:
    """The person named in a phrase, or None: "запишите ольгу смирнову" is PersonName("Смирнова", "Ольга").

    A lone word counts only when the dictionary knows it as a name or a surname.
    """
    tokens = words(text)
    is_oblique_likely = any(token in _OBLIQUE_TRIGGERS for token in tokens)
    group = _name_words(tokens)
    if not group:
        return None
    return _read(group, is_oblique_likely)


def gender_of(name: PersonName) -> Gender | None:
    """The gender that a name tells: by the patronymic, then the given name, then the surname; None when nothing does."""
    if name.patronymic:
        last = name.patronymic.lower()
        if last.endswith(("вна", "чна", "шна", "кызы")):
            return Gender.FEMININE
        if last.endswith(("ич", "оглы", "оглу", "ыч")):
            return Gender.MASCULINE
    for part, kind in ((name.given, "Name"), (name.surname, "Surn")):
        for reading in parses(part.lower()) if part else ():
            if kind in reading.tag and "nomn" in reading.tag and "sing" in reading.tag:
                for gender in (Gender.MASCULINE, Gender.FEMININE):
                    if gender.value in reading.tag:
                        return gender
    return None


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
    of = {Gender.MASCULINE: PetrovichGender.MALE, Gender.FEMININE: PetrovichGender.FEMALE}
    known = of.get(gender, PetrovichGender.ANDROGYNOUS) if gender is not None else PetrovichGender.ANDROGYNOUS
    return str(_maker().make(kind, known, _CASES[case], part))


def _name_words(tokens: list[str]) -> list[str]:
    """The words that may be the name: from the first known one to the last, and an unknown surname beside them."""
    group = [token for token in tokens if token not in _FILLERS and not token.isdecimal()]
    known = [index for index, token in enumerate(group) if _is_name_word(token)]
    if len(group) <= _MAXIMUM_PARTS and all(_is_name_word(token) or _is_rare_name(token) for token in group):
        return group  # "кошкина света": nothing but names, though "света" is mostly a form of "свет"
    if not known:
        is_named = any(token in _INTRODUCTIONS for token in tokens)
        is_short = 1 <= len(group) <= _MAXIMUM_PARTS
        return group if is_named and is_short and all(_may_be_surname(token) for token in group) else []
    first, last = known[0], known[-1]
    # One unknown word next to a given name or patronymic is a surname the dictionary lacks.
    if last - first + 1 < _MAXIMUM_PARTS and any(_has(group[index], ("Name", "Patr")) for index in known):
        has_surname = any(_has(group[index], ("Surn",)) and not _has(group[index], ("Name", "Patr")) for index in known)
        if not has_surname and first > 0 and _may_be_surname(group[first - 1]):
            first -= 1
        elif not has_surname and last + 1 < len(group) and _may_be_surname(group[last + 1]):
            last += 1
    return group[first : last + 1][:_MAXIMUM_PARTS]


def _is_rare_name(word: str) -> bool:
    """A given name that is mostly another noun: "роман", "света", "слава"."""
    readings = parses(word)
    return readings[0].tag.POS in ("NOUN", "ADJS") and any(
        "Name" in reading.tag and "sing" in reading.tag and "nomn" in reading.tag for reading in readings
    )


def _has(word: str, kinds: tuple[str, ...]) -> bool:
    return any(kind in reading.tag for reading in parses(word) for kind in kinds)


def _is_name_word(word: str) -> bool:
    readings = parses(word)
    if any("Patr" in reading.tag for reading in readings):
        return True
    return any(("Name" in r.tag or "Surn" in r.tag) and r.score >= 0.1 for r in readings) and readings[0].tag.POS not in (
        "PREP",
        "CONJ",
        "PRCL",
        "VERB",
        "INFN",
        "NPRO",
        "ADVB",
        "NUMR",
    )


def _may_be_surname(word: str) -> bool:
    readings = parses(word)
    return len(word) > 2 and any(reading.tag.POS in ("NOUN", "ADJF") for reading in readings[:3])


def _readings(word: str) -> list[_Reading]:
    """All ways to read a word as a part of a name, with its nominative singular."""
    found: list[_Reading] = []
    for reading in parses(word):
        for kind in _KINDS:
            if kind not in reading.tag or "plur" in reading.tag:
                continue
            gender = str(reading.tag.gender or "")
            gender = gender if gender in ("masc", "femn") else ""
            wanted = {"sing", "nomn"} | ({gender} if gender else set())
            nominative = reading.inflect(wanted)
            word_nominative = str(nominative.word) if nominative is not None else str(reading.word)
            if kind == "Patr" and "Infr" in reading.tag and gender == "masc":
                word_nominative = str(reading.normal_form)
            case = "" if "Fixd" in reading.tag else str(reading.tag.case or "")
            # "Анне" is rather the dative of "Анна" than a foreign name that does not decline.
            score = float(reading.score) * (0.01 if kind == "Name" and not case else 1.0)
            found.append(_Reading(kind, word_nominative, case, gender, score))
    return found[:_MAXIMUM_READINGS]


def _as_unknown_surname(word: str) -> list[_Reading]:
    """A surname the dictionary lacks: as it stands, or by the noun or adjective it looks like."""
    found = [_Reading("Surn", word, "nomn", "", 0.05), _Reading("Surn", word, "", "", 0.01)]
    for reading in parses(word):
        if reading.tag.POS not in ("NOUN", "ADJF") or "plur" in reading.tag or reading.tag.case is None:
            continue
        gender = str(reading.tag.gender or "")
        if gender not in ("masc", "femn"):
            continue
        nominative = reading.inflect({"sing", "nomn", gender})
        if nominative is not None:
            case = str(reading.tag.case)
            person = "" if reading.tag.POS == "NOUN" and gender == "masc" and case == "nomn" else gender
            found.append(_Reading("Surn", str(nominative.word), case, person, 0.03 * float(reading.score)))
    return found[:_MAXIMUM_READINGS]


def _read(group: list[str], is_oblique_likely: bool) -> PersonName | None:
    """The likeliest assignment of the words to surname, given name and patronymic that agrees in case and gender."""
    options = [_readings(word) or _as_unknown_surname(word) for word in group]
    if len(group) > 1:
        options = [
            readings + _as_unknown_surname(word) if not any(r.kind == "Surn" for r in readings) else readings
            for word, readings in zip(group, options, strict=True)
        ]
    # A recogniser mishears endings ("кузнецовой мария"): the parts are one person's even where their cases disagree.
    best = _best(options, is_oblique_likely) or _best(options, is_oblique_likely, is_case_free=True)
    if best is None:
        return None
    parts = {reading.kind: _capitalised(reading.nominative) for reading in best}
    return PersonName(parts.get("Surn", ""), parts.get("Name", ""), parts.get("Patr", ""))


def _best(options: list[list[_Reading]], is_oblique_likely: bool, *, is_case_free: bool = False) -> tuple[_Reading, ...] | None:
    scored = [(_score(chosen, is_oblique_likely, is_case_free), chosen) for chosen in product(*options)]
    return max(((s, c) for s, c in scored if s is not None), key=lambda one: one[0], default=(0.0, None))[1]


def _score(chosen: tuple[_Reading, ...], is_oblique_likely: bool, is_case_free: bool) -> float | None:
    kinds = [reading.kind for reading in chosen]
    if len(set(kinds)) != len(kinds):
        return None
    if not is_case_free and len(set(filter(None, (reading.case for reading in chosen)))) > 1:
        return None
    if len(set(filter(None, (reading.gender for reading in chosen)))) > 1:
        return None
    if kinds in (["Patr", "Name"], ["Name", "Surn", "Patr"], ["Patr", "Surn", "Name"], ["Patr", "Name", "Surn"]):
        return None
    score = 1.0
    for reading in chosen:
        score *= reading.score + 0.001
    cases = {reading.case for reading in chosen if reading.case}
    if cases <= {"nomn"}:
        return score * (1.0 if is_oblique_likely else 30.0)
    if cases == {"accs"} and is_oblique_likely:
        return score * 3.0
    return score


def _capitalised(word: str) -> str:
    return "-".join(part.capitalize() for part in word.split("-"))


def all_cases(name: PersonName, overrides: Mapping[str, Mapping[Case, str]] | None = None) -> Iterator[str]:
    """The name in every case, nominative first."""
    for case in Case:
        yield decline(name, case, overrides)
