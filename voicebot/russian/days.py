"""What a date expression may be before the whole phrase is known, and which day it means."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum, auto


class Which(Enum):
    """Which of the weekdays is meant."""

    NEXT_TO_COME = auto()  # "в среду"
    THIS_WEEK = auto()  # "в эту среду"
    NEXT_WEEK = auto()  # "в следующую среду"
    EVERY = auto()  # "по средам"


@dataclass(frozen=True, slots=True)
class DayOfMonth:
    """ "двадцать пятого", with the month and year if they were said. `month_shift`: of this month 0, of the next 1."""

    day: int
    month: int | None = None
    year: int | None = None
    month_shift: int | None = None


@dataclass(frozen=True, slots=True)
class DateCore:
    """One date expression without its preposition; the words [start, end)."""

    start: int
    end: int
    days: tuple[date, ...] = ()
    of_month: DayOfMonth | None = None
    weekdays: frozenset[int] = frozenset()
    which: Which = Which.NEXT_TO_COME
    span: tuple[date, date | None] | None = None  # first and last day; a week, a month or a part of one
    is_whole_week: bool = False  # days: "через неделю", where a weekday beside it names the day of that week
    is_nearest: bool = False
    is_end: bool = False  # span: "конец недели", so that "до конца недели" takes it in
    is_set: bool = False  # weekdays: "в выходные", "в будни": any of them


def token_at(tokens: list[str], index: int) -> str:
    """The word at an index, or nothing beyond the end."""
    return tokens[index] if index < len(tokens) else ""


def plus_months(day: date, months: int) -> date:
    """The same day some months later, or the last day of a shorter month."""
    index = day.month - 1 + months
    year, month = day.year + index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def resolve_day(of_month: DayOfMonth, today: date) -> date | None:
    """The nearest such day that is not in the past; None when its year has passed or there is no such day."""
    if of_month.year is not None and of_month.month is not None:
        try:
            day = date(of_month.year, of_month.month, of_month.day)
        except ValueError:
            return None
        return day if day >= today else None
    if of_month.month is not None:
        for year in range(today.year, today.year + 9):
            if of_month.day <= calendar.monthrange(year, of_month.month)[1]:
                day = date(year, of_month.month, of_month.day)
                if day >= today:
                    return day
        return None
    first_shift = of_month.month_shift if of_month.month_shift is not None else 0
    for shift in range(first_shift, first_shift + 14):
        first = plus_months(today.replace(day=1), shift)
        if of_month.day <= calendar.monthrange(first.year, first.month)[1]:
            day = first.replace(day=of_month.day)
            if day >= today:
                return day
    return None


def resolve_weekday(weekday: int, which: Which, today: date) -> date:
    """ "В среду" is the next one after today; "в эту" may be today; "в следующую" is of the next calendar week."""
    if which is Which.NEXT_WEEK:
        return today - timedelta(days=today.weekday()) + timedelta(days=7 + weekday)
    ahead = (weekday - today.weekday()) % 7
    if ahead == 0 and which is not Which.THIS_WEEK:
        ahead = 7
    return today + timedelta(days=ahead)
