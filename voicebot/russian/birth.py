"""Birth dates as they are dictated: by words, by numbers, digit by digit, in any order."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from voicebot.russian import corrections
from voicebot.russian.calendar_words import month_words
from voicebot.russian.numbers import Numeral, numeral_at
from voicebot.russian.text import listed, words

_TYPED = re.compile(r"\b(\d{1,2})[./ -](\d{1,2})[./ -](\d{4}|\d{2})\b")
_TYPED_YEAR_FIRST = re.compile(r"\b(\d{4})[./-](\d{1,2})[./-](\d{1,2})\b")
_OLDEST_YEARS = 120
_AGE = frozenset({"лет", "годика", "годиков"})
_AGED = listed("мне ему ей нам")
_HESITATIONS = listed("э эм м мм ну вот так это")
_MONTH, _DAY, _YEAR = "month", "day", "year"
#: What a number beside one of these is.
_NAMED = {
    **dict.fromkeys(("года", "год", "году"), _YEAR),
    **dict.fromkeys(("число", "числа"), _DAY),
    **dict.fromkeys(("месяц", "месяца"), _MONTH),
}
_DAYS, _MONTHS = 31, 12


@dataclass(frozen=True, slots=True)
class _Number:
    """A number as dictated, and what the word beside it says it is."""

    digits: str
    role: str = ""

    @property
    def is_year(self) -> bool:
        """Whether it can be nothing but a year."""
        return self.role == _YEAR or int(self.digits) > _DAYS


@dataclass(frozen=True, slots=True)
class _Parts:
    """Day, month and year in digits; those that were not said are empty."""

    day: str = ""
    month: str = ""
    year: str = ""

    def date(self, today: date) -> date | None:
        if not (self.day and self.month and self.year):
            return None
        return _valid(int(self.day), int(self.month), _full_year(self.year, today), today)


def parse_birth_date(text: str, today: date) -> date | None:
    """The birth date in a phrase, or None: "двадцать пятое марта восемьдесят пятого", "25.03.1985", "25031985".

    A year of two digits is of this century if it has come already, else of the last. What follows "ой нет" takes the place
    of what it puts right: the whole date, or the part of it that is said again.
    """
    typed = _TYPED_YEAR_FIRST.search(text)
    if typed is not None:
        return _valid(int(typed[3]), int(typed[2]), int(typed[1]), today)
    typed = _TYPED.search(text)
    if typed is not None:
        return _valid(int(typed[1]), int(typed[2]), _full_year(typed[3], today), today)
    keyed = "".join(character for character in text if character.isdecimal())
    if len(keyed) == 8 and not any(character.isalpha() for character in text):
        return _valid(int(keyed[:2]), int(keyed[2:4]), int(keyed[4:]), today)
    parts = _Parts()
    for segment in corrections.segments([word for word in words(text) if word not in _HESITATIONS]):
        parts = _put_right(parts, segment, today)
    return parts.date(today)


def _put_right(former: _Parts, tokens: list[str], today: date) -> _Parts:
    """The parts of a date after some more words, which may say a part of it again."""
    numbers, month, place = _numbers(tokens)
    is_whole = (
        bool(month) or not former.month or len(numbers) != 2
    )  # "нет двадцать второго пятьдесят восьмого": a day and a year
    whole = (parts for parts in _readings(numbers, month, place) if is_whole and parts.date(today) is not None)
    if (found := next(whole, None)) is not None:
        return found
    if len(numbers) == 1 and not month and former.year and _is_end_of_year(numbers[0], former.year):
        return replace(former, year=former.year[:-1] + numbers[0].digits)
    parts = _of_a_part(numbers, month, former)
    return former if former == _Parts() and parts.date(today) is not None else parts  # no whole date by any reading above


def _of_a_part(numbers: list[_Number], month: str, former: _Parts) -> _Parts:
    """A date some of whose parts were said again, or are said by and by: "двадцать второго", "июля шестьдесят седьмого"."""
    years = [number.digits for number in numbers if number.is_year]
    others = [number.digits for number in numbers if not number.is_year]
    if len(others) > 1 and not month and not former.month:
        month = others.pop(1)
    if len(others) > 1 or len(years) > 1:
        return former
    return _Parts(others[0] if others else former.day, month or former.month, years[0] if years else former.year)


def _is_end_of_year(number: _Number, year: str) -> bool:
    """ "Восемьдесят восьмого ой девятого": the last word of the year alone is said again."""
    return not number.role and len(number.digits) == 1 and year[-1] != "0" and year[-2:-1] not in ("", "1")


def _numbers(tokens: list[str]) -> tuple[list[_Number], str, int]:
    """The numbers of a phrase; its month, where named by a word; and how many of the numbers stand before that."""
    numbers: list[_Number] = []
    month, place, index = "", 0, 0
    ahead = ""  # what the next number is, where its name stands before it
    is_after_number = False
    while index < len(tokens):
        numeral = numeral_at(tokens, index)
        if numeral is not None and _is_age(tokens, numeral):
            index = numeral.end + 1
            continue
        if numeral is not None:
            numbers.append(_Number(numeral.digits or str(numeral.value), ahead))
            index, ahead, is_after_number = numeral.end, "", True
            continue
        role = _NAMED.get(tokens[index], "")
        if role and is_after_number and not numbers[-1].role:
            numbers[-1] = replace(numbers[-1], role=role)
        else:
            ahead = role
        if not month and tokens[index] in month_words():
            month, place = str(month_words()[tokens[index]]), len(numbers)
        is_after_number = False
        index += 1
    before = _with_zeros(numbers[:place])
    return before + _with_zeros(numbers[place:]), month, len(before)


def _is_age(tokens: list[str], numeral: Numeral) -> bool:
    """ "Сорок лет", "мне восемьдесят два года"."""
    following = tokens[numeral.end] if numeral.end < len(tokens) else ""
    is_someones = numeral.start > 0 and tokens[numeral.start - 1] in _AGED and not numeral.is_ordinal
    return following in _AGE or (is_someones and following in _NAMED)


def _with_zeros(numbers: list[_Number]) -> list[_Number]:
    """ "ноль", "три" is "03"."""
    joined: list[_Number] = []
    for number in numbers:
        if joined and joined[-1].digits == "0" and len(number.digits) == 1:
            joined[-1] = _Number("0" + number.digits, number.role or joined[-1].role)
        else:
            joined.append(number)
    return joined


def _readings(numbers: list[_Number], month: str, place: int) -> Iterator[_Parts]:
    """The dates that numbers may be, the likeliest first; `place` is that of the month."""
    if not month:
        yield from _all_numbers(numbers)
        return
    before, after = numbers[:place], numbers[place:]
    orders = [
        (before[-1:], after),  # "двенадцатое марта восемьдесят пятого"
        (before[-1:], before[:-1]),  # "восемьдесят пятого года двенадцатого марта"
    ]
    if not before or before[-1].is_year:
        orders += [
            (after[:1], after[1:]),  # "март двенадцатое восемьдесят пятого"
            (after[:1], before),  # "восемьдесят пятого года март двенадцатое"
            (after[-1:], after[:-1]),  # "март восемьдесят пятого двенадцатое"
        ]
    for days, years in orders:
        is_day_elsewhere = any(number.role == _DAY for number in numbers if number not in days)
        if days and not days[0].is_year and not is_day_elsewhere:
            yield _Parts(days[0].digits, month, _year_of(years))


def _year_of(numbers: list[_Number]) -> str:
    """The year among numbers: up to the one beside "года", what follows it is something else ("малышке четыре")."""
    named = next((place for place, number in enumerate(numbers) if number.role == _YEAR), len(numbers) - 1)
    return _year([number.digits for number in numbers[: named + 1]])


def _year(numbers: list[str]) -> str:
    """ "2000", "05" is "2005"; "19", "85" is "1985"."""
    digits = "".join(numbers)
    if len(digits) > 4 and digits[2:4] == "00" and len(digits) <= 6:
        return f"{digits[:2]}{digits[4:]:0>2}"
    return digits


def _all_numbers(numbers: list[_Number]) -> Iterator[_Parts]:
    """Day, month and year all by number: "двадцать пять ноль три восемьдесят пять", or digit by digit."""
    named = {number.role: number.digits for number in numbers if number.role}
    if len(named) == len(_Parts.__slots__):
        yield _Parts(**named)
    said = [number.digits for number in numbers]
    if len(numbers) >= 3 and numbers[0].is_year:
        in_turn, turned = [*said[1:], said[0]], [*said[:0:-1], said[0]]
        ways = [in_turn, turned] if numbers[0].role else [turned, in_turn]
    else:
        ways = [said]
    for way in ways:
        if len(way) == 2 and len(way[0]) == 2 and len(way[1]) > 1:
            way = [f"{way[0][0]}0", way[0][1], way[1]]  # "двадцать три восемьдесят пять" is the 20th of March
        if len(way) >= 3 and 1 <= int(way[0]) <= _DAYS and 1 <= int(way[1]) <= _MONTHS:
            yield _Parts(way[0], way[1], _year(way[2:]))
        digits = "".join(way)
        if len(digits) in (6, 8):
            yield _Parts(digits[:2], digits[2:4], digits[4:])


def _full_year(digits: str, today: date) -> int:
    """Two digits as a whole year; 0, which is no year, when the digits are none."""
    if not digits or len(digits) > 4 or len(digits) == 3:
        return 0
    if len(digits) == 4:
        return int(digits)
    year = 2000 + int(digits)
    return year if year <= today.year else year - 100


def _valid(day: int, month: int, year: int, today: date) -> date | None:
    if not today.year - _OLDEST_YEARS <= year <= today.year:
        return None
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if found <= today else None
