"""Birth dates as they are dictated: by words, by numbers, digit by digit."""

import re
from datetime import date

from voicebot.russian.calendar_words import month_words
from voicebot.russian.numbers import numeral_at
from voicebot.russian.text import words

_TYPED = re.compile(r"\b(\d{1,2})[./ -](\d{1,2})[./ -](\d{4}|\d{2})\b")
_TYPED_YEAR_FIRST = re.compile(r"\b(\d{4})[./-](\d{1,2})[./-](\d{1,2})\b")
_CORRECTIONS = frozenset({"нет", "ой", "точнее", "вернее", "ошибся", "ошиблась"})
_OLDEST_YEARS = 120
_YEAR_ENDS = frozenset({"года", "год", "году"})
_AGE = frozenset({"лет", "годика", "годиков"})


def parse_birth_date(text: str, today: date) -> date | None:
    """The birth date in a phrase, or None: "двадцать пятое марта восемьдесят пятого", "25.03.1985", "25031985".

    A year of two digits is of this century if it has come already, else of the last. After "ой нет" the later date counts.
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
    tokens = words(text)
    for place in range(len(tokens) - 1, 0, -1):
        if tokens[place] in _CORRECTIONS:
            corrected = _spoken(tokens[place + 1 :], today)
            if corrected is not None:
                return corrected
        if tokens[place] in _CORRECTIONS and (as_said := _spoken(tokens[:place], today)) is not None:
            return as_said  # only a part of it is said again, and which is not known: the whole is read back anyway
    return _spoken([token for token in tokens if token not in _CORRECTIONS], today)


def _spoken(tokens: list[str], today: date) -> date | None:
    before: list[str] = []  # numbers before the name of a month, as dictated
    after: list[str] = []
    month: int | None = None
    index = 0
    while index < len(tokens):
        numeral = numeral_at(tokens, index)
        if numeral is not None and numeral.end < len(tokens) and tokens[numeral.end] in _AGE:
            index = numeral.end + 1  # "мне сорок лет"
            continue
        if numeral is not None:
            (before if month is None else after).append(numeral.digits or str(numeral.value))
            index = numeral.end
            continue
        if month is not None and after and tokens[index] in _YEAR_ENDS:
            break  # "двадцать второго года, малышке четыре": what follows is no part of the year
        if month is None and before:
            month = month_words().get(tokens[index])
        index += 1
    if month is None:
        return _all_numbers(_with_zeros(before), today)
    count = 2 if before[-2:-1] == ["0"] else 1
    day, year = "".join(before[-count:]), "".join(_with_zeros(after))
    if not year:
        year = "".join(_with_zeros(before[:-count]))  # "восемьдесят пятого года двенадцатого марта"
    return _valid(int(day), month, _full_year(year, today), today)


def _with_zeros(numbers: list[str]) -> list[str]:
    """ "ноль", "три" is "03"."""
    joined: list[str] = []
    for number in numbers:
        if joined and joined[-1] == "0" and len(number) == 1:
            joined[-1] += number
        else:
            joined.append(number)
    return joined


def _all_numbers(numbers: list[str], today: date) -> date | None:
    """Day, month and year all by number: "двадцать пять ноль три восемьдесят пять", or digit by digit."""
    if numbers and len(numbers[0]) == 4:
        numbers = [*numbers[:0:-1], numbers[0]]  # the year first
    if len(numbers) == 2 and len(numbers[0]) == 2 and len(numbers[1]) > 1:
        numbers = [f"{numbers[0][0]}0", numbers[0][1], numbers[1]]  # "двадцать три восемьдесят пять" is the 20th of March
    if len(numbers) >= 3 and 1 <= int(numbers[0]) <= 31 and 1 <= int(numbers[1]) <= 12:
        found = _valid(int(numbers[0]), int(numbers[1]), _full_year("".join(numbers[2:]), today), today)
        if found is not None:
            return found
    digits = "".join(numbers)
    if len(digits) in (6, 8):
        return _valid(int(digits[:2]), int(digits[2:4]), _full_year(digits[4:], today), today)
    return None


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
