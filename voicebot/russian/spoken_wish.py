"""A caller's wish about date and time in words: "на завтра, после трёх часов дня", or written: "на завтра, с 15:00"."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, time, timedelta

from voicebot.russian.calendar_words import MONTHS_GENITIVE, WEEKDAYS
from voicebot.russian.case import Case, Gender
from voicebot.russian.inflect import inflect
from voicebot.russian.numbers import say_ordinal
from voicebot.russian.spoken_amounts import say_list
from voicebot.russian.spoken_when import say_time
from voicebot.russian.wish import When
from voicebot.russian.written import write_time

_NEAR = ("сегодня", "завтра", "послезавтра")
_NEAR_GENITIVE = ("сегодняшнего дня", "завтрашнего дня", "послезавтра")
_PARTS = {
    (None, time(12)): "утром",
    (time(12), time(17)): "днём",
    (time(17), None): "вечером",
    (time(13), None): "после обеда",
    (None, time(13)): "до обеда",
    (time(0), None): "в любое время",
}
_WORKING = frozenset(range(5))
_WEEKEND = frozenset({5, 6})
_PLURALS = ("понедельникам", "вторникам", "средам", "четвергам", "пятницам", "субботам", "воскресеньям")


@dataclass(frozen=True, slots=True)
class _Style:
    """How the numbers of a wish are told."""

    day: Callable[[int, Case], str]
    """Of a month, neuter."""
    time: Callable[[time, Case], str]


def _spoken_day(day: int, case: Case) -> str:
    return say_ordinal(day, case, Gender.NEUTER)


_SPOKEN = _Style(_spoken_day, say_time)
_WRITTEN = _Style(lambda day, _case: str(day), lambda at, _case: write_time(at))


def say_wish(wish: When, today: date) -> str:
    """A wish as it is repeated to the caller: "на завтра, после трёх часов дня", "на будни, утром"; nothing for none."""
    return _told(wish, today, _SPOKEN)


def write_wish(wish: When, today: date) -> str:
    """The same for people who read: "на завтра, с 15:00"."""
    return _told(wish, today, _WRITTEN)


def _told(wish: When, today: date, style: _Style) -> str:
    several = [_one(one, today, style) for one in (wish, *wish.alternatives)]
    return say_list([said for said in several if said], "или")


def _one(wish: When, today: date, style: _Style) -> str:
    parts = [_days(wish, today, style), _excluded(wish, today, style), _times(wish, style)]
    said = ", ".join(part for part in parts if part)
    return said or ("на ближайшее время" if wish.is_nearest else "")


def _days(wish: When, today: date, style: _Style) -> str:
    if len(wish.dates) == 1:
        return f"на {_day(wish.dates[0], today, style, ', ')}"
    if wish.dates:
        return f"на {say_list([_day(day, today, style) for day in wish.dates], 'или')}"
    span = _span(wish.date_from, wish.date_to, today, style)
    weekdays = _weekdays(wish.weekdays)
    return " ".join(part for part in (weekdays, span) if part)


def _day(day: date, today: date, style: _Style, pause: str = " ") -> str:
    ahead = (day - today).days
    if 0 <= ahead < len(_NEAR):
        return _NEAR[ahead]
    return f"{inflect(WEEKDAYS[day.weekday()], Case.ACCUSATIVE)}{pause}{_number(day, Case.NOMINATIVE, style)}"


def _day_of(day: date, today: date, style: _Style) -> str:
    ahead = (day - today).days
    return _NEAR_GENITIVE[ahead] if 0 <= ahead < len(_NEAR_GENITIVE) else _number(day, Case.GENITIVE, style)


def _number(day: date, case: Case, style: _Style) -> str:
    return f"{style.day(day.day, case)} {MONTHS_GENITIVE[day.month - 1]}"


def _span(first: date | None, last: date | None, today: date, style: _Style) -> str:
    if first is not None and last is not None:
        monday = today - timedelta(days=today.weekday())
        for ahead, name in ((0, "на эту неделю"), (7, "на следующую неделю")):
            start = monday + timedelta(days=ahead)
            if (first, last) == (max(start, today), start + timedelta(days=6)):
                return name
        if first == last:
            return f"на {_day(first, today, style)}"
        is_same_month = (first.year, first.month) == (last.year, last.month)
        begun = style.day(first.day, Case.GENITIVE) if is_same_month else _number(first, Case.GENITIVE, style)
        return f"с {begun} по {_number(last, Case.NOMINATIVE, style)}"
    if first is not None:
        return "на любой день" if first <= today else f"не раньше {_number(first, Case.GENITIVE, style)}"
    return "" if last is None else f"не позже {_number(last, Case.GENITIVE, style)}"


def _weekdays(weekdays: frozenset[int]) -> str:
    if not weekdays:
        return ""
    if weekdays == _WORKING:
        return "на будни"
    if weekdays == _WEEKEND:
        return "на выходные"
    return f"по {say_list([_PLURALS[day] for day in sorted(weekdays)])}"


def _excluded(wish: When, today: date, style: _Style) -> str:
    names = [_day_of(day, today, style) for day in sorted(wish.excluded_dates)]
    names += [inflect(WEEKDAYS[day], Case.GENITIVE) for day in sorted(wish.excluded_weekdays)]
    return f"кроме {say_list(names)}" if names else ""


def _times(wish: When, style: _Style) -> str:
    if wish.times:
        return say_list([f"в {style.time(at, Case.NOMINATIVE)}" for at in wish.times], "или")
    bounds = (wish.time_from, wish.time_to)
    if bounds in _PARTS:
        return _PARTS[bounds]
    first = f"с {style.time(bounds[0], Case.GENITIVE)}" if bounds[0] is not None else ""
    last = f"до {style.time(bounds[1], Case.GENITIVE)}" if bounds[1] is not None else ""
    return " ".join(part for part in (first, last) if part)
