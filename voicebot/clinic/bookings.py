"""Finding, holding, booking, moving and cancelling: every change is one transaction, idempotent by its key.

A slot is `busy-tentative` while a conversation confirms it. An expired hold counts as free at once, wherever it is met.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import and_, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from voicebot.clinic.entries import Catalogue, Service
from voicebot.clinic.failures import (
    AppointmentClosed,
    BadPhone,
    HoldExpired,
    KeyReused,
    NotFound,
    NotOffered,
    SlotTaken,
    TooLate,
)
from voicebot.clinic.finding import find_offers
from voicebot.clinic.offers import Offer, When
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
from voicebot.clock import Clock
from voicebot.russian.phones import parse_phone_digits
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

T = TypeVar("T")

_CROSSINGS = 3  # how often two orders may cross before the later one is told that the time is gone
_NAME_LENGTH = 100  # of the columns
_FREED: dict[str, Any] = {"status": SlotStatus.FREE.value, "held_by": None, "hold_expires_at": None}


class Name(Protocol):
    """A patient's name: voicebot.russian.names.PersonName."""

    @property
    def surname(self) -> str: ...
    @property
    def given(self) -> str: ...
    @property
    def patronymic(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Hold:
    """A time kept for one dialog until `expires_at` (aware, clinic's zone)."""

    slot_id: int
    dialog_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Appointment:
    """A booking as it is told to people. `start` is aware, in the clinic's zone; `phone` is E.164."""

    id: int
    slot_id: int
    start: datetime
    duration_minutes: int
    doctor_id: str
    branch_id: str
    service_id: str | None
    price_rub: int | None
    status: str
    phone: str
    surname: str
    given: str
    patronymic: str
    replaces_id: int | None = None


class Bookings:
    """The clinic's diary. Safe to use from many threads and processes at once."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Clock, lead_seconds: float = 3600) -> None:
        """`lead_seconds`: how far ahead of its start a time is offered at the latest."""
        self._database = database
        self._catalogue = catalogue
        self._clock = clock
        self._lead = timedelta(seconds=lead_seconds)

    # -- finding and holding --------------------------------------------------------------------------------------------

    def find_slots(
        self,
        speciality: str | None = None,
        service: str | None = None,
        doctor: str | None = None,
        branch: str | None = None,
        when: When | None = None,
        limit: int = 3,
        not_before: datetime | None = None,
        dialog_id: str = "",
    ) -> tuple[Offer, ...]:
        """Return up to `limit` free times that fit all wishes, in order of time, unlike each other; none: empty.

        Arguments are IDs of the catalogue (NotFound otherwise). `dialog_id`: times held by that dialog count as free.
        """
        now = self._clock.now()
        earliest = now + self._lead
        if not_before is not None:
            earliest = max(earliest, not_before)
        with self._database.session(is_readonly=True) as session:
            return find_offers(
                session,
                self._catalogue,
                now=now,
                earliest=earliest,
                speciality=speciality,
                service=service,
                doctor=doctor,
                branch=branch,
                when=when,
                limit=limit,
                dialog_id=dialog_id,
            )

    def hold(self, slot_id: int, dialog_id: str, seconds: float = 180, service_id: str | None = None) -> Hold:
        """Keep a time for a dialog; its former holds are given back. Again: the hold starts anew.

        With a service longer than the slot the following slots are kept too. Raises SlotTaken, TooLate, NotFound.
        """

        def work(session: Session) -> Hold:
            now = self._clock.now()
            rows = self._claim(session, slot_id, dialog_id, service_id, now)
            kept = [row.id for row in rows]
            session.execute(
                update(SlotRow)
                .where(SlotRow.held_by == dialog_id, SlotRow.status == SlotStatus.BUSY_TENTATIVE.value, SlotRow.id.not_in(kept))
                .values(**_FREED)
            )
            expires_at = now + timedelta(seconds=seconds)
            for row in rows:
                if row.held_by is not None and row.held_by != dialog_id:
                    row.lapsed_holder = row.held_by
                row.status = SlotStatus.BUSY_TENTATIVE.value
                row.held_by = dialog_id
                row.hold_expires_at = expires_at
            return Hold(slot_id, dialog_id, expires_at.astimezone(self._catalogue.zone))

        return self._database.run(work)

    def release(self, dialog_id: str, slot_id: int | None = None) -> int:
        """Give a dialog's holds back (`slot_id`: if it is what is held); return how many slots became free."""

        def work(session: Session) -> int:
            mine = and_(SlotRow.held_by == dialog_id, SlotRow.status == SlotStatus.BUSY_TENTATIVE.value)
            if slot_id is not None and session.scalar(select(SlotRow.id).where(mine, SlotRow.id == slot_id)) is None:
                return 0
            # A long service holds several slots; a dialog holds one offer at a time, so all of them go.
            return _count(session.execute(update(SlotRow).where(mine).values(**_FREED)))

        return self._database.run(work)

    def expire_holds(self) -> int:
        """Write down that holds ran out; return how many. Only for tidiness: nobody takes them for held."""

        def work(session: Session) -> int:
            ran_out = and_(SlotRow.status == SlotStatus.BUSY_TENTATIVE.value, SlotRow.hold_expires_at <= self._clock.now())
            values = {**_FREED, "lapsed_holder": SlotRow.held_by}
            return _count(session.execute(update(SlotRow).where(ran_out).values(**values)))

        return self._database.run(work)

    # -- booking --------------------------------------------------------------------------------------------------------

    def book(
        self, slot_id: int, dialog_id: str, patient: Name, phone: str, service_id: str | None = None, key: str = ""
    ) -> Appointment:
        """Book a time. The same `key` again returns the same appointment, whatever happened in between.

        A hold that ran out is no obstacle while nobody else took the time. Raises SlotTaken, HoldExpired, TooLate,
        NotFound, NotOffered, BadPhone, KeyReused.
        """
        number = _e164(phone)

        def work(session: Session) -> Appointment:
            done = _done(session, key, "book", slot_id)
            if done is None:
                now = self._clock.now()
                rows = self._claim(session, slot_id, dialog_id, service_id, now)
                patient_id = _patient(session, patient, number, now)
                service = self._service(rows[0].doctor_id, service_id)
                done = self._write(session, rows, dialog_id, patient_id, number, service, now, replaces_id=None)
                session.add(OrderRow(key=key, name="book", target=slot_id, appointment_id=done, created_at=now))
            return self._read(session, done)

        booked = self._crossing(key, work)
        log.info("appointment_booked", appointment_id=booked.id, dialog_id=dialog_id)
        return booked

    def cancel(self, appointment_id: int, key: str, phone: str | None = None) -> Appointment:
        """Cancel a coming appointment; its time is free again. `phone`: it must be that caller's, else NotFound.

        Raises NotFound, AppointmentClosed, KeyReused.
        """
        number = None if phone is None else _e164(phone)

        def work(session: Session) -> Appointment:
            if _done(session, key, "cancel", appointment_id) is None:
                now = self._clock.now()
                self._close(session, self._open_row(session, appointment_id, number, now), now)
                session.add(
                    OrderRow(key=key, name="cancel", target=appointment_id, appointment_id=appointment_id, created_at=now)
                )
            return self._read(session, appointment_id)

        cancelled = self._crossing(key, work)
        log.info("appointment_cancelled", appointment_id=appointment_id)
        return cancelled

    def reschedule(
        self, appointment_id: int, new_slot: int, key: str, dialog_id: str = "", phone: str | None = None
    ) -> Appointment:
        """Move a coming appointment to another time: both change, or neither. Returns the new appointment.

        Raises what book and cancel raise.
        """
        number = None if phone is None else _e164(phone)

        def work(session: Session) -> Appointment:
            done = _done(session, key, "reschedule", appointment_id)
            if done is None:
                now = self._clock.now()
                old = self._open_row(session, appointment_id, number, now)
                # Its own time is freed first, so that a long visit may move by less than its length.
                self._close(session, old, now)
                session.flush()
                rows = self._claim(session, new_slot, dialog_id or old.dialog_id, old.service_id, now)
                service = self._service(rows[0].doctor_id, old.service_id)
                done = self._write(
                    session, rows, dialog_id or old.dialog_id, old.patient_id, old.phone, service, now, replaces_id=old.id
                )
                session.add(OrderRow(key=key, name="reschedule", target=appointment_id, appointment_id=done, created_at=now))
            return self._read(session, done)

        moved = self._crossing(key, work)
        log.info("appointment_moved", appointment_id=moved.id, replaces_id=appointment_id)
        return moved

    def appointments_of(self, phone: str) -> tuple[Appointment, ...]:
        """Return the coming appointments made for a phone number, in order of time."""
        number = _e164(phone)
        now = self._clock.now()

        def work(session: Session) -> tuple[Appointment, ...]:
            found = session.execute(
                select(AppointmentRow, PatientRow)
                .join(PatientRow, PatientRow.id == AppointmentRow.patient_id)
                .where(
                    AppointmentRow.phone == number,
                    AppointmentRow.status == AppointmentStatus.BOOKED.value,
                    AppointmentRow.start > now,
                )
                .order_by(AppointmentRow.start, AppointmentRow.id)
            )
            return tuple(self._told(row, patient) for row, patient in found)

        return self._database.run(work, is_readonly=True)

    # -- inside a transaction -------------------------------------------------------------------------------------------

    def _crossing(self, key: str, work: Callable[[Session], T]) -> T:
        """Run `work`; a broken constraint means that another order came first: look again, then say so."""
        for _ in range(_CROSSINGS):
            try:
                return self._database.run(work)
            except IntegrityError:
                continue
            except (SlotTaken, AppointmentClosed):
                # While we waited for its lock, this very order may have been carried out: the same one, sent twice.
                if not self._database.run(lambda session: session.get(OrderRow, key) is not None, is_readonly=True):
                    raise
        raise SlotTaken

    def _service(self, doctor_id: str, service_id: str | None) -> Service | None:
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

    def _claim(
        self, session: Session, slot_id: int, dialog_id: str, service_id: str | None, now: datetime
    ) -> Sequence[SlotRow]:
        """Lock the slots that a service starting at `slot_id` needs, all of them free for this dialog."""
        first = session.get(SlotRow, slot_id)
        if first is None:
            raise NotFound("No such slot.")
        if first.start <= now:
            raise TooLate
        service = self._service(first.doctor_id, service_id)
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

    def _write(
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

    def _open_row(self, session: Session, appointment_id: int, phone: str | None, now: datetime) -> AppointmentRow:
        row = session.scalar(select(AppointmentRow).where(AppointmentRow.id == appointment_id).with_for_update())
        if row is None or (phone is not None and row.phone != phone):
            raise NotFound("No such appointment.")
        if row.status != AppointmentStatus.BOOKED.value or row.start <= now:
            raise AppointmentClosed
        return row

    def _close(self, session: Session, row: AppointmentRow, now: datetime) -> None:
        row.status = AppointmentStatus.CANCELLED.value
        row.cancelled_at = now
        session.execute(delete(OccupiedRow).where(OccupiedRow.appointment_id == row.id))
        session.execute(
            update(SlotRow).where(SlotRow.appointment_id == row.id).values(**_FREED, appointment_id=None, lapsed_holder=None)
        )

    def _read(self, session: Session, appointment_id: int) -> Appointment:
        row = session.get_one(AppointmentRow, appointment_id)
        return self._told(row, session.get_one(PatientRow, row.patient_id))

    def _told(self, row: AppointmentRow, patient: PatientRow) -> Appointment:
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
        )


def _check_free(row: SlotRow, dialog_id: str, now: datetime) -> None:
    if row.status == SlotStatus.FREE.value:
        return
    if row.status == SlotStatus.BUSY_TENTATIVE.value:
        assert row.hold_expires_at is not None  # a constraint of the table
        if row.held_by == dialog_id or row.hold_expires_at <= now:
            return
    raise HoldExpired if row.lapsed_holder == dialog_id else SlotTaken


def _done(session: Session, key: str, name: str, target: int) -> int | None:
    """Return the appointment of an order that was carried out already under this key."""
    if not key:
        raise ValueError("an order that changes something needs an idempotency key")
    order = session.get(OrderRow, key)
    if order is None:
        return None
    if (order.name, order.target) != (name, target):
        raise KeyReused
    return order.appointment_id


def _patient(session: Session, name: Name, phone: str, now: datetime) -> int:
    """Return the ID of the patient of that name and phone; written down when new."""
    parts = {part: str(getattr(name, part)).strip()[:_NAME_LENGTH] for part in ("surname", "given", "patronymic")}
    found = session.scalar(select(PatientRow.id).filter_by(phone=phone, **parts))
    if found is not None:
        return found
    row = PatientRow(phone=phone, created_at=now, **parts)
    session.add(row)
    session.flush()
    return row.id


def _e164(phone: str) -> str:
    number = parse_phone_digits(phone)
    if number is None:
        raise BadPhone
    return number


def _count(result: Any) -> int:
    return int(result.rowcount)
