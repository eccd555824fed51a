"""What happens to slots and appointments inside a transaction; `bookings` wraps it, and answers for idempotency."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
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

    def claim(self, session: Session, slot_id: int, dialog_id: str, service_id: str | None, now: datetime) -> Sequence[SlotRow]:
        """Lock the slots that a service starting at `slot_id` needs, all of them free for this dialog."""
        first = session.get(SlotRow, slot_id)
        if first is None:
            raise NotFound("No such slot.")
        if first.start <= now:
            raise TooLate
        service = self.service(first.doctor_id, service_id)
        if service is not None and service.branches and first.branch_id not in service.branches:
            raise NotOffered
        minutes = first.duration_minutes if service is None else max(first.duration_minutes, service.duration_minutes)
        end = first.start + timedelta(minutes=minutes)
        rows = session.scalars(
            select(SlotRow)
            .where(SlotRow.doctor_id == first.doctor_id, SlotRow.start >= first.start, SlotRow.start < end)
            .order_by(SlotRow.start)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        reached = first.start
        for row in rows:
            if row.start != reached or row.branch_id != first.branch_id:
                raise SlotTaken("The doctor's time there is too short for the service.")
            _check_free(row, dialog_id, now)
            reached = row.end
        if reached < end:
            raise SlotTaken("The doctor's time there is too short for the service.")
        return rows

    def write(
        self,
        session: Session,
        rows: Sequence[SlotRow],
        dialog_id: str,
        patient_id: int,
        phone: str,
        service: Service | None,
        now: datetime,
        replaces_id: int | None,
    ) -> int:
        """Insert an appointment over claimed slots; return its ID."""
        first, last = rows[0], rows[-1]
        appointment = AppointmentRow(
            slot_id=first.id,
            patient_id=patient_id,
            doctor_id=first.doctor_id,
            branch_id=first.branch_id,
            service_id=None if service is None else service.id,
            start=first.start,
            duration_minutes=int((last.end - first.start).total_seconds() // 60),
            status=AppointmentStatus.BOOKED.value,
            phone=phone,
            dialog_id=dialog_id,
            replaces_id=replaces_id,
            created_at=now,
        )
        session.add(appointment)
        session.flush()
        at = first.start
        while at < last.end:
            session.add(OccupiedRow(doctor_id=first.doctor_id, start=at, appointment_id=appointment.id))
            at += CELL
        for row in rows:
            row.status = SlotStatus.BUSY.value
            row.held_by = None
            row.hold_expires_at = None
            row.appointment_id = appointment.id
        session.flush()
        return appointment.id

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
        row = session.get_one(AppointmentRow, appointment_id)
        return self.told(row, session.get_one(PatientRow, row.patient_id))

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


def _check_free(row: SlotRow, dialog_id: str, now: datetime) -> None:
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
    order = session.get(OrderRow, key)
    if order is None:
        return None
    if (order.name, order.target) != (name, target):
        raise KeyReused
    return order.appointment_id


def patient_of(session: Session, name: Name, phone: str, now: datetime, birth_date: date | None = None) -> int:
    """Return the ID of the patient of that name and phone; written down when new, completed by a birth date."""
    parts = {part: str(getattr(name, part)).strip()[:_NAME_LENGTH] for part in ("surname", "given", "patronymic")}
    found = session.scalar(select(PatientRow).filter_by(phone=phone, **parts))
    if found is not None:
        found.birth_date = found.birth_date or birth_date
        return found.id
    row = PatientRow(phone=phone, birth_date=birth_date, created_at=now, **parts)
    session.add(row)
    session.flush()
    return row.id
