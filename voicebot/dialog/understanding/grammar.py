"""Phrases for a runtime grammar, heard beside open recognition: what each kind of question expects."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache

from voicebot.clinic.catalogue import Catalogue, Kind
from voicebot.russian.case import Case, Gender
from voicebot.russian.inflect import inflect
from voicebot.russian.names import PersonName, decline
from voicebot.russian.numbers import say_number, say_ordinal

MAXIMUM_PHRASES = 2000

COMMANDS = (
    "оператор", "оператора", "администратор", "соедините с оператором", "соедините с человеком", "повторите",
    "повторите пожалуйста", "ещё раз", "назад", "подождите", "минуточку", "не понял", "не поняла", "до свидания",
    "помогите", "что вы сказали",
)  # fmt: skip
YES_NO = (
    "да", "нет", "ага", "угу", "да да", "да конечно", "конечно", "верно", "всё верно", "да всё верно", "правильно",
    "да правильно", "подтверждаю", "хорошо", "давайте", "да давайте", "можно", "нужно", "неверно", "неправильно",
    "нет неправильно", "не надо", "нет не надо", "не нужно", "нет спасибо", "спасибо нет", "подходит", "не подходит",
    "да подходит", "нет не подходит", "ошибка", "запишите", "записывайте", "да пожалуйста", "нет это всё", "это всё",
    "всё спасибо", "на этот", "на другой", "да на этот",
)  # fmt: skip
CHOICE = (
    "первый", "первое", "первая", "первый вариант", "второй", "второе", "вторая", "второй вариант", "третий", "третье",
    "третья", "третий вариант", "последний", "последнее", "давайте первое", "давайте второе", "давайте третье",
    "другое время", "другой день", "другой врач", "другие варианты", "ещё варианты", "есть ещё", "ничего не подходит",
    "не подходит", "раньше", "позже", "попозже", "пораньше", "любой", "любое",
)  # fmt: skip
_MONTHS = ["января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"]
_DAYS_OF_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_WEEKDAYS = (
    ("понедельник", "понедельник"), ("вторник", "вторник"), ("среда", "среду"), ("четверг", "четверг"),
    ("пятница", "пятницу"), ("суббота", "субботу"), ("воскресенье", "воскресенье"),
)  # fmt: skip
_PARTS = (
    "утром", "днём", "вечером", "с утра", "после обеда", "до обеда", "в первой половине дня", "во второй половине дня",
    "в обед",
)  # fmt: skip
_RELATIVE = (
    "сегодня", "завтра", "послезавтра", "через день", "через два дня", "через три дня", "через неделю", "через две недели",
    "на этой неделе", "на следующей неделе", "на неделе", "в выходные", "в будни", "в ближайшее время", "ближайшее",
    "на ближайшее", "как можно раньше", "как можно скорее", "в любой день", "в любое время", "всё равно", "без разницы",
    "не важно",
)  # fmt: skip
#: Letters that are no words, as they are called; of "в", "к", "с" and the vowels nobody knows which is meant.
_LETTERS = {
    "б": "бэ", "г": "гэ", "д": "дэ", "ж": "жэ", "з": "зэ", "л": "эль", "м": "эм", "н": "эн", "п": "пэ", "р": "эр", "т": "тэ",
    "ф": "эф", "х": "ха", "ц": "цэ", "ч": "че", "ш": "ша", "щ": "ща",
}  # fmt: skip
_DIGITS = tuple(say_number(n) for n in (*range(20), *range(20, 100, 10), *range(100, 1000, 100)))


def say_ordinal_day(day: int, case: Case) -> str:
    return say_ordinal(day, case, Gender.NEUTER)


@lru_cache(maxsize=1)
def _datetimes() -> tuple[str, ...]:
    return tuple(dict.fromkeys(_all_datetimes()))


def _all_datetimes() -> Iterator[str]:
    yield from _RELATIVE
    yield from _PARTS
    for relative in ("сегодня", "завтра", "послезавтра"):
        yield from (f"{relative} {part}" for part in _PARTS[:6])
    for index, (plain, accusative) in enumerate(_WEEKDAYS):
        preposition = "во" if index == 1 else "в"
        yield from (plain, accusative, f"{preposition} {accusative}", f"на {accusative}", f"лучше {preposition} {accusative}")
        yield from (f"{preposition} {accusative} {part}" for part in _PARTS[:6])
    for day in range(1, 32):
        for form in (say_ordinal_day(day, Case.NOMINATIVE), say_ordinal_day(day, Case.GENITIVE)):
            yield form
            yield f"{form} числа"
            yield from (f"{form} {month}" for month, days in zip(_MONTHS, _DAYS_OF_MONTH, strict=True) if day <= days)
    for hour in range(7, 22):
        yield from (f"в {_hour(hour)}", f"после {_hour_genitive(hour)}", f"до {_hour_genitive(hour)}", f"к {_hour(hour)}")
        yield from (f"в {_hour(hour)} {minutes}" for minutes in ("пятнадцать", "двадцать", "тридцать", "сорок", "сорок пять"))
    for hour in range(1, 12):
        yield f"в {_hour(hour)} {'утра' if hour > 6 else 'дня'}"
        yield f"в половине {say_ordinal(hour + 1, Case.GENITIVE)}"
        yield f"в пол {say_ordinal(hour + 1, Case.GENITIVE)}"


def _birth_date() -> Iterator[str]:
    """The words of a date; the recogniser strings them together."""
    for day in range(1, 32):
        yield say_ordinal_day(day, Case.NOMINATIVE)
        yield say_ordinal_day(day, Case.GENITIVE)
    yield from _MONTHS
    yield from ("тысяча девятьсот", "две тысячи", "года", "год", "ноль", "двухтысячного", "двухтысячный")
    for year in (*range(1, 20), *range(20, 100, 10)):
        yield from (say_number(year), say_ordinal(year, Case.GENITIVE), say_ordinal(year))


def _hour(hour: int) -> str:
    return "час" if hour == 1 else say_number(hour)


def _hour_genitive(hour: int) -> str:
    return "часа" if hour == 1 else say_number(hour, Case.GENITIVE)


def _moments(moments: Iterable[datetime]) -> Iterator[str]:
    """The offered times and days in the words a caller would choose them by."""
    for at in moments:
        hour, minute = at.hour, at.minute
        minutes = "" if not minute else f" {say_number(minute)}" if minute > 9 else f" ноль {say_number(minute)}"
        yield from (
            f"{_hour(hour)}{minutes}",
            f"в {_hour(hour)}{minutes}",
            f"на {_hour(hour)}{minutes}",
            f"давайте в {_hour(hour)}{minutes}",
        )
        weekday = _WEEKDAYS[at.weekday()][1]
        yield from (weekday, f"в {weekday}", f"на {weekday}")
        yield f"{say_ordinal_day(at.day, Case.NOMINATIVE)} {_MONTHS[at.month - 1]}"


class Grammars:
    """Grammars of one catalogue, each at most MAXIMUM_PHRASES long. Types without one are heard openly only."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[str, tuple[str, ...]] = {}

    def phrases(self, kind: str, phrases: Sequence[str] = (), moments: Sequence[datetime] = ()) -> tuple[str, ...]:
        """Return the grammar of a question of this type, with a choice's own phrases and moments."""
        if kind in ("name", "free", "request"):
            return ()  # a grammar of everything turns any sentence into a string of doctors
        if kind not in self._known:
            self._known[kind] = _limited([*COMMANDS, *self._of(kind)])
        if not phrases and not moments:
            return self._known[kind]
        return _limited([*map(_words, phrases), *_moments(moments), *self._known[kind]])

    def _of(self, kind: str) -> Iterator[str]:
        match kind:
            case "yes_no":
                yield from YES_NO
            case "choice":
                yield from CHOICE
                yield from YES_NO
            case "datetime":
                yield from _datetimes()
            case "phone":
                yield from _DIGITS
                yield from ("плюс семь", "на этот номер", "этот", "да", "нет")
            case "birth_date":
                yield from _birth_date()
            case "test" | "faq" as known:
                yield from self._forms(known)
            case "branch":
                yield from self._forms("branch")
                yield from ("любой", "всё равно", "без разницы")
            case "correction":
                yield from (
                    "время",
                    "день",
                    "дата",
                    "врач",
                    "доктор",
                    "имя",
                    "фамилия",
                    "телефон",
                    "номер",
                    "филиал",
                    "нет",
                    "ничего",
                )
                yield from _datetimes()
            case _:
                yield from (
                    "записаться к врачу",
                    "запишите меня",
                    "хочу записаться",
                    "сколько стоит",
                    "где вы находитесь",
                    "любой",
                )
                yield from self._doctors()
                yield from self._forms("speciality")
                yield from self._forms("service")

    def _forms(self, kind: Kind) -> Iterator[str]:
        for forms in self._catalogue.forms(kind).values():
            for form in forms:
                yield _words(form)
                if kind == "speciality":
                    yield f"к {_words(inflect(form, Case.DATIVE))}"

    def _doctors(self) -> Iterator[str]:
        for doctor in self._catalogue.doctors.values():
            name = PersonName(doctor.surname)
            full = PersonName(doctor.surname, doctor.given, doctor.patronymic)
            overrides = {doctor.surname: dict(doctor.cases.get("surname", {}))}
            dative = _words(decline(full, Case.DATIVE, overrides).split(" ")[0])
            yield from (_words(str(name)), dative, f"к {dative}", f"к доктору {dative}", _words(str(full)))


def _words(text: str) -> str:
    """Lower-case words without punctuation, as they are spoken; ё stays, a letter has its name ("витамин д": "витамин дэ")."""
    return " ".join(_LETTERS.get(word, word) for word in re.sub(r"[^а-яё]+", " ", text.lower()).split())


def _limited(phrases: Iterable[str]) -> tuple[str, ...]:
    """Models write ё or е, mostly not both: each phrase is given in both spellings, and hearing drops unknown words."""
    unique = dict.fromkeys(spelling for phrase in phrases if phrase for spelling in (phrase, phrase.replace("ё", "е")))
    return tuple(unique)[:MAXIMUM_PHRASES]
