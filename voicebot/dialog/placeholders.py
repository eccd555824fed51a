"""Placeholders in prompts: {choice.start|when}, {doctor|doctor:dative}, {hours|count:час}. Spoken by rendering.

After the filter's name stand its arguments: a case (FILTERS says where), a noun in the nominative, or forms to choose from.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from voicebot.errors import ConfigurationError
from voicebot.russian.case import Case


class Takes(Enum):
    """What may stand after a filter's name."""

    NOTHING = auto()
    CASE = auto()  # {doctor|doctor:dative}; the nominative when none is named
    NOUN = auto()  # {n|count:час}, {n|count:час:genitive}; the noun in the nominative
    FORMS = auto()  # {patient|gender:пациент/пациентка}


@dataclass(frozen=True, slots=True)
class Filter:
    """What a filter makes of a value, for the documentation, and its arguments."""

    about: str
    takes: Takes = Takes.NOTHING


FILTERS: Mapping[str, Filter] = {
    "when": Filter("a moment: «завтра, во вторник, двадцать четвёртого ноября, в десять часов утра»"),
    "brief": Filter("a moment, shortly: «завтра в десять часов утра»"),
    "date": Filter("a day after «когда?»; with a case a noun: «вторник, двадцать четвёртое ноября»", Takes.CASE),
    "day": Filter("a day, shortly: «завтра», «во вторник, двадцать четвёртого ноября»"),
    "time": Filter("a time of day: «в {t|time}», «до {t|time:genitive}»", Takes.CASE),
    "wish": Filter("what the caller wished: «на завтра после трёх часов дня»"),
    "birth": Filter("a birth date: «двадцать пятое марта тысяча девятьсот восемьдесят пятого года»", Takes.CASE),
    "doctor": Filter("a doctor's whole name", Takes.CASE),
    "surname": Filter("a doctor's surname", Takes.CASE),
    "polite": Filter("how one is addressed: «Анна Сергеевна»; of a doctor or a person", Takes.CASE),
    "speciality": Filter("what a doctor is", Takes.CASE),
    "service": Filter("a service by its spoken name", Takes.CASE),
    "test": Filter("a lab test by its spoken name", Takes.CASE),
    "faq": Filter("the title of an answer of the knowledge base"),
    "branch": Filter("a branch: «филиал на Лесной»", Takes.CASE),
    "where": Filter("where a branch is, of several joined by «или»: «на Лесной, на Садовой или на Парковой»"),
    "address": Filter("the address of a branch, or of several"),
    "hours": Filter("the hours of a branch, or of several"),
    "phone": Filter("a phone number by groups"),
    "name": Filter("a person's name", Takes.CASE),
    "gender": Filter("by a person's or a doctor's gender: «{patient|gender:пациент/пациентка}»", Takes.FORMS),
    "money": Filter("rubles: «тысяча пятьсот рублей»", Takes.CASE),
    "price": Filter("the price of a service, of a lab test, or of a speciality's or a doctor's visit"),
    "number": Filter("a whole number: «двадцать два»", Takes.CASE),
    "count": Filter("a number with its noun: «{n|count:час}» is «два часа»", Takes.NOUN),
    "span": Filter("a number or two with a noun: «от одного до трёх дней»; none of a «день»: «в тот же день»", Takes.NOUN),
    "ready": Filter("how long a lab test takes: «от двух до четырёх часов», «от одного до трёх рабочих дней»"),
    "duration": Filter("minutes: «полтора часа», «сорок пять минут»"),
    "digits": Filter("digits one by one, in pairs"),
    "spelled": Filter("a dialog ID, character by character"),
    "offers": Filter("free times as a list that is short to hear"),
    "visits": Filter("a person's bookings: one in full, several by number"),
    "either": Filter("texts joined by «или»"),
    "list": Filter("texts joined by «и»"),
    "text": Filter("as it is"),
}
CASES: Mapping[str, Case] = {case.name.lower(): case for case in Case}
_CASE_NAMES = {**CASES, **{name[:3]: case for name, case in CASES.items()}}

_PATTERN = re.compile(r"\{([^{}]*)\}")
_INSIDE = re.compile(r"^([a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*)(?:\|([a-z]+)((?::[^:|{}]+)*))?$")
_NOUN = re.compile(r"^[а-яё -]+$")
_FORMS = re.compile(r"^[а-яё +-]*(?:/[а-яё +-]*){1,2}$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A value's path and how it is spoken. `noun` also holds the forms to choose from."""

    path: str
    filter: str = ""
    case: Case = Case.NOMINATIVE
    has_case: bool = False
    noun: str = ""

    @property
    def root(self) -> str:
        """The name in the dialog's state where the path begins."""
        return self.path.partition(".")[0]


def _parse(inside: str) -> Placeholder:
    match = _INSIDE.match(inside.strip())
    if match is None:
        raise ConfigurationError(f"the placeholder {{{inside}}} cannot be read.", "Write {name} or {name|filter:case}.")
    path, name, rest = match.group(1), match.group(2) or "", match.group(3) or ""
    if not name:
        return Placeholder(path)
    if name not in FILTERS:
        raise ConfigurationError(f"the placeholder {{{inside}}} has an unknown filter.", f"Filters: {', '.join(FILTERS)}.")
    arguments = rest.split(":")[1:]
    takes = FILTERS[name].takes
    noun = ""
    if takes is Takes.NOUN:
        if not arguments or not _NOUN.match(arguments[0]):
            raise ConfigurationError(f"the placeholder {{{inside}}} lacks its noun.", f"Write {{{path}|{name}:час}}.")
        noun = arguments.pop(0)
    if takes is Takes.FORMS:
        if len(arguments) != 1 or not _FORMS.match(arguments[0]):
            cure = f"Write {{{path}|{name}:он/она}}, and a third form if neither may be known."
            raise ConfigurationError(f"the placeholder {{{inside}}} lacks its forms.", cure)
        return Placeholder(path, name, noun=arguments[0])
    if len(arguments) > 1 or (arguments and (takes is Takes.NOTHING or arguments[0] not in _CASE_NAMES)):
        raise ConfigurationError(f"the placeholder {{{inside}}} has a wrong case.", f"Cases: {', '.join(CASES)}.")
    case = _CASE_NAMES[arguments[0]] if arguments else Case.NOMINATIVE
    return Placeholder(path, name, case, bool(arguments), noun)


def find(text: str) -> Iterator[Placeholder]:
    """Yield a text's placeholders; raise ConfigurationError for one that cannot be read."""
    for match in _PATTERN.finditer(text):
        yield _parse(match.group(1))


def without(text: str) -> str:
    """Return the text's fixed words."""
    return _PATTERN.sub(" ", text)


def replace(text: str, speak: Callable[[Placeholder], str]) -> str:
    """Return the text with each placeholder spoken."""
    return _PATTERN.sub(lambda match: speak(_parse(match.group(1))), text)
