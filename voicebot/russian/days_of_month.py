"""Days of a month in words and numbers: "двадцать пятого ноября", "пятого двенадцатого", "двенадцать ноль три"."""

import calendar
from datetime import date

from voicebot.russian.calendar_words import (
    DAY_OF_MONTH_WORD,
    HOUR_UNIT,
    MINUTE_UNIT,
    MONTH_UNIT,
    YEAR_UNIT,
    month_words,
)
from voicebot.russian.days import DateCore, DayOfMonth, token_at
from voicebot.russian.numbers import Numeral, numeral_at
from voicebot.russian.periods import NEXT, THIS, year_at
from voicebot.russian.text import listed

_HOURS = 24
# After a bare day of the month these show that something else was counted: "второе ухо", "первое посещение".
_NOT_AFTER_DAY = listed(
    "свободное доступное время окно место ухо посещение лицо уха раз этажа кабинета филиала врача приема ребенка лица окошко "
    "слово имя отделение отделения корпуса подъезда июнь"
)


def day_of_month(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "двадцать пятого ноября", "двадцать пятое", "первого числа", "пятого двенадцатого", "числа двадцатого"."""
    index = start
    is_number_word_first = tokens[start] in DAY_OF_MONTH_WORD
    if is_number_word_first:
        index += 1
    numeral = numeral_at(tokens, index) if index < len(tokens) else None
    if numeral is None or not 1 <= numeral.value <= 31 or numeral.is_half_more or numeral.is_collective:
        return None
    end = numeral.end
    following = token_at(tokens, end)
    month = month_words().get(following)
    if month is not None:
        year, end = year_at(tokens, end + 1)
        return DateCore(start, end, of_month=DayOfMonth(numeral.value, month, year))
    if not numeral.is_ordinal and following not in ("число", "числа"):
        return None
    if following in DAY_OF_MONTH_WORD:
        end += 1
        shift, end = _month_shift(tokens, end)
        month = month_words().get(token_at(tokens, end)) if shift is None else None
        if month is not None:
            end += 1
        return DateCore(start, end, of_month=DayOfMonth(numeral.value, month, None, shift))
    is_between = start > 0 and tokens[start - 1] in ("между", "и") and tokens[numeral.end - 1].endswith(("ым", "им"))
    if not (_is_date_form(tokens[numeral.end - 1]) or is_between) or following in _NOT_AFTER_DAY:
        return None
    second = numeral_at(tokens, end) if end < len(tokens) else None
    if second is not None and _is_month_number(numeral, second, tokens, today):
        year, end = year_at(tokens, second.end)
        return DateCore(start, end, of_month=DayOfMonth(numeral.value, second.value, year))
    shift, end = _month_shift(tokens, end)
    return DateCore(start, end, of_month=DayOfMonth(numeral.value, None, None, shift))


def day_and_month(tokens: list[str], start: int) -> DateCore | None:
    """A date by numbers alone: "двадцать четыре одиннадцать", "двенадцать ноль три", "двенадцатое ноль третье".

    What may as well be a time ("десять тридцать", "двенадцать ноль пять") is none: no appointment begins at 12:03.
    """
    day = numeral_at(tokens, start)
    if day is None or not 1 <= day.value <= 31 or day.is_collective or day.is_half_more or len(day.digits) > 2:
        return None
    month = numeral_at(tokens, day.end) if day.end < len(tokens) else None
    has_zero = month is not None and month.value == 0 and not month.is_ordinal
    if month is not None and has_zero:
        month = numeral_at(tokens, month.end) if month.end < len(tokens) else None
    if month is None or not 1 <= month.value <= 12 or not (has_zero or month.value >= 10) or (has_zero and month.value >= 10):
        return None
    if day.is_ordinal and not (has_zero and _is_date_form(tokens[day.end - 1])):
        return None
    if not day.is_ordinal and (month.is_ordinal or (day.value < _HOURS and month.value % 5 == 0)):
        return None
    if day.value > calendar.monthrange(2024, month.value)[1]:
        return None
    year, end = year_at(tokens, month.end)
    following = token_at(tokens, end)
    if following in MINUTE_UNIT | HOUR_UNIT | YEAR_UNIT or (year is None and numeral_at([following], 0) is not None):
        return None
    return DateCore(start, end, of_month=DayOfMonth(day.value, month.value, year))


def _is_date_form(word: str) -> bool:
    """Days of the month are neuter: "пятое", "пятого", "пятому"; "пятый" and "пятая" are something else."""
    return word.endswith(("ое", "ого", "ому", "ье", "ьего", "ьему"))


def _is_month_number(day: Numeral, month: Numeral, tokens: list[str], today: date) -> bool:
    """Whether "пятого двенадцатого" is 05.12. "Пятого шестого" is rather two days, unless June is near."""
    if not month.is_ordinal or not 1 <= month.value <= 12 or not _is_date_form(tokens[month.end - 1]):
        return False
    if token_at(tokens, month.end) in DAY_OF_MONTH_WORD or token_at(tokens, month.end) in month_words():
        return False
    if day.value > calendar.monthrange(2024, month.value)[1]:
        return False
    if year_at(tokens, month.end)[0] is not None:
        return True
    months_ahead = (month.value - today.month) % 12
    return month.value != day.value + 1 or months_ahead <= 1


def _month_shift(tokens: list[str], index: int) -> tuple[int | None, int]:
    """ "этого месяца" is 0, "следующего месяца" 1."""
    word, following = token_at(tokens, index), token_at(tokens, index + 1)
    if following in MONTH_UNIT and (word in NEXT or word in THIS):
        return (1 if word in NEXT else 0), index + 2
    return None, index
