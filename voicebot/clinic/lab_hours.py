"""When a laboratory takes tests next. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicebot.clinic.weekly import parse_days, parse_hours

_DAYS_AHEAD = 8
#: Who calls minutes before the end does not get there in time.
_LAST_MINUTES = 20


@dataclass(frozen=True, slots=True)
class Taking:
    """A span in which tests are taken; both aware, in the clinic's zone."""

    start: datetime
    end: datetime


def next_taking(weekly: Mapping[str, str], now: datetime) -> Taking | None:
    """Return the span that is open now or opens next; None when there is none. `now` is aware, in the clinic's zone.

    `weekly`: {"mon-fri": "08:00-12:00"}. A span that ends within twenty minutes counts as over.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for ahead in range(_DAYS_AHEAD):
        for taking in spans_on(weekly, midnight + timedelta(days=ahead)):
            if taking.end > now + timedelta(minutes=_LAST_MINUTES):
                return taking
    return None


def spans_on(weekly: Mapping[str, str], midnight: datetime) -> tuple[Taking, ...]:
    """Return the spans of the day that begins at `midnight`, in order; none: closed."""
    spans = sorted(
        span for days, hours in weekly.items() if midnight.weekday() in parse_days(days) for span in parse_hours(hours)
    )
    return tuple(Taking(_at(midnight, start), _at(midnight, end)) for start, end in spans)


def _at(midnight: datetime, minutes: int) -> datetime:
    """A time on the wall: a change to summer time does not move it."""
    return midnight.replace(hour=minutes // 60 % 24, minute=minutes % 60) + timedelta(days=minutes // (24 * 60))
