"""When a doctor works, whether there is free time or not. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby

from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import NotFound
from voicebot.clinic.schedule import Piece, pieces
from voicebot.russian.when import When

_HORIZON_DAYS = 60


@dataclass(frozen=True, slots=True)
class WorkDay:
    """A doctor's hours at one branch on one day; `start` and `end` are aware, in the clinic's zone."""

    day: date
    start: datetime
    end: datetime
    branch_id: str


@dataclass(frozen=True, slots=True)
class WorkDays:
    """A doctor's next days of work. `is_as_wished`: they fit the wish that was asked for; `is_there`: they are at the branch
    that was.
    """

    doctor_id: str
    days: tuple[WorkDay, ...]
    is_as_wished: bool = True
    is_there: bool = True

    @property
    def first(self) -> WorkDay | None:
        return self.days[0] if self.days else None

    @property
    def second(self) -> WorkDay | None:
        return self.days[1] if len(self.days) > 1 else None

    @property
    def third(self) -> WorkDay | None:
        return self.days[2] if len(self.days) > 2 else None


def work_days(
    catalogue: Catalogue, doctor_id: str, now: datetime, when: When | None = None, limit: int = 3, branch: str | None = None
) -> WorkDays:
    """Return the next days on which a doctor works, those of the wish first of all; raise NotFound for an unknown ID."""
    if doctor_id not in catalogue.doctors:
        raise NotFound("No such doctor.")
    every = list(_days(catalogue, doctor_id, now))
    if branch is not None:
        there = [one for one in every if one.branch_id == branch]
        if not there:
            return WorkDays(doctor_id, tuple(every[:limit]), is_there=False)
        every = there
    if when is not None and when.has_date:
        wished = [one for one in every if when.allows_date(one.day)]
        if not wished:
            return WorkDays(doctor_id, tuple(every[:limit]), is_as_wished=False)
        every = wished
    return WorkDays(doctor_id, tuple(every[:limit]))


def _days(catalogue: Catalogue, doctor_id: str, now: datetime) -> Iterator[WorkDay]:
    today = now.astimezone(catalogue.zone).date()
    doctor = catalogue.doctors[doctor_id]
    for ahead in range(_HORIZON_DAYS):
        day = today + timedelta(days=ahead)
        for branch_id, several in groupby(pieces(doctor, day, catalogue.zone), key=lambda piece: piece.branch_id):
            own = list(several)
            end = _end(own[-1])
            if end > now:
                yield WorkDay(day, own[0].start.astimezone(catalogue.zone), end.astimezone(catalogue.zone), branch_id)


def _end(piece: Piece) -> datetime:
    return piece.start + timedelta(minutes=piece.duration_minutes)
