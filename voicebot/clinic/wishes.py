"""A caller's wish for a time, kept in the database until a place is free: When to plain JSON and back."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any

from voicebot.russian.when import When


def to_json(wish: When) -> dict[str, Any]:
    """Only what is set, as texts and numbers."""
    found: dict[str, Any] = {
        "dates": [day.isoformat() for day in wish.dates],
        "date_from": wish.date_from and wish.date_from.isoformat(),
        "date_to": wish.date_to and wish.date_to.isoformat(),
        "weekdays": sorted(wish.weekdays),
        "excluded_dates": sorted(day.isoformat() for day in wish.excluded_dates),
        "excluded_weekdays": sorted(wish.excluded_weekdays),
        "times": [at.isoformat("minutes") for at in wish.times],
        # midnight is a time that was said, but a false one to `and`
        "time_from": None if wish.time_from is None else wish.time_from.isoformat("minutes"),
        "time_to": None if wish.time_to is None else wish.time_to.isoformat("minutes"),
        "is_nearest": wish.is_nearest,
        "alternatives": [to_json(other) for other in wish.alternatives],
    }
    return {name: value for name, value in found.items() if value}


def from_json(found: Mapping[str, Any]) -> When:
    """Raise ValueError if that is no wish."""
    return When(
        dates=tuple(map(date.fromisoformat, found.get("dates", ()))),
        date_from=_date(found.get("date_from")),
        date_to=_date(found.get("date_to")),
        weekdays=frozenset(found.get("weekdays", ())),
        excluded_dates=frozenset(map(date.fromisoformat, found.get("excluded_dates", ()))),
        excluded_weekdays=frozenset(found.get("excluded_weekdays", ())),
        times=tuple(map(time.fromisoformat, found.get("times", ()))),
        time_from=_time(found.get("time_from")),
        time_to=_time(found.get("time_to")),
        is_nearest=bool(found.get("is_nearest")),
        alternatives=tuple(map(from_json, found.get("alternatives", ()))),
    )


def _date(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _time(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)
