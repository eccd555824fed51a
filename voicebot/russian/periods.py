"""Weeks, months and parts of them in words: "начало декабря", "следующая неделя", "выходные"."""

import calendar
from datetime import date, timedelta
from functools import cache

from voicebot.russian.calendar_words import (
    DAY_UNIT,
    MONTH_UNIT,
    WEEK_UNIT,
    YEAR_UNIT,
    month_words,
    weekday_words,
)
from voicebot.russian.days import DateCore, Which, plus_months, token_at
from voicebot.russian.morphology import parses
from voicebot.russian.numbers import numeral_at
from voicebot.russian.text import listed

NEXT = listed(
    "следующий следующая следующее следующего следующей следующую следующем следующие следующих будущий будущей будущую "
    "будущем будущего будущее той ту том того"
)
_PAST_OF_YEARS = listed("той ту том того")  # "в том году" has passed
THIS = listed(
    "этот эта это этого этой эту этом эти этих текущий текущей текущую текущего текущем нынешней нынешнюю нынешнем нынешнего"
)
CLOSEST = listed("ближайший ближайшая ближайшее ближайшего ближайшей ближайшую ближайшем ближайшие ближайших ближайшему")
WEEKEND = listed("выходные выходных выходным выходной выходного")
_WORKDAYS = listed("будни будням будних будний будние буднии буднего буднями рабочий рабочие рабочим рабочих")
_BEGINNING = listed("начале начало начала началу")
_MIDDLE = listed("середине середину середина середины")
_END = listed("конце конец конца концу")
_FIRST_DAYS = listed("первых первые")
_LAST_DAYS = listed("последних последние")
_FIRST_HALF = listed("первой первую первая")
_SECOND_HALF = listed("второй вторую вторая")
_HALF = listed("половине половину половина половины")
_DAY_NUMBERS = listed("числах числа")
_TENS = {"десятых": (10, 19), "двадцатых": (20, 29)}
_LAST = listed("последний последнюю последнее последняя последнего")
_WEEKEND_DAYS = frozenset({5, 6})
_TAKEN_UP_WITHIN = 8  # words
_AFTER_ADJECTIVE = frozenset({"NOUN", "ADJF", "NUMR", "NPRO"})
_WORKING_DAYS = frozenset(range(5))


@cache
def _taken_up() -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """Adjectives that may take up a noun said before, and these nouns, by gender."""
    feminine, masculine, neuter = (
        frozenset(word for word, day in weekday_words().items() if day in days) for days in ((2, 4, 5), (0, 1, 3), (6,))
    )
    return (
        (listed("следующую следующей эту этой ту"), feminine | WEEK_UNIT),
        (listed("следующий следующем этот тот"), masculine | MONTH_UNIT),
        (listed("следующее"), neuter),
    )


