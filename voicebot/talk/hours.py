"""When operators work. Pure."""

from collections.abc import Mapping
from datetime import datetime, time

from voicebot.errors import ConfigurationError

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _days(spec: str) -> range:
    first, _, last = spec.strip().lower().partition("-")
    try:
        start = _DAYS.index(first)
        end = _DAYS.index(last) if last else start
    except ValueError:
        raise ConfigurationError(
            f"transfer.hours: {spec!r} is not a day.", "Use mon..sun, or a range such as mon-fri."
        ) from None
    if end < start:
        raise ConfigurationError(f"transfer.hours: {spec!r} runs backwards.", "Split it: fri-sun and mon.")
    return range(start, end + 1)


def _minute(text: str) -> int:
    try:
        if text.strip() == "24:00":
            return 24 * 60
        value = time.fromisoformat(text.strip())
    except ValueError:
        raise ConfigurationError(f"transfer.hours: {text!r} is not a time.", 'Use "08:00-20:00".') from None
    return value.hour * 60 + value.minute


def check(hours: Mapping[str, str]) -> None:
    """Raise ConfigurationError unless every entry can be read."""
    for spec, span in hours.items():
        _days(spec)
        start, _, end = span.partition("-")
        if _minute(start) >= _minute(end):
            raise ConfigurationError(f"transfer.hours: {span!r} is empty.", "The first time must be before the second.")


def is_open(hours: Mapping[str, str], at: datetime) -> bool:
    """Tell whether an operator works at `at` (local time of the clinic)."""
    minute = at.hour * 60 + at.minute
    for spec, span in hours.items():
        start, _, end = span.partition("-")
        if at.weekday() in _days(spec) and _minute(start) <= minute < _minute(end):
            return True
    return False
