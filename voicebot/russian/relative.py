"""A wish told from a visit that exists: "на час позже", "неделей раньше", "попозже", "в то же время"."""

import re
from dataclasses import replace
from datetime import datetime, time, timedelta

from voicebot.russian.calendar_words import DAY_UNIT, HOUR_UNIT, MINUTE_UNIT, WEEK_UNIT
from voicebot.russian.days import plus_months
from voicebot.russian.numbers import numeral_at
from voicebot.russian.text import listed, normalise
from voicebot.russian.wish import When, any_of

_LATER = listed("позже попозже позднее попозднее вперед")
_EARLIER = listed("раньше пораньше ранее")
#: "Сдвиньте на полчаса" is later, unless earlier is said.
_PUT_OFF = re.compile(r"(?:^| )(?:сдвин|сдвиг|подвин|отодвин|отлож)\w* ")
_HOURS = HOUR_UNIT | listed("часок часочек часом")
_DAYS = DAY_UNIT - {"днем"}  # "днём, но попозже"
_WEEKS = WEEK_UNIT | listed("неделей")
_MONTHS = listed("месяц месяца месяцев месяцем")
_COUPLE = listed("пару парочку пара")
#: "Не позже" and "как можно раньше" are told from nothing.
_BOUND = re.compile(r"(?:^| )(?:не|чем|как можно) (?:по)?(?:позже|раньше|позднее|ранее)(?: |$)")
_SAME_TIME = re.compile(r"(?:^| )(?:то|это|тоже)(?: же)?(?: самое)? время(?: |$)")
_SAME_DAY = re.compile(r"(?:^| )(?:тот|этот) же(?: самый)? день(?: |$)")
_NEXT_DAY = re.compile(r"(?:^| )следующ(?:ий|его) д(?:ень|ня)(?: |$)")


def parse_relative(text: str, visit: datetime, said: When | None = None) -> When | None:
    """The wish of who wants another time than that of the visit, or None. `said`: what else the phrase says of the time."""
    plain = normalise(text)
    tokens = plain.split()
    is_later, is_earlier = (any(token in words for token in tokens) for words in (_LATER, _EARLIER))
    is_shifted = (is_later or is_earlier) and not _BOUND.search(plain)
    is_moved = is_shifted or (said is None and _PUT_OFF.search(plain) is not None)
    moved = _moved(tokens, visit, 1 if is_later or not is_earlier else -1) if is_moved else None
    if moved is not None:
        return When(dates=(moved.date(),), times=(moved.time().replace(tzinfo=None),))
    found = When()
    if _SAME_TIME.search(plain):
        found = replace(found, times=(visit.time().replace(tzinfo=None),))
    if _SAME_DAY.search(plain):
        found = replace(found, dates=(visit.date(),))
    elif _NEXT_DAY.search(plain):
        found = replace(found, dates=(visit.date() + timedelta(days=1),))
    if not found.is_empty:
        return found if said is None else said.merged(found)
    return _anywhere(visit, is_later=is_later) if is_shifted and said is None else None


def _anywhere(visit: datetime, *, is_later: bool) -> When:
    """Later or earlier than the visit, on its day or on another."""
    day, at = visit.date(), visit.time().replace(tzinfo=None)
    if is_later:
        after = time(at.hour, at.minute + 1) if at.minute < 59 else time(at.hour, 59)
        return any_of([When(dates=(day,), time_from=after), When(date_from=day + timedelta(days=1))])
    return any_of([When(dates=(day,), time_to=at), When(date_to=day - timedelta(days=1))])


def _moved(tokens: list[str], visit: datetime, sign: int) -> datetime | None:
    """The visit's moment with the amount that is said: "на полтора часа", "часа на два", "недельку"."""
    for index, word in enumerate(tokens):
        if word == "полчаса":
            return visit + sign * timedelta(minutes=30)
        if word not in _HOURS | MINUTE_UNIT | _DAYS | _WEEKS | _MONTHS:
            continue
        count = _count(tokens, index)
        if word in _MONTHS:
            return datetime.combine(plus_months(visit.date(), sign * int(count)), visit.timetz())
        unit = timedelta(hours=1)
        for words, length in ((MINUTE_UNIT, timedelta(minutes=1)), (_DAYS, timedelta(days=1)), (_WEEKS, timedelta(weeks=1))):
            unit = length if word in words else unit
        return visit + sign * count * unit
    return None


def _count(tokens: list[str], unit: int) -> float:
    """How many of a unit: the number before it, or after "часа на два"; one where there is none."""
    if unit and tokens[unit - 1] in _COUPLE:
        return 2
    after = unit + 2 if tokens[unit + 1 : unit + 2] == ["на"] else len(tokens)
    starts = [start for start in range(unit) if (one := numeral_at(tokens, start)) is not None and one.end == unit]
    numeral = numeral_at(tokens, starts[0] if starts else after) if starts or after < len(tokens) else None
    if numeral is None or numeral.is_ordinal:
        return 1
    return numeral.value + 0.5 if numeral.is_half_more else numeral.value