def nth_weekday(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "(в) первый понедельник декабря", "последнюю пятницу месяца": the next such day."""
    numeral = numeral_at(tokens, start)
    if tokens[start] in _LAST:
        count, index = -1, start + 1
    elif numeral is not None and numeral.is_ordinal and 1 <= numeral.value <= 5:
        count, index = numeral.value, numeral.end
    else:
        return None
    weekday = weekday_words().get(token_at(tokens, index))
    period = _period(tokens, index + 1, today) if weekday is not None else None
    if weekday is None or period is None or period[3] != "month":
        return None
    first, _, end, _, name = period
    step = 12 if name is not None else 1
    for shift in range(0, 13 * step, step):
        month = plus_months(first, shift)
        days = [day for day in _days_of(month) if day.weekday() == weekday]
        if count <= len(days) and (day := days[count if count < 0 else count - 1]) >= today:
            return DateCore(start, end, days=(day,))
    return None


def _days_of(first: date) -> list[date]:
    return [first.replace(day=day) for day in range(1, calendar.monthrange(first.year, first.month)[1] + 1)]


def part_of_period(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "(в) начале следующего месяца", "конце недели", "середине декабря", "первых числах"."""
    token = tokens[start]
    if token in _FIRST_DAYS | _LAST_DAYS and token_at(tokens, start + 1) in _DAY_NUMBERS:
        part, index = ("first" if token in _FIRST_DAYS else "last"), start + 2
        period = _period(tokens, index, today) or (*_month_span(today, 0), index, "month", None)
    elif token in _TENS and token_at(tokens, start + 1) in _DAY_NUMBERS:
        part, index = token, start + 2
        period = _period(tokens, index, today) or (*_month_span(today, 0), index, "month", None)
    elif token in _FIRST_HALF | _SECOND_HALF and token_at(tokens, start + 1) in _HALF:
        found = _period(tokens, start + 2, today)
        if found is None:
            return None
        part, period = ("half1" if token in _FIRST_HALF else "half2"), found
    else:
        part = next(
            (name for name, forms in (("beginning", _BEGINNING), ("middle", _MIDDLE), ("end", _END)) if token in forms), ""
        )
        if not part:
            return None
        found = _period(tokens, start + 1, today)
        if found is None:
            return None
        period = found
    first, last, end, kind, name = period
    span = _part(part, first, last, kind)
    if span[1] < today:
        # This month's beginning has passed: the next month's (or, of a named month, the next year's).
        if kind == "month":
            again = plus_months(first, 12 if name is not None else 1)
            span = _part(part, again, again.replace(day=calendar.monthrange(again.year, again.month)[1]), kind)
        else:
            span = _part(part, first + timedelta(days=7), last + timedelta(days=7), kind)
    return DateCore(start, end, span=(max(span[0], today), span[1]), is_end=part in ("end", "last", "half2"))


def _part(part: str, first: date, last: date, kind: str) -> tuple[date, date]:
    if kind == "week":
        offsets = {"beginning": (0, 1), "middle": (2, 3), "end": (3, 6), "half1": (0, 2), "half2": (3, 6)}.get(part, (0, 6))
        return first + timedelta(days=offsets[0]), first + timedelta(days=offsets[1])
    if part in _TENS:
        return first.replace(day=_TENS[part][0]), first.replace(day=min(_TENS[part][1], last.day))
    if part == "first":
        return first, first.replace(day=5)
    if part == "last":
        return last - timedelta(days=4), last
    if part == "half1":
        return first, first.replace(day=15)
    if part == "half2":
        return first.replace(day=16), last
    if part == "beginning":
        return first, first.replace(day=10)
    return (first.replace(day=11), first.replace(day=20)) if part == "middle" else (first.replace(day=21), last)


def _month_span(today: date, shift: int) -> tuple[date, date]:
    first = plus_months(today.replace(day=1), shift)
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _week_span(today: date, shift: int) -> tuple[date, date]:
    monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * shift)
    return monday, monday + timedelta(days=6)


def _period(tokens: list[str], index: int, today: date) -> tuple[date, date, int, str, int | None] | None:
    """A week or a month with "следующей" or "этой" before it, or a named month: first day, last day, end, kind, month."""
    shift = 0
    word = token_at(tokens, index)
    if word in NEXT:
        shift, index = 1, index + 1
    elif word in THIS or word in CLOSEST:
        index += 1
    word = token_at(tokens, index)
    if word in WEEK_UNIT:
        return (*_week_span(today, shift), index + 1, "week", None)
    if word in MONTH_UNIT:
        return (*_month_span(today, shift), index + 1, "month", None)
    month = month_words().get(word)
    if month is not None:
        year = today.year + (month < today.month)
        first = date(year, month, 1)
        end = index + 1 + (token_at(tokens, index + 1) in MONTH_UNIT)
        return first, first.replace(day=calendar.monthrange(year, month)[1]), end, "month", month
    return None


