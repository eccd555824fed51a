"""Dates and times as people type them ("25.11 в 10:30", "10-12", "5 дек", "25-го") -> words that the readers know."""

import re
from collections.abc import Callable

from voicebot.russian.calendar_words import MONTHS_GENITIVE
from voicebot.russian.case import Case, Gender
from voicebot.russian.numbers import say_ordinal

_MONTH_STARTS = {month[:3]: month for month in MONTHS_GENITIVE}
_DAY = "пн|вт|ср|чт|пт|сб|вс"
_ISO_DATE = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})(?=\D|$)")
_TIME_AFTER_IN = re.compile(r"\b(во?|ко?) (\d{1,2})\s?[.:-]\s?(\d{2})\b(?![./]\d)")
_SLASHED_DATE = re.compile(r"(?<![\d.-])(\d{1,2})(?:[./](\d{1,2})(?:[./](\d{4}|\d{2}))?|-(\d{1,2})-(\d{4}))\b(?![.-]?\d)")
_SPAN_OF_DAYS = re.compile(r"(?<![\d-])(\d{1,2})\s?[-–—]\s?(\d{1,2})(?:-?[ео]?го)? (?=[а-я]{3})(?P<month>[а-я]+)")
_FROM_TO_DAYS = re.compile(r"(?<!\w)с (\d{1,2}) (?:по|до) (\d{1,2}) (?P<month>[а-я]+)")
_SPAN_OF_HOURS = re.compile(r"(?<![\d:.-])(\d{1,2})(?:[:.](\d{2}))?\s?[-–—]\s?(\d{1,2})(?:[:.](\d{2}))?(?![\d:.-])")
_COLON_TIME = re.compile(r"\b(\d{1,2})\s?[:.]\s?(\d{2})\b")
_HOUR_LETTER = re.compile(r"\b(\d{1,2})\s?ч(?:ас(?:ов|а)?)?\.?(?:\s?(\d{2})\s?(?:м(?:ин(?:ут)?)?\.?)?)?(?![а-яё\d])")
_SHORT_MONTH = re.compile(rf"(?<=\d)(\s?)({'|'.join(_MONTH_STARTS)})[а-я]*\b\.?")
_ORDINAL = re.compile(r"\b(\d{1,2})\s?-?\s?(?:го|ого|ое|му|е)\b")
_HALF = re.compile(r"\b([12])(?:\s?-?\s?(?:й|ой|ю|ую|я|ая))? (?=половин)")
_WEEKDAYS = re.compile(rf"\b({_DAY})\s?[-–—]\s?({_DAY})\b")
_QUARTERS = (0, 15, 30, 45)
_LAST_HOUR = 24


def typed_to_words(text: str) -> str:
    """The text with its typed dates and times in words; speech has none of them and is returned as it is."""
    lowered = text.lower()
    if "-" in lowered or "–" in lowered or "—" in lowered:
        lowered = _WEEKDAYS.sub(r"с \1 по \2", lowered)
    if not any(character.isdecimal() for character in lowered):
        return lowered
    for pattern, written in _STEPS:
        lowered = pattern.sub(written, lowered)
    return lowered


def _of_day(day: int, month: int, year: str | None, otherwise: str) -> str:
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return otherwise
    full_year = "" if year is None else f" {int(year) + (2000 if len(year) == 2 else 0)} года"
    return f" {day} {MONTHS_GENITIVE[month - 1]}{full_year} "


def _iso_date(found: re.Match[str]) -> str:
    return _of_day(int(found[3]), int(found[2]), found[1], found[0])


def _slashed_date(found: re.Match[str]) -> str:
    month, year = (found[2], found[3]) if found[2] is not None else (found[4], found[5])
    return found[0] if year is None and month == "00" else _of_day(int(found[1]), int(month), year, found[0])


def _clock(hour: int, minute: int) -> str:
    return f"{hour} часов {minute} минут" if minute else f"{hour} часов"


def _time_after_in(found: re.Match[str]) -> str:
    hour, minute = int(found[2]), int(found[3])
    return f"{found[1]} {_clock(hour, minute)} " if hour < _LAST_HOUR and minute <= 59 else found[0]


def _colon_time(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    return f" {_clock(hour, minute)} " if hour <= _LAST_HOUR and minute <= 59 else found[0]


def _hour_letter(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2] or 0)
    return f" {_clock(hour, minute)} " if hour <= _LAST_HOUR and minute <= 59 else found[0]


def _span_of_days(found: re.Match[str]) -> str:
    """ "5-10 декабря", "с 5 по 10 декабря"."""
    month = _MONTH_STARTS.get(found["month"][:3])
    if month is None and found["month"] not in ("число", "числа"):
        return found[0]
    first, last = int(found[1]), int(found[2])
    if not 1 <= first <= 31 or not 1 <= last <= 31:
        return found[0]
    named = month or "числа"
    return f" с {first} {named} по {last} {named} "


def _span_of_hours(found: re.Match[str]) -> str:
    """ "10-12", "10:00-12:30"; "10-30" is half past ten."""
    first, last = int(found[1]), int(found[3])
    has_minutes = found[2] is not None or found[4] is not None
    if not has_minutes and first < _LAST_HOUR and len(found[3]) == 2 and (last in _QUARTERS or _LAST_HOUR < last <= 59):
        return f" {_clock(first, last)} "
    if first > _LAST_HOUR or last > _LAST_HOUR or int(found[2] or 0) > 59 or int(found[4] or 0) > 59:
        return found[0]
    return f" с {_clock(first, int(found[2] or 0))} до {_clock(last, int(found[4] or 0))} "


def _short_month(found: re.Match[str]) -> str:
    return f" {_MONTH_STARTS[found[2]]} "


def _ordinal(found: re.Match[str]) -> str:
    return f" {say_ordinal(int(found[1]), Case.GENITIVE, Gender.NEUTER)} "


def _half(found: re.Match[str]) -> str:
    return "первой " if found[1] == "1" else "второй "


_STEPS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (_ISO_DATE, _iso_date),
    (_TIME_AFTER_IN, _time_after_in),
    (_SHORT_MONTH, _short_month),
    (_FROM_TO_DAYS, _span_of_days),
    (_SPAN_OF_DAYS, _span_of_days),
    (_SLASHED_DATE, _slashed_date),
    (_SPAN_OF_HOURS, _span_of_hours),
    (_COLON_TIME, _colon_time),
    (_HOUR_LETTER, _hour_letter),
    (_HALF, _half),
    (_ORDINAL, _ordinal),
)
