"""A phrase about date and time -> a wish. What the caller says last about a thing counts."""

import re
from dataclasses import replace
from datetime import datetime

from voicebot.russian.calendar_words import MONTHS_GENITIVE
from voicebot.russian.case import Case, Gender
from voicebot.russian.date_wishes import exclusions, of_dates
from voicebot.russian.days import DateCore
from voicebot.russian.marks import AFTER, BEFORE, FROM, UNTIL, Mark, scan
from voicebot.russian.numbers import say_ordinal
from voicebot.russian.spoken_when import say_date, say_time, say_when_spoken
from voicebot.russian.text import words
from voicebot.russian.time_wishes import of_times
from voicebot.russian.times import TimeCore
from voicebot.russian.wish import When

__all__ = ["When", "parse_when", "say_date", "say_time", "say_when_spoken"]

_SLASHED_DATE = re.compile(r"\b(\d{1,2})[./](\d{1,2})(?:[./](\d{4}|\d{2}))?\b")
_COLON_TIME = re.compile(r"\b(\d{1,2})\s?[:.]\s?(\d{2})\b")
_TYPED_ORDINAL = re.compile(r"\b(\d{1,2})\s?-?\s?(?:го|ого|ое|му|е)\b")


def parse_when(text: str, now: datetime, *, context: When | None = None) -> When | None:
    """The wish about date and time in a phrase; None when the phrase holds none.

    `now`: the clinic's local time; dates before its day never come out. `context`: what was agreed before (a week, a
    month): a weekday alone is then looked for inside it.
    """
    tokens = words(_typed_to_words(text))
    segments = scan(tokens, now.date())
    wish: When | None = None
    for segment in segments:
        part = _combined(segment, now, wish if wish is not None else context)
        if part is not None and not part.is_empty:
            wish = part if wish is None else wish.merged(part)
    return wish


def _typed_to_words(text: str) -> str:
    """Typed dates and times ("25.11", "10:30", "25-го") in words that the readers know; speech has none of them."""
    if not any(character.isdecimal() for character in text):
        return text

    def as_date(found: re.Match[str]) -> str:
        day, month, year = int(found[1]), int(found[2]), found[3]
        if not (1 <= day <= 31 and 1 <= month <= 12) or (year is None and found[2] == "00"):
            return found[0]
        full_year = "" if year is None else f" {int(year) + (2000 if len(year) == 2 else 0)} года"
        return f" {day} {MONTHS_GENITIVE[month - 1]}{full_year} "

    def as_time(found: re.Match[str]) -> str:
        hour, minute = int(found[1]), int(found[2])
        return f" {hour} часов {minute} минут " if hour <= 24 and minute <= 59 else found[0]

    def as_ordinal(found: re.Match[str]) -> str:
        return f" {say_ordinal(int(found[1]), Case.GENITIVE, Gender.NEUTER)} "

    return _TYPED_ORDINAL.sub(as_ordinal, _COLON_TIME.sub(as_time, _SLASHED_DATE.sub(as_date, text.lower())))


def _combined(segment: list[Mark], now: datetime, context: When | None) -> When | None:
    if not segment:
        return None
    dates = _without_moved_from([mark for mark in segment if isinstance(mark.core, DateCore)])
    times = _without_moved_from([mark for mark in segment if isinstance(mark.core, TimeCore)])
    # "В пятницу утром не могу" rules the day out, not all mornings.
    is_day_negated = any(mark.is_negated for mark in dates)
    times = _turned([mark for mark in times if not (mark.is_negated and is_day_negated)])
    dates = _turned(dates)
    today = now.date()
    wish = of_dates([mark for mark in dates if not mark.is_negated], today, context)
    excluded_dates, excluded_weekdays = exclusions([mark for mark in dates if mark.is_negated], today)
    wish = replace(
        wish,
        excluded_dates=frozenset(excluded_dates - set(wish.dates)),
        excluded_weekdays=frozenset(excluded_weekdays - wish.weekdays),
    )
    return of_times(times, wish, now)


def _without_moved_from(marks: list[Mark]) -> list[Mark]:
    """ "С понедельника на среду": what is moved from is no wish."""
    result: list[Mark] = []
    for mark in marks:
        if mark.preposition == "на" and any(other.preposition in ("с", "со") for other in result):
            result = [other for other in result if other.preposition not in ("с", "со")]
        result.append(mark)
    return result


def _turned(marks: list[Mark]) -> list[Mark]:
    """ "До шести не могу" is from six on, "после пяти не получится" until five; a closed range cannot be turned."""
    is_closed = {mark.relation for mark in marks if mark.is_negated} >= {FROM, BEFORE}
    turns = {BEFORE: FROM, UNTIL: AFTER, FROM: BEFORE, AFTER: UNTIL}
    result = []
    for mark in marks:
        if mark.is_negated and mark.relation in turns:
            if not is_closed:
                result.append(replace(mark, relation=turns[mark.relation], is_negated=False, preposition=""))
        else:
            result.append(mark)
    return result
