"""Whether reminders help: what patients answered, and how many came with and without them. Read only."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session

from voicebot.clinic.tables import AppointmentRow, AppointmentStatus, MessageRow, MessageStatus
from voicebot.reminders.tables import ReminderRow

_CAME = frozenset({AppointmentStatus.ARRIVED.value, AppointmentStatus.FULFILLED.value})
_SENT = (MessageStatus.DELIVERED.value, MessageStatus.READ.value, MessageStatus.SENT.value)


@dataclass(slots=True)
class Attendance:
    """Visits that were marked, of those reminded and of the others."""

    came_reminded: int = 0
    missed_reminded: int = 0
    came_other: int = 0
    missed_other: int = 0

    def add(self, other: "Attendance") -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    @property
    def missed_share_reminded(self) -> float | None:
        """No-shows among reminded visits that were marked, 0..1."""
        return _share(self.missed_reminded, self.came_reminded)

    @property
    def missed_share_other(self) -> float | None:
        return _share(self.missed_other, self.came_other)


def _share(missed: int, came: int) -> float | None:
    return missed / (missed + came) if missed + came else None


def attendance(session: Session, first: date, last: date, zone: tzinfo) -> Mapping[date, Attendance]:
    """Return, by the day a visit begins on, who came with and without a reminder; both days, of `zone`, are included.

    A visit is reminded when a reminder of this very time was sent, and its message did not fail.
    """
    is_reminded = (
        exists()
        .where(ReminderRow.appointment_id == AppointmentRow.id, ReminderRow.start == AppointmentRow.start)
        .where(
            or_(
                ReminderRow.message_id.is_(None),  # purged since
                exists().where(MessageRow.id == ReminderRow.message_id, MessageRow.status.in_(_SENT)),
            )
        )
    )
    begins = (AppointmentRow.start >= _midnight(first, zone), AppointmentRow.start < _midnight(last + timedelta(days=1), zone))
    query = (
        select(AppointmentRow.start, AppointmentRow.status, is_reminded.label("reminded"), func.count())
        .where(*begins, AppointmentRow.status.in_([*_CAME, AppointmentStatus.NOSHOW.value]))
        .group_by(AppointmentRow.start, AppointmentRow.status, "reminded")
    )
    found: dict[date, Attendance] = defaultdict(Attendance)
    for start, status, reminded, count in session.execute(query):
        one = found[start.astimezone(zone).date()]
        name = f"{'came' if status in _CAME else 'missed'}_{'reminded' if reminded else 'other'}"
        setattr(one, name, getattr(one, name) + count)
    return dict(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class Answered:
    """Visits that were reminded of, by what their patients answered at last; `silent`: nothing."""

    confirmed: int = 0
    moved: int = 0
    cancelled: int = 0
    silent: int = 0

    @property
    def total(self) -> int:
        return self.confirmed + self.moved + self.cancelled + self.silent


def answers(session: Session, first: date, last: date, zone: tzinfo) -> Answered:
    """Return what was answered to the reminders of a period's visits; several steps of one visit count once."""
    query = (
        select(ReminderRow.appointment_id, ReminderRow.answer)
        .where(ReminderRow.start >= _midnight(first, zone), ReminderRow.start < _midnight(last + timedelta(days=1), zone))
        .order_by(ReminderRow.answered_at.is_not(None), ReminderRow.answered_at, ReminderRow.id)
    )
    last_of: dict[int, str] = {}
    for appointment_id, answer in session.execute(query):
        last_of[appointment_id] = answer or last_of.get(appointment_id, "")
    said = list(last_of.values())
    known = {name: said.count(name) for name in ("confirmed", "moved", "cancelled")}
    return Answered(**known, silent=len(said) - sum(known.values()))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)
