"""Dates and times as the robot says them."""

from datetime import date, datetime, time, timedelta

from voicebot.russian.calendar_words import MONTHS_GENITIVE, WEEKDAYS
from voicebot.russian.case import Case, Gender
from voicebot.russian.inflect import inflect
from voicebot.russian.numbers import say_number, say_ordinal

_FAR_AHEAD = timedelta(days=300)
_NEAR = ("сегодня", "завтра", "послезавтра")


def say_date(day: date, today: date, case: Case | None = None, *, is_brief: bool = False) -> str:
    """A date in words.

    Without a case it answers "when": "завтра, в понедельник, двадцать третьего ноября"; with one it is a noun in that
    case: "понедельник, двадцать третье ноября". `is_brief`: only "завтра", or "в среду, двадцать пятого ноября" without
    more. The year is said when the date is most of a year away.
    """
    ahead = (day - today).days
    near = _NEAR[ahead] if 0 <= ahead < len(_NEAR) else ""
    number = say_ordinal(day.day, case or Case.GENITIVE, Gender.NEUTER, is_animate=False)
    if case is Case.ACCUSATIVE:
        number = say_ordinal(day.day, Case.NOMINATIVE, Gender.NEUTER)
    month = MONTHS_GENITIVE[day.month - 1]
    year = f" {say_ordinal(day.year, Case.GENITIVE)} года" if not timedelta(0) <= day - today < _FAR_AHEAD else ""
    weekday = WEEKDAYS[day.weekday()]
    if case is not None:
        return f"{inflect(weekday, case)}, {number} {month}{year}"
    if is_brief and near:
        return near
    preposition = "во" if weekday.startswith("вт") else "в"
    said = f"{preposition} {inflect(weekday, Case.ACCUSATIVE)}, {number} {month}{year}"
    return f"{near}, {said}" if near else said


def say_time(at: time) -> str:
    """A time in words, to stand after "в": "девять часов утра", "десять тридцать", "час дня", "пятнадцать ноль пять"."""
    hour, minute = at.hour, at.minute
    if minute == 0:
        return f"{_say_full_hour(hour)} {_part(hour)}"
    minutes = say_number(minute, gender=Gender.FEMININE)
    said = f"{'час' if hour == 1 else say_number(hour)} {'ноль ' if minute < 10 else ''}{minutes}"
    # Without a word for the part of the day these would be taken for the afternoon.
    return f"{said} {_part(hour)}" if 1 <= hour < 8 else said


def _say_full_hour(hour: int) -> str:
    half = hour % 12 or 12
    if half == 1:
        return "час"
    return f"{say_number(half)} {'часа' if half in (2, 3, 4) else 'часов'}"


def _part(hour: int) -> str:
    if hour < 4:
        return "ночи"
    if hour < 12:
        return "утра"
    return "дня" if hour < 17 else "вечера"


def say_when_spoken(at: datetime, today: date) -> str:
    """A moment as an offer: "завтра, во вторник, двадцать четвёртого ноября, в десять тридцать"."""
    return f"{say_date(at.date(), today)}, в {say_time(at.time())}"
