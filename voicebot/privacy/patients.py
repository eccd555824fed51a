"""What is kept of one patient, found by the phone number and, where a family shares one, by the birth date."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Text, cast, or_, select
from sqlalchemy.orm import Session

from voicebot.clinic.call_tables import OutgoingCallRow
from voicebot.clinic.tables import AppointmentRow, ContactPointRow, LabOrderRow, MessageRow, PatientRow, WaitingRow
from voicebot.errors import VoicebotError
from voicebot.messages.tables import DeliveryRow
from voicebot.records.digest import ABANDONED
from voicebot.records.tables import CallBackRow, DialogRow, TurnRow
from voicebot.reminders.tables import ReminderRow
from voicebot.russian.phones import parse_phone_digits

_SOME = 500  # IDs in one question to the database


class BadNumber(VoicebotError):
    """What was typed is no phone number."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data: the law's "субъект персональных данных". `phone` is E.164."""

    phone: str
    birth_date: date | None = None


def subject_of(typed: str, birth_date: date | None = None) -> Subject:
    """Return the person that was typed in; raises BadNumber."""
    phone = parse_phone_digits(typed)
    if phone is None:
        raise BadNumber("This is no phone number.", "Type all of its digits: +7 916 123-45-67.")
    return Subject(phone, birth_date)


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows of a person, oldest first. `others_dialogs`: of the same number, for somebody else of the family."""

    patients: Sequence[PatientRow]
    visits: Sequence[AppointmentRow]
    waiting: Sequence[WaitingRow]
    messages: Sequence[MessageRow]
    lab_orders: Sequence[LabOrderRow]
    call_backs: Sequence[CallBackRow]
    dialogs: Sequence[DialogRow]
    others_dialogs: int
    contact_points: Sequence[ContactPointRow] = ()
    deliveries: Sequence[DeliveryRow] = ()
    reminders: Sequence[ReminderRow] = ()
    outgoing_calls: Sequence[OutgoingCallRow] = ()

    @property
    def is_empty(self) -> bool:
        every = (self.patients, self.visits, self.waiting, self.messages, self.lab_orders, self.call_backs, self.dialogs)
        return not any((*every, self.contact_points, self.outgoing_calls))


def is_running(dialog: DialogRow, now: datetime) -> bool:
    """Whether somebody still speaks: it has no end, and has not lost its process long ago."""
    return dialog.ended_at is None and now - dialog.started_at < ABANDONED


def kept_of(session: Session, subject: Subject) -> Kept:
    """Look through everything that may name a person."""
    phone, born = subject.phone, subject.birth_date
    patients = _rows(session, PatientRow, PatientRow.phone == phone, PatientRow.id)
    visits = _rows(session, AppointmentRow, AppointmentRow.phone == phone, AppointmentRow.id)
    known = {row.id for row in patients}
    visits += [row for row in _in(session, AppointmentRow, AppointmentRow.patient_id, known) if row not in visits]
    patients += _in(session, PatientRow, PatientRow.id, {visit.patient_id for visit in visits} - known)
    waiting = _rows(session, WaitingRow, WaitingRow.phone == phone, WaitingRow.id)
    messages = _rows(session, MessageRow, MessageRow.phone == phone, MessageRow.id)
    lab_orders = _rows(session, LabOrderRow, LabOrderRow.phone == phone, LabOrderRow.number)
    call_backs = _rows(session, CallBackRow, CallBackRow.phone.in_(spellings(phone)), CallBackRow.dialog_id)
    contact_points = _rows(session, ContactPointRow, ContactPointRow.phone == phone, ContactPointRow.id)
    outgoing_calls = _rows(session, OutgoingCallRow, OutgoingCallRow.phone == phone, OutgoingCallRow.id)
    others: set[str] = set()
    if born is not None:
        # Without a birth date a row may be this person's; with another one it is not.
        strangers = {row.id for row in patients if row.birth_date not in (None, born)}
        theirs = [row for row in visits if row.patient_id in strangers]
        others = {row.dialog_id for row in theirs} | {row.dialog_id for row in waiting if row.birth_date not in (None, born)}
        patients = [row for row in patients if row.id not in strangers]
        visits = [row for row in visits if row.patient_id not in strangers]
        waiting = [row for row in waiting if row.birth_date in (None, born)]
        lab_orders = [row for row in lab_orders if row.birth_date == born]
        others -= {row.dialog_id for row in (*visits, *waiting)}
        messages = [row for row in messages if row.dialog_id not in others]
        # A chat or a consent is of the number: while others of the family use it, it is theirs as well.
        contact_points = [] if strangers else contact_points
        call_backs = [row for row in call_backs if row.dialog_id not in others]
        their_visits = {row.id for row in theirs}
        of_theirs = [row for row in outgoing_calls if row.given.get("appointment_id") in their_visits]
        others |= {row.dialog_id for row in of_theirs if row.dialog_id}
        outgoing_calls = [row for row in outgoing_calls if row not in of_theirs]
    linked = {row.dialog_id for row in (*visits, *waiting, *messages, *call_backs, *outgoing_calls)}
    dialogs = {row.id: row for row in _in(session, DialogRow, DialogRow.id, linked)}
    dialogs |= {row.id: row for row in _dialogs_naming(session, phone)}
    mine = [row for row in dialogs.values() if row.id not in others]
    return Kept(
        patients=patients,
        visits=visits,
        waiting=waiting,
        messages=messages,
        lab_orders=lab_orders,
        call_backs=call_backs,
        dialogs=sorted(mine, key=lambda row: (row.started_at, row.id)),
        others_dialogs=len(dialogs) - len(mine),
        contact_points=contact_points,
        outgoing_calls=outgoing_calls,
        deliveries=_in(session, DeliveryRow, DeliveryRow.message_id, {row.id for row in messages}),
        reminders=_in(session, ReminderRow, ReminderRow.appointment_id, {row.id for row in visits}),
    )


def spellings(phone: str) -> list[str]:
    """Return how exchanges write a caller's number: +7916..., 7916..., 8916..., 916..."""
    digits = phone.lstrip("+")
    found = [phone, digits]
    if len(digits) == 11 and digits[0] == "7":
        found += ["8" + digits[1:], digits[1:], "+8" + digits[1:]]
    return found


def _dialogs_naming(session: Session, phone: str) -> list[DialogRow]:
    """Dialogs from a number, and those in which it was told or typed. Reads all turns: a rare question, and a whole answer."""
    written = spellings(phone)
    called = _rows(session, DialogRow, DialogRow.caller_phone.in_(written), DialogRow.id)
    told_in_turn = select(TurnRow.dialog_id).where(
        or_(cast(TurnRow.slots, Text).contains(phone, autoescape=True), TurnRow.digits.in_(written))
    )
    told_in_summary = cast(DialogRow.summary, Text).contains(phone, autoescape=True)
    told = _rows(session, DialogRow, or_(told_in_summary, DialogRow.id.in_(told_in_turn)), DialogRow.id)
    return [*called, *told]


def _rows(session: Session, table: Any, which: Any, order: Any) -> list[Any]:
    return list(session.scalars(select(table).where(which).order_by(order)))


def _in(session: Session, table: Any, column: Any, keys: Iterable[Any]) -> list[Any]:
    wanted = sorted(key for key in keys if key not in (None, ""))
    found: list[Any] = []
    for first in range(0, len(wanted), _SOME):
        found += session.scalars(select(table).where(column.in_(wanted[first : first + _SOME])).order_by(column))
    return found
