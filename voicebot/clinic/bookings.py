"""Finding, holding, booking, moving and cancelling: every change is one transaction, idempotent by its key.

A slot is `busy-tentative` while a conversation confirms it. An expired hold counts as free at once, wherever it is met.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import structlog
from sqlalchemy import and_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from voicebot.clinic.appointments import Appointment, Hold, Name
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import AppointmentClosed, BadPhone, NotIdentified, SlotTaken
from voicebot.clinic.finding import find_offers
from voicebot.clinic.identity import is_patient
from voicebot.clinic.ledger import FREED, Ledger, done, note, patient_of
from voicebot.clinic.offers import Offer, When
from voicebot.clinic.tables import AppointmentRow, AppointmentStatus, OrderRow, PatientRow, SlotRow, SlotStatus
from voicebot.clinic.waiting import mark_waiting
from voicebot.clock import Clock
from voicebot.russian.phones import parse_phone_digits
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

T = TypeVar("T")

_CROSSINGS = 3  # how often two orders may cross before the later one is told that the time is gone


class Bookings:
    """The clinic's diary. Safe to use from many threads and processes at once."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Clock, lead_seconds: float = 3600) -> None:
        """`lead_seconds`: how far ahead of its start a time is offered at the latest."""
        self.database = database
        self._ledger = Ledger(catalogue)
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
        before: datetime | None = None,
        is_spread: bool = True,
        not_doctors: Collection[str] = (),
        not_branches: Collection[str] = (),
    ) -> tuple[Offer, ...]:
        """Return up to `limit` free times that fit all wishes, in order of time; none: empty.

        Arguments are IDs of the catalogue (NotFound otherwise). `dialog_id`: times held by that dialog count as free.
        `before`: only times that start earlier; the wish gives way when it has none of those.
        `not_doctors`, `not_branches`: none of these.
        `is_spread`: times unlike each other, for the ear; otherwise the earliest, none left out.
        """
        now = self._clock.now()
        earliest = now + self._lead
        if not_before is not None:
            earliest = max(earliest, not_before)
        with self.database.session(is_readonly=True) as session:

            def find(wish: When | None) -> tuple[Offer, ...]:
                return find_offers(
                    session,
                    self._catalogue,
                    now=now,
                    earliest=earliest,
                    speciality=speciality,
                    service=service,
                    doctor=doctor,
                    branch=branch,
                    when=wish,
                    limit=limit,
                    dialog_id=dialog_id,
                    is_spread=is_spread,
                    not_doctors=not_doctors,
                    not_branches=not_branches,
                )

            if before is None:
                return find(when)
            return find(Earlier(before, when)) or find(Earlier(before, None))

    def open_until(self) -> date | None:
        """Return the last local date for which the diary is filled; None for an empty one."""
        with self.database.session(is_readonly=True) as session:
            last = session.scalar(select(SlotRow.start).order_by(SlotRow.start.desc()).limit(1))
        return None if last is None else last.astimezone(self._catalogue.zone).date()

    def hold(self, slot_id: int, dialog_id: str, seconds: float = 180, service_id: str | None = None) -> Hold:
        """Keep a time for a dialog; its former holds are given back. Again: the hold starts anew.

        With a service longer than the slot the following slots are kept too. Raises SlotTaken, TooLate, NotFound.
        """

        def work(session: Session) -> Hold:
            now = self._clock.now()
            rows = self._ledger.claim(session, slot_id, dialog_id, service_id, now)
            expires_at = now + timedelta(seconds=seconds)
            self._ledger.hold(session, rows, dialog_id, expires_at)
            return Hold(slot_id, dialog_id, expires_at.astimezone(self._catalogue.zone))

        return self.database.run(work)

    def release(self, dialog_id: str, slot_id: int | None = None) -> int:
        """Give a dialog's holds back (`slot_id`: if it is what is held); return how many slots became free."""

        def work(session: Session) -> int:
            mine = and_(SlotRow.held_by == dialog_id, SlotRow.status == SlotStatus.BUSY_TENTATIVE.value)
            if slot_id is not None and session.scalar(select(SlotRow.id).where(mine, SlotRow.id == slot_id)) is None:
                return 0
            # A long service holds several slots; a dialog holds one offer at a time, so all of them go.
            return _count(session.execute(update(SlotRow).where(mine).values(**FREED)))

        return self.database.run(work)

    def expire_holds(self) -> int:
        """Write down that holds ran out; return how many. Only for tidiness: nobody takes them for held."""

        def work(session: Session) -> int:
            ran_out = and_(SlotRow.status == SlotStatus.BUSY_TENTATIVE.value, SlotRow.hold_expires_at <= self._clock.now())
            values = {**FREED, "lapsed_holder": SlotRow.held_by}
            return _count(session.execute(update(SlotRow).where(ran_out).values(**values)))

        return self.database.run(work)

    # -- booking --------------------------------------------------------------------------------------------------------

    def book(
        self,
        slot_id: int,
        dialog_id: str,
        patient: Name,
        phone: str,
        service_id: str | None = None,
        key: str = "",
        birth_date: date | None = None,
    ) -> Appointment:
        """Book a time. The same `key` again returns the same appointment, whatever happened in between.

        A hold that ran out is no obstacle while nobody else took the time. Raises SlotTaken, HoldExpired, TooLate,
        NotFound, NotOffered, BadPhone, KeyReused.
        """
        number = e164(phone)

        def work(session: Session) -> Appointment:
            carried_out = done(session, key, "book", slot_id)
            if carried_out is None:
                now = self._clock.now()
                rows = self._ledger.claim(session, slot_id, dialog_id, service_id, now)
                patient_id = patient_of(session, patient, number, now, birth_date)
                service = self._ledger.service(rows[0].doctor_id, service_id)
                carried_out = self._ledger.write(session, rows, dialog_id, patient_id, number, service, now, replaces_id=None)
                note(session, key, "book", slot_id, carried_out, now)
            return self._ledger.read(session, carried_out)

        booked = self._crossing(key, work)
        log.info("appointment_booked", appointment_id=booked.id, dialog_id=dialog_id)
        return booked

    def cancel(self, appointment_id: int, key: str, phone: str | None = None, reason: str = "") -> Appointment:
        """Cancel a coming appointment; its time is free again, and whoever waits for such a time is marked to be told.

        `phone`: it must be that caller's, else NotFound. Raises NotFound, AppointmentClosed, KeyReused.
        """
        number = None if phone is None else e164(phone)

        def work(session: Session) -> Appointment:
            if done(session, key, "cancel", appointment_id) is None:
                now = self._clock.now()
                row = self._ledger.open_row(session, appointment_id, number, now)
                self._ledger.close(session, row, now, reason)
                note(session, key, "cancel", appointment_id, appointment_id, now)
                self._tell_waiting(session, row, now)
            return self._ledger.read(session, appointment_id)

        cancelled = self._crossing(key, work)
        log.info("appointment_cancelled", appointment_id=appointment_id)
        return cancelled

    def reschedule(
        self, appointment_id: int, new_slot: int, key: str, dialog_id: str = "", phone: str | None = None
    ) -> Appointment:
        """Move a coming appointment to another time: both change, or neither. Returns the new appointment.

        Raises what book and cancel raise.
        """
        number = None if phone is None else e164(phone)

        def work(session: Session) -> Appointment:
            carried_out = done(session, key, "reschedule", appointment_id)
            if carried_out is None:
                now = self._clock.now()
                old = self._ledger.open_row(session, appointment_id, number, now)
                # Its own time is freed first, so that a long visit may move by less than its length.
                self._ledger.close(session, old, now, "moved")
                session.flush()
                rows = self._ledger.claim(session, new_slot, dialog_id or old.dialog_id, old.service_id, now)
                service = self._ledger.service(rows[0].doctor_id, old.service_id)
                carried_out = self._ledger.write(
                    session, rows, dialog_id or old.dialog_id, old.patient_id, old.phone, service, now, replaces_id=old.id
                )
                note(session, key, "reschedule", appointment_id, carried_out, now)
                self._tell_waiting(session, old, now)
            return self._ledger.read(session, carried_out)

        moved = self._crossing(key, work)
        log.info("appointment_moved", appointment_id=moved.id, replaces_id=appointment_id)
        return moved

    # -- the patient's own ----------------------------------------------------------------------------------------------

    def appointments_of(self, phone: str) -> tuple[Appointment, ...]:
        """Return the coming appointments made for a phone number, in order of time. For those who may see them all."""
        number = e164(phone)
        return self.database.run(lambda session: self._coming(session, number, None), is_readonly=True)

    def appointments_of_patient(
        self, phone: str, name: Name | None, birth_date: date | None, *, is_own_number: bool
    ) -> tuple[Appointment, ...]:
        """Return the coming appointments of who proved to be the patient, perhaps none.

        NotIdentified when nobody of that number has that name or birth date: whether the number is known is not told.
        """
        number = e164(phone)

        def work(session: Session) -> tuple[Appointment, ...]:
            of_number = session.scalars(select(PatientRow).where(PatientRow.phone == number)).all()
            patients = [row for row in of_number if is_patient(row, name, birth_date, is_own_number=is_own_number)]
            if not patients:
                raise NotIdentified
            return self._coming(session, number, {row.id for row in patients})

        return self.database.run(work, is_readonly=True)

    def last_doctor(self, phone: str, name: Name | None, birth_date: date | None, *, is_own_number: bool) -> str | None:
        """Return the doctor of the latest visit, past or coming, of who proved to be the patient. NotIdentified as above."""
        number = e164(phone)

        def work(session: Session) -> str | None:
            of_number = session.scalars(select(PatientRow).where(PatientRow.phone == number)).all()
            patients = [row.id for row in of_number if is_patient(row, name, birth_date, is_own_number=is_own_number)]
            if not patients:
                raise NotIdentified
            live = AppointmentRow.status.not_in([AppointmentStatus.CANCELLED.value, AppointmentStatus.NOSHOW.value])
            query = (
                select(AppointmentRow.doctor_id)
                .where(AppointmentRow.patient_id.in_(patients), AppointmentRow.phone == number, live)
                .order_by(AppointmentRow.start.desc(), AppointmentRow.id.desc())
            )
            return next((doctor for doctor in session.scalars(query) if doctor in self._catalogue.doctors), None)

        return self.database.run(work, is_readonly=True)

    def _coming(self, session: Session, number: str, patients: set[int] | None) -> tuple[Appointment, ...]:
        query = (
            select(AppointmentRow, PatientRow)
            .join(PatientRow, PatientRow.id == AppointmentRow.patient_id)
            .where(
                AppointmentRow.phone == number,
                AppointmentRow.status == AppointmentStatus.BOOKED.value,
                AppointmentRow.start > self._clock.now(),
            )
            .order_by(AppointmentRow.start, AppointmentRow.id)
        )
        if patients is not None:
            query = query.where(PatientRow.id.in_(patients))
        return tuple(self._ledger.told(row, patient) for row, patient in session.execute(query))

    def _tell_waiting(self, session: Session, freed: AppointmentRow, now: datetime) -> None:
        """Mark who waits for the time that became free."""
        mark_waiting(
            session,
            self._catalogue,
            doctor_id=freed.doctor_id,
            start=freed.start,
            end=freed.start + timedelta(minutes=freed.duration_minutes),
            now=now,
            lead=self._lead,
        )

    # -- inside a transaction -------------------------------------------------------------------------------------------

    def _crossing(self, key: str, work: Callable[[Session], T]) -> T:
        """Run `work`; a broken constraint means that another order came first: look again, then say so."""
        for _ in range(_CROSSINGS):
            try:
                return self.database.run(work)
            except IntegrityError:
                continue
            except (SlotTaken, AppointmentClosed):
                # While we waited for its lock, this very order may have been carried out: the same one, sent twice.
                if not self.database.run(lambda session: session.get(OrderRow, key) is not None, is_readonly=True):
                    raise
        raise SlotTaken


@dataclass(frozen=True, slots=True)
class Earlier:
    """A wish for a time before another; with the caller's own wish, if that is kept."""

    before: datetime
    wish: When | None

    def allows(self, at: datetime, /) -> bool:
        return at < self.before and (self.wish is None or self.wish.allows(at))


def e164(phone: str) -> str:
    """Raise BadPhone if that is no number."""
    number = parse_phone_digits(phone)
    if number is None:
        raise BadPhone
    return number


def _count(result: Any) -> int:
    return int(result.rowcount)
