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
    "свободное доступное время окно место ухо посещение лицо уха этажа кабинета филиала врача приема ребенка лица окошко "
    "слово имя отделение отделения корпуса подъезда июнь"
)


def day_of_month(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "двадцать пятого ноября", "двадцать пятое", "первого числа", "пятого двенадцатого", "числа двадцатого"."""
    index = start
    after_month = _after_its_month(tokens, start)
    if after_month is not None:
        return after_month
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


def _after_its_month(tokens: list[str], start: int) -> DateCore | None:
    """ "Января двадцатого", "(в) декабре пятого числа"."""
    month = month_words().get(tokens[start])
    numeral = numeral_at(tokens, start + 1) if month is not None and start + 1 < len(tokens) else None
    if numeral is None or not numeral.is_ordinal or not 1 <= numeral.value <= 31:
        return None
    following = token_at(tokens, numeral.end)
    is_other = following in _NOT_AFTER_DAY or following in YEAR_UNIT or following in month_words()
    if is_other or not _is_date_form(tokens[numeral.end - 1]):
        return None
    end = numeral.end + (following in DAY_OF_MONTH_WORD)
    return DateCore(start, end, of_month=DayOfMonth(numeral.value, month))


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
    if tokens[month.end - 1].endswith("е") and not tokens[day.end - 1].endswith("е"):
        return False  # "вместо третьего пятое"
    if year_at(tokens, month.end)[0] is not None:
        return True
    if month.value != day.value + 1:
        return True
    months_ahead = (month.value - today.month) % 12
    is_passed = months_ahead == 0 and day.value < today.day
    return months_ahead <= 1 and not is_passed and not _is_joined_by_day(tokens, month.end)


def _is_joined_by_day(tokens: list[str], index: int) -> bool:
    """Whether "или" and another day follow: "десятого одиннадцатого или двенадцатого" are days of one month."""
    numeral = numeral_at(tokens, index + 1) if token_at(tokens, index) in ("или", "либо", "и") else None
    return numeral is not None and numeral.is_ordinal and _is_date_form(tokens[numeral.end - 1])


def _month_shift(tokens: list[str], index: int) -> tuple[int | None, int]:
    """ "этого месяца" is 0, "следующего месяца" 1."""
    word, following = token_at(tokens, index), token_at(tokens, index + 1)
    if following in MONTH_UNIT and (word in NEXT or word in THIS):
        return (1 if word in NEXT else 0), index + 2
    return None, index
