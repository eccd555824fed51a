"""When a message may ring at somebody's bedside: hours of the day on the clock of a branch. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Hours:
    """Open from `first` until `last` (not included) each day, on the clock of `zone`."""

    first: time
    last: time
    zone: ZoneInfo

    def is_open(self, at: datetime) -> bool:
        return self.first <= at.astimezone(self.zone).time() < self.last

    def next_open(self, at: datetime) -> datetime:
        """Return `at` itself when it is open then, else the next opening. Aware, UTC unless it is `at`."""
        if self.is_open(at):
            return at
        local = at.astimezone(self.zone)
        day = local.date() if local.time() < self.first else local.date() + timedelta(days=1)
        return datetime.combine(day, self.first, self.zone).astimezone(UTC)

    def closing(self, at: datetime) -> datetime:
        """Return when it closes on the local day of `at`."""
        local = at.astimezone(self.zone)
        return datetime.combine(local.date(), self.last, self.zone).astimezone(UTC)

    def last_open(self, at: datetime, margin: timedelta = timedelta(minutes=90)) -> datetime:
        """Return `at` itself when it is open then, else `margin` before the last closing: room for a second channel."""
        if self.is_open(at):
            return at
        local = at.astimezone(self.zone)
        day = local.date() if local.time() >= self.last else local.date() - timedelta(days=1)
        return datetime.combine(day, self.last, self.zone).astimezone(UTC) - margin