def with_which(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "Следующую среду", "этой неделе", "ближайшие выходные", "следующем месяце"."""
    word, following = tokens[start], token_at(tokens, start + 1)
    if word in NEXT:
        which, shift = Which.NEXT_WEEK, 1
    elif word in THIS:
        which, shift = Which.THIS_WEEK, 0
    elif word in CLOSEST:
        which, shift = Which.NEXT_TO_COME, 0
    else:
        return _plain_week_or_set(tokens, start, today)
    taken_up = _noun_before(tokens, start)
    following, end = (taken_up, start + 1) if taken_up else (following, start + 2)
    weekday = weekday_words().get(following)
    if weekday is not None:
        return DateCore(start, end, weekdays=frozenset({weekday}), which=which)
    if following in WEEK_UNIT:
        first, last = _week_span(today, shift)
        if word in CLOSEST:
            last = today + timedelta(days=7)
        return DateCore(start, end, span=(max(first, today), last))
    if following in MONTH_UNIT:
        first, last = _month_span(today, shift)
        if word in CLOSEST:
            last = plus_months(today, 1)
        return DateCore(start, end, span=(max(first, today), last))
    if following in WEEKEND:
        first, last = _week_span(today, shift)
        return DateCore(start, end, days=tuple(d for d in (last - timedelta(days=1), last) if d >= today))
    if following == "день" and word in NEXT:
        return DateCore(start, end, days=(today + timedelta(days=1),))
    if following in YEAR_UNIT and word in NEXT and word not in _PAST_OF_YEARS:
        return DateCore(start, end, span=(date(today.year + 1, 1, 1), date(today.year + 1, 12, 31)))
    return None


def _noun_before(tokens: list[str], start: int) -> str:
    """The weekday, week or month that an adjective alone takes up ("не в эту пятницу, а в следующую"), or nothing."""
    following = token_at(tokens, start + 1)
    if start == 0 or tokens[start - 1] not in ("в", "на") or following == "же":
        return ""
    if following and parses(following)[0].tag.POS in _AFTER_ADJECTIVE:
        return ""
    before = reversed(tokens[max(0, start - _TAKEN_UP_WITHIN) : start])
    return next((word for word in before if any(tokens[start] in of and word in nouns for of, nouns in _taken_up())), "")


def _plain_week_or_set(tokens: list[str], start: int, today: date) -> DateCore | None:
    word, following = tokens[start], token_at(tokens, start + 1)
    if word in ("неделе", "недельке"):  # "на неделе"
        return DateCore(start, start + 1, span=(today, _week_span(today, 0)[1]))
    if word in WEEKEND:
        end = start + 1 + (following in DAY_UNIT)
        return DateCore(start, end, weekdays=_WEEKEND_DAYS, is_set=True)
    if word in _WORKDAYS:
        is_day_said = following in DAY_UNIT or following == "дням"
        if word.startswith("рабоч") and not is_day_said:
            return None
        return DateCore(start, start + 1 + is_day_said, weekdays=_WORKING_DAYS, is_set=True)
    return None


def year_at(tokens: list[str], index: int) -> tuple[int | None, int]:
    """A year after a month ("две тысячи двадцать шестого года", "26 года"), and where it ends."""
    numeral = numeral_at(tokens, index) if index < len(tokens) else None
    if numeral is None:
        if token_at(tokens, index) in NEXT and token_at(tokens, index + 1) in YEAR_UNIT:
            return None, index + 2
        return None, index
    is_year_said = token_at(tokens, numeral.end) in YEAR_UNIT
    if numeral.value >= 1900 and numeral.value <= 2100:
        return numeral.value, numeral.end + is_year_said
    if is_year_said and 0 <= numeral.value < 100:
        return 2000 + numeral.value if numeral.value < 50 else 1900 + numeral.value, numeral.end + 1
    return None, index


def month_alone(tokens: list[str], start: int, today: date) -> DateCore | None:
    """A month alone: "(в) декабре"; this month is from today on, a passed one is next year's."""
    month = month_words().get(tokens[start])
    if month is None:
        return None
    period = _period(tokens, start, today)
    if period is None:
        return None
    year, end = year_at(tokens, period[2])
    first = period[0].replace(year=year) if year is not None else period[0]
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return DateCore(start, end, span=(max(first, today), last)) if last >= today else None
