"""Once a day, by one of the desks: also after restarts, and by another desk where the first one died half-way."""

import threading
import time
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.privacy.retention import Purge, Purged, Stopped
from voicebot.privacy.tables import ChoreRow
from voicebot.settings import Settings
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

#: Who has claimed a chore and was not seen at it for so long has died.
CLAIM = timedelta(minutes=30)
_RENEW = timedelta(minutes=1)
_REST_SECONDS = 0.05


def due_day(now: datetime, zone: tzinfo, from_hour: int) -> date:
    """Return the day whose chore is due: today's from `from_hour` on, until then yesterday's."""
    local = now.astimezone(zone)
    return local.date() if local.hour >= from_hour else local.date() - timedelta(days=1)


@dataclass(slots=True)
class Chore:
    """A piece of work that is done once a day by whoever claims it first."""

    database: Database
    clock: Clock
    zone: tzinfo
    name: str
    from_hour: int
    _claimed_at: datetime | None = None

    def claim(self) -> date | None:
        """Return the day whose work is now ours, None if there is nothing to do or somebody is at it."""
        now = self.clock.now()
        day = due_day(now, self.zone, self.from_hour)

        def work(session: Session) -> bool:
            row = session.get(ChoreRow, self.name, with_for_update=True)
            if row is None:
                session.add(ChoreRow(name=self.name, claimed_at=now, done_on=None))
                return True
            is_done = row.done_on is not None and row.done_on >= day
            is_claimed = now - row.claimed_at < CLAIM and (
                row.done_on is None or row.done_on < due_day(row.claimed_at, self.zone, self.from_hour)
            )
            if is_done or is_claimed:
                return False
            row.claimed_at = now
            return True

        try:
            is_ours = self.database.run(work)
        except IntegrityError:  # another desk claimed it in the same moment, for the first time ever
            is_ours = False
        self._claimed_at = now if is_ours else None
        return day if is_ours else None

    def still_at_it(self) -> None:
        """Renew the claim, now and then."""
        now = self.clock.now()
        if self._claimed_at is not None and now - self._claimed_at >= _RENEW:
            self._claimed_at = now
            self.database.run(lambda session: setattr(session.get_one(ChoreRow, self.name), "claimed_at", now))

    def done(self, day: date) -> None:
        """Note that a day's work is finished."""
        self.database.run(lambda session: setattr(session.get_one(ChoreRow, self.name), "done_on", day))


@dataclass(slots=True)
class DailyPurge:
    """Runs the purge when it is due. `stop` ends it at the next batch; it is taken up by whoever comes after the claim."""

    database: Database
    settings: Settings
    clock: Clock
    rest_seconds: float = _REST_SECONDS
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run_if_due(self) -> Purged | None:
        """Purge if that is ours to do now; return what was removed. Raises StorageError."""
        limits = self.settings.retention
        chore = Chore(self.database, self.clock, self.settings.zoneinfo, "purge", limits.purge_hour)
        day = chore.claim()
        if day is None:
            return None

        def between() -> None:
            if self._stopping.wait(self.rest_seconds):
                raise Stopped
            chore.still_at_it()

        began = time.monotonic()
        try:
            purged = Purge(self.database, self.settings, self.clock, between).run()
        except Stopped:
            return None
        chore.done(day)
        log.info("daily_purge_done", seconds=round(time.monotonic() - began, 1))
        return purged

    def stop(self) -> None:
        self._stopping.set()
