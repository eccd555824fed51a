"""What happens to slots and appointments inside a transaction; `bookings` wraps it, and answers for idempotency."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple, cast

from sqlalchemy import CursorResult, Table, bindparam, case, delete, insert, select, update
from sqlalchemy.orm import Session

from voicebot.clinic.appointments import Appointment, Name
from voicebot.clinic.entries import Catalogue, Service
from voicebot.clinic.failures import AppointmentClosed, HoldExpired, KeyReused, NotFound, NotOffered, SlotTaken, TooLate
from voicebot.clinic.tables import (
    CELL,
    AppointmentRow,
    AppointmentStatus,
    OccupiedRow,
    OrderRow,
    PatientRow,
    SlotRow,
    SlotStatus,
)

_NAME_LENGTH = 100  # of the columns
FREED: dict[str, Any] = {"status": SlotStatus.FREE.value, "held_by": None, "hold_expires_at": None}

# Made once and carried out as they are: what a booking does in the dialogs of a busy day.
_SLOTS, _APPOINTMENTS = cast(Table, SlotRow.__table__), cast(Table, AppointmentRow.__table__)
_PATIENTS, _ORDERS = cast(Table, PatientRow.__table__), cast(Table, OrderRow.__table__)
_CLAIMED = select(
    *(_SLOTS.c[name] for name in ("id", "doctor_id", "branch_id", "start", "duration_minutes")),
    *(_SLOTS.c[name] for name in ("status", "held_by", "hold_expires_at", "lapsed_holder")),
)
_FIRST_SLOT = _CLAIMED.where(_SLOTS.c.id == bindparam("slot")).with_for_update()
_NEXT_SLOTS = (
    _CLAIMED.where(
        _SLOTS.c.doctor_id == bindparam("doctor"), _SLOTS.c.start > bindparam("first"), _SLOTS.c.start < bindparam("end")
    )
    .order_by(_SLOTS.c.start)
    .with_for_update()
)
_GIVE_BACK = (
    update(_SLOTS)
    .where(
        _SLOTS.c.held_by == bindparam("b_holder"),
        _SLOTS.c.status == SlotStatus.BUSY_TENTATIVE.value,
        _SLOTS.c.id.not_in(bindparam("b_kept", expanding=True)),
    )
    .values(**FREED)
)
_HOLD = (
    update(_SLOTS)
    .where(_SLOTS.c.id.in_(bindparam("b_slots", expanding=True)))
    .values(
        status=SlotStatus.BUSY_TENTATIVE.value,
        held_by=bindparam("b_holder"),
        hold_expires_at=bindparam("b_until"),
        lapsed_holder=case((_SLOTS.c.held_by != bindparam("b_holder"), _SLOTS.c.held_by), else_=_SLOTS.c.lapsed_holder),
    )
)
_TAKE = (
    update(_SLOTS)
    .where(_SLOTS.c.id.in_(bindparam("b_slots", expanding=True)))
    .values(status=SlotStatus.BUSY.value, held_by=None, hold_expires_at=None, appointment_id=bindparam("b_appointment"))
)
_NEW_APPOINTMENT, _NEW_PATIENT, _NEW_ORDER = insert(_APPOINTMENTS), insert(_PATIENTS), insert(_ORDERS)
_OCCUPY = insert(cast(Table, OccupiedRow.__table__))
_ORDER = select(_ORDERS.c.name, _ORDERS.c.target, _ORDERS.c.appointment_id).where(_ORDERS.c.key == bindparam("key"))
_NAME = ("surname", "given", "patronymic")
_PATIENT = select(_PATIENTS.c.id, _PATIENTS.c.birth_date).where(
    _PATIENTS.c.phone == bindparam("phone"), *(_PATIENTS.c[part] == bindparam(part) for part in _NAME)
)
_BIRTH_DATE = update(_PATIENTS).where(_PATIENTS.c.id == bindparam("b_patient")).values(birth_date=bindparam("b_date"))
_READ = (
    select(_APPOINTMENTS, *(_PATIENTS.c[name] for name in (*_NAME, "birth_date")))
    .join(_PATIENTS, _PATIENTS.c.id == _APPOINTMENTS.c.patient_id)
    .where(_APPOINTMENTS.c.id == bindparam("appointment"))
)


class Claimed(NamedTuple):
    """A slot that is locked for whoever claims it, as it was found."""

    id: int
    doctor_id: str
    branch_id: str
    start: datetime
    duration_minutes: int
    status: str
    held_by: str | None
    hold_expires_at: datetime | None
    lapsed_holder: str | None

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.duration_minutes)


class Ledger:
    """Claims, writes and closes rows; every method works in the caller's transaction."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def service(self, doctor_id: str, service_id: str | None) -> Service | None:
        """The service meant; None only where the doctor's specialities have no visit. Raises NotFound, NotOffered."""
        doctor = self._catalogue.doctors.get(doctor_id)
        if doctor is None:
            raise NotFound("The slot's doctor is not in the catalogue.")
        if service_id is None:
            return self._catalogue.default_service(doctor)
        service = self._catalogue.services.get(service_id)
        if service is None:
            raise NotFound("No such service.")
        if not self._catalogue.can_do(doctor, service):
            raise NotOffered
        return service

    def claim(self, session: Session, slot_id: int, dialog_id: str, service_id: str | None, now: datetime) -> Sequence[Claimed]:
        """Lock the slots that a service starting at `slot_id` needs, all of them free for this dialog."""
        session.flush()
        found = session.connection().execute(_FIRST_SLOT, {"slot": slot_id}).first()
        if found is None:
            raise NotFound("No such slot.")
        first = Claimed(*found)
        if first.start <= now:
            raise TooLate
        service = self.service(first.doctor_id, service_id)
        if service is not None and service.branches and first.branch_id not in service.branches:
            raise NotOffered
        minutes = first.duration_minutes if service is None else max(first.duration_minutes, service.duration_minutes)
        end = first.start + timedelta(minutes=minutes)
        rows = [first]
        if first.end < end:
            asked = {"doctor": first.doctor_id, "first": first.start, "end": end}
            rows += [Claimed(*row) for row in session.connection().execute(_NEXT_SLOTS, asked)]
        reached = first.start
        for row in rows:
            if row.start != reached or row.branch_id != first.branch_id:
                raise SlotTaken("The doctor's time there is too short for the service.")
            _check_free(row, dialog_id, now)
            reached = row.end
        if reached < end:
            raise SlotTaken("The doctor's time there is too short for the service.")
        return rows

    def hold(self, session: Session, rows: Sequence[Claimed], holder: str, until: datetime) -> None:
        """Keep claimed slots, and give back all else that is held by the same dialog."""
        kept = [row.id for row in rows]
        connection = session.connection()
        connection.execute(_GIVE_BACK, {"b_holder": holder, "b_kept": kept})
        connection.execute(_HOLD, {"b_slots": kept, "b_holder": holder, "b_until": until})

    def write(
        self,
        session: Session,
        rows: Sequence[Claimed],
        dialog_id: str,
        patient_id: int,
        phone: str,
        service: Service | None,
        now: datetime,
        replaces_id: int | None,
    ) -> int:
        """Insert an appointment over claimed slots; return its ID."""
        first, last = rows[0], rows[-1]
        values = {
            "slot_id": first.id,
            "patient_id": patient_id,
            "doctor_id": first.doctor_id,
            "branch_id": first.branch_id,
            "service_id": None if service is None else service.id,
            "start": first.start,
            "duration_minutes": int((last.end - first.start).total_seconds() // 60),
            "status": AppointmentStatus.BOOKED.value,
            "phone": phone,
            "dialog_id": dialog_id,
            "replaces_id": replaces_id,
            "created_at": now,
        }
        connection = session.connection()
        appointment_id = _new_id(connection.execute(_NEW_APPOINTMENT, values))
        cells = range((last.end - first.start) // CELL)
        connection.execute(
            _OCCUPY,
            [{"doctor_id": first.doctor_id, "start": first.start + n * CELL, "appointment_id": appointment_id} for n in cells],
        )
        connection.execute(_TAKE, {"b_slots": [row.id for row in rows], "b_appointment": appointment_id})
        return appointment_id

    def open_row(self, session: Session, appointment_id: int, phone: str | None, now: datetime) -> AppointmentRow:
        """Lock a coming appointment; of that phone number, if one is given."""
        row = session.scalar(select(AppointmentRow).where(AppointmentRow.id == appointment_id).with_for_update())
        if row is None or (phone is not None and row.phone != phone):
            raise NotFound("No such appointment.")
        if row.status != AppointmentStatus.BOOKED.value or row.start <= now:
            raise AppointmentClosed
        return row

    def close(self, session: Session, row: AppointmentRow, now: datetime, reason: str = "") -> None:
        """Cancel an appointment: its time is free."""
        row.status = AppointmentStatus.CANCELLED.value
        row.cancelled_at = now
        row.cancel_reason = reason
        session.execute(delete(OccupiedRow).where(OccupiedRow.appointment_id == row.id))
        session.execute(
            update(SlotRow).where(SlotRow.appointment_id == row.id).values(**FREED, appointment_id=None, lapsed_holder=None)
        )

    def read(self, session: Session, appointment_id: int) -> Appointment:
        """Return an appointment as it is told."""
        session.flush()
        row: Any = session.connection().execute(_READ, {"appointment": appointment_id}).one()
        return self.told(row, row)

    def told(self, row: AppointmentRow, patient: PatientRow) -> Appointment:
        """Return rows as they are told."""
        service = self._catalogue.services.get(row.service_id or "")
        return Appointment(
            id=row.id,
            slot_id=row.slot_id,
            start=row.start.astimezone(self._catalogue.zone),
            duration_minutes=row.duration_minutes,
            doctor_id=row.doctor_id,
            branch_id=row.branch_id,
            service_id=row.service_id,
            price_rub=None if service is None else service.price_rub,
            status=row.status,
            phone=row.phone,
            surname=patient.surname,
            given=patient.given,
            patronymic=patient.patronymic,
            replaces_id=row.replaces_id,
            speciality_id=self._speciality(row.doctor_id, service),
            birth_date=patient.birth_date,
            reason=row.cancel_reason,
        )

    def _speciality(self, doctor_id: str, service: Service | None) -> str:
        """As what the doctor is visited; empty for one who left the catalogue."""
        doctor = self._catalogue.doctors.get(doctor_id)
        if doctor is None:
            return ""
        own = () if service is None else tuple(one for one in doctor.specialities if one in service.specialities)
        return (own or doctor.specialities)[0]


def _check_free(row: Claimed, dialog_id: str, now: datetime) -> None:
    if row.status == SlotStatus.FREE.value:
        return
    if row.status == SlotStatus.BUSY_TENTATIVE.value:
        assert row.hold_expires_at is not None  # a constraint of the table
        if row.held_by == dialog_id or row.hold_expires_at <= now:
            return
    raise HoldExpired if row.lapsed_holder == dialog_id else SlotTaken


def done(session: Session, key: str, name: str, target: int) -> int | None:
    """Return the appointment of an order that was carried out already under this key."""
    if not key:
        raise ValueError("an order that changes something needs an idempotency key")
    session.flush()
    order = session.connection().execute(_ORDER, {"key": key}).first()
    if order is None:
        return None
    if (order.name, order.target) != (name, target):
        raise KeyReused
    return int(order.appointment_id)


def note(session: Session, key: str, name: str, target: int, appointment_id: int, now: datetime) -> None:
    """Write down that an order was carried out, in the transaction that does it."""
    values = {"key": key, "name": name, "target": target, "appointment_id": appointment_id, "created_at": now}
    session.connection().execute(_NEW_ORDER, values)


def patient_of(session: Session, name: Name, phone: str, now: datetime, birth_date: date | None = None) -> int:
    """Return the ID of the patient of that name and phone; written down when new, completed by a birth date."""
    parts = {part: str(getattr(name, part)).strip()[:_NAME_LENGTH] for part in _NAME}
    connection = session.connection()
    found = connection.execute(_PATIENT, {"phone": phone, **parts}).first()
    if found is None:
        values = {"phone": phone, "birth_date": birth_date, "created_at": now, **parts}
        return _new_id(connection.execute(_NEW_PATIENT, values))
    if birth_date is not None and found.birth_date is None:
        connection.execute(_BIRTH_DATE, {"b_patient": found.id, "b_date": birth_date})
    return int(found.id)


def _new_id(result: "CursorResult[Any]") -> int:
    key = result.inserted_primary_key
    assert key is not None
    return int(key[0])
