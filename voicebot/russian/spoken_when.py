"""Dates and times as the robot says them."""

from datetime import date, datetime, time, timedelta

from voicebot.russian.calendar_words import MONTHS_GENITIVE, WEEKDAYS
from voicebot.russian.case import Case, Gender
from voicebot.russian.inflect import counted, inflect
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


def say_time(at: time, case: Case = Case.NOMINATIVE) -> str:
    """A time in words, to stand after "в": "девять часов утра", "десять тридцать", "час дня", "пятнадцать ноль пять".

    In the genitive it stands after "до", "после", "с": "девяти часов утра", "десяти тридцати"; in the dative after "к".
    """
    hour, minute = at.hour, at.minute
    if minute == 0:
        return f"{_say_full_hour(hour, case)} {_part(hour)}"
    minutes = say_number(minute, case, Gender.FEMININE)
    said = f"{_say_full_hour(1, case) if hour == 1 else say_number(hour, case)} {'ноль ' if minute < 10 else ''}{minutes}"
    # Without a word for the part of the day these would be taken for the afternoon.
    return f"{said} {_part(hour)}" if 1 <= hour < 8 else said


def _say_full_hour(hour: int, case: Case) -> str:
    half = hour % 12 or 12
    return inflect("час", case) if half == 1 else counted(half, "час", case)


def _part(hour: int) -> str:
    if hour < 4:
        return "ночи"
    if hour < 12:
        return "утра"
    return "дня" if hour < 17 else "вечера"


def say_when_spoken(at: datetime, today: date, *, is_brief: bool = False) -> str:
    """A moment as an offer: "завтра, во вторник, двадцать четвёртого ноября, в десять тридцать".

    `is_brief`: "завтра в десять тридцать", "в среду, двадцать пятого ноября, в десять тридцать".
    """
    day = say_date(at.date(), today, is_brief=is_brief)
    return f"{day}{',' if ',' in day else ''} в {say_time(at.time())}"


def say_birth_date(born: date, case: Case = Case.NOMINATIVE) -> str:
    """A birth date: "двадцать пятое марта тысяча девятьсот восемьдесят пятого года"; the case is the day's."""
    day = say_ordinal(born.day, case, Gender.NEUTER)
    return f"{day} {MONTHS_GENITIVE[born.month - 1]} {say_ordinal(born.year, Case.GENITIVE)} года"
