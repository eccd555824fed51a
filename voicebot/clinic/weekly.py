"""Small notations of clinic data: days of the week, hours."""

from datetime import time, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def parse_days(text: str) -> frozenset[int]:
    """ "mon-fri", "tue,thu", "sat" -> weekdays, Monday is 0. Raise ValueError saying what is wrong."""
    days: set[int] = set()
    for part in text.replace(" ", "").lower().split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"{part!r} is no day of the week; days are {', '.join(DAYS)}, as mon-fri or tue,thu")
        start = DAYS.index(first)
        length = (DAYS.index(last) - start) % 7 if dash else 0
        days.update((start + step) % 7 for step in range(length + 1))
    return frozenset(days)


def _minutes(text: str) -> int:
    hours, _, minutes = text.partition(":")
    if not (hours.isdigit() and minutes.isdigit() and len(minutes) == 2):
        raise ValueError(f"{text!r} is no time; write it as 09:00")
    total = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or total > 24 * 60:
        raise ValueError(f"{text!r} is no time of a day")
    return total


def parse_hours(text: str) -> tuple[tuple[int, int], ...]:
    """ "09:00-13:00, 14:00-18:00" -> ((540, 780), (840, 1080)) in minutes of the day, in order, not overlapping."""
    spans: list[tuple[int, int]] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not dash:
            raise ValueError(f"{part.strip()!r} is no span of time; write it as 09:00-13:00")
        start, end = _minutes(first.strip()), _minutes(last.strip())
        if start >= end:
            raise ValueError(f"{part.strip()!r} ends before it starts")
        if spans and spans[-1][1] > start:
            raise ValueError(f"{part.strip()!r} begins before the span in front of it ends")
        spans.append((start, end))
    return tuple(spans)


def time_of(minutes: int) -> time:
    """Minutes of the day (below 24 * 60) as a time."""
    return (time.min.replace(hour=minutes // 60, minute=minutes % 60)) if minutes < 24 * 60 else time.min


def minutes_of(duration: timedelta) -> int:
    """Return a duration in whole minutes."""
    return int(duration.total_seconds() // 60)
