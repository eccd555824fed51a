"""What a patient answers to: the last message at an address that asks something, and what he said to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import exists, func, or_, select, update
from sqlalchemy.orm import Session

from voicebot.clinic.contact_points import BY_NUMBER
from voicebot.clinic.tables import AppointmentRow, AppointmentStatus, MessageRow
from voicebot.clock import Clock
from voicebot.messages.guards import why_not
from voicebot.messages.tables import DeliveryRow, DeliveryStatus
from voicebot.reminders.several import SEVERAL, open_visits
from voicebot.reminders.tables import ReminderRow
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

#: What was surely never shown asks nothing.
_UNSEEN = (DeliveryStatus.REFUSED.value, DeliveryStatus.UNSENT.value, DeliveryStatus.UNDELIVERED.value)
#: Templates that ask, besides reminders, and the dialplan's form that takes the answer.
ASKING: Mapping[str, str] = {"waiting_offer": "waiting_offer"}
_GIVEN: Mapping[str, tuple[str, ...]] = {"waiting_offer": ("waiting_id",)}
REMINDER_FORM = "reminder"
WORDS = frozenset({"confirmed", "cancelled", "moved"})


@dataclass(frozen=True, slots=True)
class Question:
    """A message that waits for an answer. `form`, `given`: how a dialog about it begins (dialog.talking.Started)."""

    message_id: int
    template: str
    form: str
    given: Mapping[str, Any]
    values: Mapping[str, Any]
    appointment_id: int | None = None
    at: datetime | None = None


class Answers:
    """Finds questions and notes answers. Safe to use from many threads and processes. Raises StorageError."""

    def __init__(self, database: Database, clock: Clock, answer_hours: float = 48.0) -> None:
        self._database = database
        self._clock = clock
        self._hours = timedelta(hours=answer_hours)

    def open_question(self, channel: str, address: str, provider_id: str = "") -> Question | None:
        """Return what a patient answers to, None when nothing was asked. `address`: E.164 for sms, the chat's ID elsewhere.

        `provider_id`: of the very message whose button was pressed; else the latest one that still waits.
        """
        now = self._clock.now()
        return self._database.run(
            lambda session: open_question(session, now, channel, address, provider_id, self._hours), is_readonly=True
        )

    def note(self, message_id: int, answer: str, channel: str) -> None:
        """Note what a patient said to a message: "confirmed", "cancelled", "moved", or a dialog's own outcome."""
        self._database.run(lambda session: note_answer(session, self._clock.now(), message_id, answer, channel))
        log.info("message_answered", message_id=message_id, answer=answer, channel=channel)


def open_question(
    session: Session,
    now: datetime,
    channel: str,
    address: str,
    provider_id: str = "",
    since: timedelta = timedelta(hours=48),
) -> Question | None:
    """The same as Answers.open_question, in the caller's transaction."""
    # Whoever answers by SMS may have got the question by another way to the same number.
    channels = sorted(BY_NUMBER) if channel in BY_NUMBER else [channel]
    query = (
        select(MessageRow, DeliveryRow.created_at)
        .join(DeliveryRow, DeliveryRow.message_id == MessageRow.id)
        .where(DeliveryRow.channel.in_(channels), DeliveryRow.address == address, DeliveryRow.created_at > now - since)
        .where(MessageRow.answered_at.is_(None), DeliveryRow.status.not_in(_UNSEEN))
        .where(or_(MessageRow.template.in_(list(ASKING)), exists().where(ReminderRow.message_id == MessageRow.id)))
        .order_by(DeliveryRow.created_at.desc(), DeliveryRow.id.desc())
        .limit(20)
    )
    if provider_id:
        query = query.where(DeliveryRow.provider_id == provider_id)
    return next((one for row, at in session.execute(query) if (one := _question(session, row, at, now)) is not None), None)


def note_answer(session: Session, now: datetime, message_id: int, answer: str, channel: str) -> None:
    """The same as Answers.note, in the caller's transaction. A confirmed visit is marked as such."""
    session.execute(
        update(MessageRow).where(MessageRow.id == message_id).values(answer=answer[:16], answered_at=now),
        execution_options=_PLAIN,
    )
    if answer not in WORDS or (answer != "confirmed" and _is_of_several(session, message_id)):
        return  # of several visits it is one that was cancelled or moved: `outcomes` sees which
    reminders = update(ReminderRow).where(ReminderRow.message_id == message_id, ReminderRow.answer == "")
    values = {"answer": answer, "answered_at": now, "answered_by": channel[:16]}
    session.execute(reminders.values(**values), execution_options=_PLAIN)
    if answer == "confirmed":
        visits = select(ReminderRow.appointment_id).where(ReminderRow.message_id == message_id)
        is_open = AppointmentRow.confirmed_at.is_(None) & (AppointmentRow.status == AppointmentStatus.BOOKED.value)
        confirmed = update(AppointmentRow).where(AppointmentRow.id.in_(visits), is_open)
        session.execute(confirmed.values(confirmed_at=now), execution_options=_PLAIN)


_PLAIN = {"synchronize_session": False}


def _is_of_several(session: Session, message_id: int) -> bool:
    query = select(func.count()).select_from(ReminderRow).where(ReminderRow.message_id == message_id)
    return (session.scalar(query) or 0) > 1


def _about_several(session: Session, row: MessageRow, at: datetime, now: datetime) -> Question | None:
    """A family's visits; of one that is left the dialog is as about any other."""
    left = open_visits(session, row, now)
    if not left:
        return None
    if len(left) == 1:
        return Question(row.id, row.template, REMINDER_FORM, {"appointment_id": left[0]}, dict(row.values), left[0], at)
    return Question(row.id, row.template, SEVERAL, {"appointment_ids": left}, dict(row.values), None, at)


def _question(session: Session, row: MessageRow, at: datetime, now: datetime) -> Question | None:
    form = ASKING.get(row.template, REMINDER_FORM)
    if row.template in ASKING:
        if row.expires_at is not None and row.expires_at <= now:
            return None  # too late to answer
        given = {name: row.values[name] for name in _GIVEN[row.template] if name in row.values}
        return Question(row.id, row.template, form, given, dict(row.values), row.appointment_id, at)
    if row.template == SEVERAL:
        return _about_several(session, row, at, now)
    if row.appointment_id is None or why_not(session, row.appointment_id, None, now):
        return None  # the visit is cancelled, moved or past: "да" must not be taken for another one
    return Question(
        row.id, row.template, form, {"appointment_id": row.appointment_id}, dict(row.values), row.appointment_id, at
    )
