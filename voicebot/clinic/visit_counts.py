"""How many visits a period has, and how many patients did not come. A visit belongs to the day it begins on, in the zone."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voicebot.clinic.tables import AppointmentRow, AppointmentStatus

_CAME = frozenset({AppointmentStatus.ARRIVED.value, AppointmentStatus.FULFILLED.value})


@dataclass(slots=True)
class VisitCounts:
    """`due`: not cancelled. Until the reception has marked a visit it is neither `came` nor `missed`."""

    due: int = 0
    came: int = 0
    missed: int = 0
    cancelled: int = 0

    def add(self, other: "VisitCounts") -> None:
        self.due += other.due
        self.came += other.came
        self.missed += other.missed
        self.cancelled += other.cancelled

    @property
    def missed_share(self) -> float | None:
        """No-shows among the visits that were marked, 0..1; None where none was."""
        marked = self.came + self.missed
        return self.missed / marked if marked else None


def visit_counts(session: Session, first: date, last: date, zone: tzinfo) -> Mapping[date, VisitCounts]:
    """Return the counts of each day that has visits; both days included."""
    query = (
        select(AppointmentRow.start, AppointmentRow.status, func.count())
        .where(AppointmentRow.start >= _midnight(first, zone), AppointmentRow.start < _midnight(last + timedelta(days=1), zone))
        .group_by(AppointmentRow.start, AppointmentRow.status)
    )
    found: dict[date, VisitCounts] = defaultdict(VisitCounts)
    for start, status, count in session.execute(query):
        found[start.astimezone(zone).date()].add(_counted(status, count))
    return dict(sorted(found.items()))


def _counted(status: str, count: int) -> VisitCounts:
    if status == AppointmentStatus.CANCELLED.value:
        return VisitCounts(cancelled=count)
    return VisitCounts(
        due=count,
        came=count if status in _CAME else 0,
        missed=count if status == AppointmentStatus.NOSHOW.value else 0,
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)
