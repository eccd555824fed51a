"""What became of the visits that were reminded of, written beside the reminders: whichever way the patient answered."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from voicebot.clinic.tables import AppointmentRow, AppointmentStatus
from voicebot.clock import Clock
from voicebot.reminders.tables import ReminderRow
from voicebot.storage.database import Database

_LOOK_BACK = timedelta(days=4)
_SOME = 500


class Outcomes:
    """Notes answers that were given by telephone, in a chat or at the desk. Raises StorageError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def tick(self) -> int:
        """Note what is new; return how many reminders that concerns."""
        now = self._clock.now()
        if not self._database.run(lambda session: session.execute(_new(now)).first() is not None, is_readonly=True):
            return 0
        return self._database.run(lambda session: _note(session.execute(_new(now)).all(), session))


def _new(now: datetime) -> Select[int, AppointmentRow]:
    """The last reminder before the patient said something, without an answer: (row, visit)."""
    said_at = (AppointmentRow.confirmed_at >= ReminderRow.created_at) | (AppointmentRow.cancelled_at >= ReminderRow.created_at)
    return (
        select(ReminderRow.id, AppointmentRow)
        .join(AppointmentRow, AppointmentRow.id == ReminderRow.appointment_id)
        .where(ReminderRow.answer == "", ReminderRow.planned_at > now - _LOOK_BACK, said_at)
        .order_by(ReminderRow.id)
        .limit(_SOME)
    )


def _note(found: Sequence[Any], session: Session) -> int:
    for reminder_id, visit in found:
        row = session.get_one(ReminderRow, reminder_id, with_for_update=True)
        is_off = visit.status == AppointmentStatus.CANCELLED.value and visit.cancelled_at is not None
        if is_off and visit.cancelled_at >= row.created_at:
            row.answer, row.answered_at = "moved" if visit.cancel_reason == "moved" else "cancelled", visit.cancelled_at
        else:
            row.answer, row.answered_at = "confirmed", visit.confirmed_at
    return len(found)
