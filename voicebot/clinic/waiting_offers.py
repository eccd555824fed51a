"""Times that became free are offered to those who wait: held for them, asked about in a message, booked by their yes.

`tick` is called every few seconds by the process of reminders; several may run. Each place is a transaction of its own, in
which its row is locked first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from voicebot.clinic.appointments import Appointment
from voicebot.clinic.bookings import e164
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import NotFound, NotOffered, SlotTaken, TooLate
from voicebot.clinic.ledger import FREED, Ledger, done, patient_of
from voicebot.clinic.outbox import enqueue
from voicebot.clinic.tables import (
    AppointmentRow,
    AppointmentStatus,
    MessageRow,
    OrderRow,
    PatientRow,
    SlotRow,
    SlotStatus,
    WaitingRow,
    WaitingStatus,
)
from voicebot.clinic.waiting import mark_waiting
from voicebot.clinic.waiting_machine import Do, Event, Gone, Looked, No, NoOffer, Place, Rules, Step, Yes, step
from voicebot.clinic.wishes import from_json
from voicebot.clock import Clock
from voicebot.russian.names import PersonName
from voicebot.russian.when import When
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

TEMPLATE = "waiting_offer"
_OPEN = (WaitingStatus.TO_OFFER.value, WaitingStatus.OFFERED.value)
_MOST = 200
_STALE = timedelta(hours=1)  # so often it is looked whether those who wait have something to wait for


@dataclass(frozen=True, slots=True)
class WaitingOffer:
    """A time that is held for somebody who waits. `start`, `until`: aware, in the clinic's zone."""

    waiting_id: int
    slot_id: int
    start: datetime
    until: datetime
    doctor_id: str
    branch_id: str
    service_id: str | None
    price_rub: int | None
    given: str


class WaitingOffers:
    """Safe to use from many threads and processes at once."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Clock, rules: Rules | None = None) -> None:
        self._database = database
        self._catalogue = catalogue
        self._ledger = Ledger(catalogue)
        self._clock = clock
        self._rules = rules or Rules()
        self._swept_at: datetime | None = None

    # -- the clock ----------------------------------------------------------------------------------------------------

    def tick(self) -> int:
        """Offer what became free, take back what nobody answered; return how many places changed. Raises StorageError."""
        return sum(self._look(waiting_id) for waiting_id in self._due())

    def _due(self) -> Sequence[int]:
        now = self._clock.now()
        is_open = WaitingRow.status == WaitingStatus.TO_OFFER.value
        is_out = (WaitingRow.status == WaitingStatus.OFFERED.value) & (WaitingRow.offer_until <= now)
        wanted = or_(is_open, is_out)
        if self._swept_at is None or now - self._swept_at >= _STALE:
            self._swept_at = now
            wanted = WaitingRow.status != WaitingStatus.CLOSED.value
        query = (
            select(WaitingRow.id)
            .where(wanted)
            .order_by(WaitingRow.found_at.is_(None), WaitingRow.found_at, WaitingRow.id)
            .limit(_MOST)
        )
        return self._database.run(lambda session: session.scalars(query).all(), is_readonly=True)

    def _look(self, waiting_id: int) -> bool:
        def work(session: Session) -> bool:
            now = self._clock.now()
            row = self._locked(session, waiting_id, is_skipping=True)
            if row is None:
                return False
            place = self._place(session, row)
            looked = Looked(
                now.astimezone(self._zone_of(session, row)), self._has_visit(session, row, now), self._is_over(row, now)
            )
            found = step(place, looked, now, self._rules)
            try:
                with session.begin_nested():
                    self._carry_out(session, row, found, now)
            except (SlotTaken, TooLate, NotOffered, NotFound):
                found = step(place, Gone(), now, self._rules)
                self._carry_out(session, row, found, now)
            return found.place != place

        has_changed = self._database.run(work)
        if has_changed:
            log.info("waiting_changed", waiting_id=waiting_id)
        return has_changed

    # -- the patient --------------------------------------------------------------------------------------------------

    def offer(self, waiting_id: int, phone: str) -> WaitingOffer:
        """Return what is offered to a place of that phone number. Raises NotFound when nothing is, or not any more."""
        number = e164(phone)

        def work(session: Session) -> WaitingOffer:
            row = session.get(WaitingRow, waiting_id)
            if row is None or row.phone != number or row.status != WaitingStatus.OFFERED.value:
                raise NotFound("Nothing is offered there.")
            return self._told(session, row)

        return self._database.run(work, is_readonly=True)

    def offers_of(self, phone: str) -> tuple[WaitingOffer, ...]:
        """Return all that is offered to a phone number, the oldest offer first."""
        number = e164(phone)
        query = select(WaitingRow).where(WaitingRow.phone == number, WaitingRow.status == WaitingStatus.OFFERED.value)
        return self._database.run(
            lambda session: tuple(self._told(session, row) for row in session.scalars(query.order_by(WaitingRow.offer_until))),
            is_readonly=True,
        )

    def accept(self, waiting_id: int, phone: str, dialog_id: str, key: str) -> Appointment:
        """Book what is offered; the same `key` again returns the same visit. Raises NotFound when nothing is, SlotTaken."""
        number = e164(phone)

        def work(session: Session) -> Appointment:
            now = self._clock.now()
            row = self._own(session, waiting_id, number)
            booked = done(session, key, "accept", waiting_id)
            if booked is None:
                found = _answered(self._place(session, row), Yes(), now, self._rules)
                booked = self._carry_out(session, row, found, now, dialog_id)
                session.add(OrderRow(key=key, name="accept", target=waiting_id, appointment_id=booked, created_at=now))
            return self._ledger.read(session, booked or 0)

        try:
            appointment = self._database.run(work)
        except IntegrityError:
            raise SlotTaken from None
        log.info("waiting_booked", waiting_id=waiting_id, appointment_id=appointment.id, dialog_id=dialog_id)
        return appointment

    def decline(self, waiting_id: int, phone: str, *, is_leaving: bool = False) -> None:
        """Refuse what is offered and wait on, or leave the list. Raises NotFound when there is nothing to refuse."""
        number = e164(phone)

        def work(session: Session) -> None:
            now = self._clock.now()
            row = self._own(session, waiting_id, number)
            found = _answered(self._place(session, row), No(is_leaving), now, self._rules)
            self._carry_out(session, row, found, now)

        self._database.run(work)
        log.info("waiting_declined", waiting_id=waiting_id, is_leaving=is_leaving)

    # -- inside a transaction -------------------------------------------------------------------------------------------

    def _locked(self, session: Session, waiting_id: int, *, is_skipping: bool = False) -> WaitingRow | None:
        query = select(WaitingRow).where(WaitingRow.id == waiting_id).execution_options(populate_existing=True)
        return session.scalar(query.with_for_update(skip_locked=is_skipping))

    def _own(self, session: Session, waiting_id: int, number: str) -> WaitingRow:
        row = self._locked(session, waiting_id)
        if row is None or row.phone != number:
            raise NotFound("No such place.")
        return row

    def _place(self, session: Session, row: WaitingRow) -> Place:
        slot = None if row.slot_id is None else session.get(SlotRow, row.slot_id)
        start = None if slot is None else slot.start
        return Place(WaitingStatus(row.status), row.slot_id, start, row.offer_until, row.offers, row.outcome)

    def _carry_out(self, session: Session, row: WaitingRow, found: Step, now: datetime, dialog_id: str = "") -> int | None:
        """Do what a step asks for, and write the place down; return the visit that was booked."""
        place, booked = found.place, None
        if found.do is Do.OFFER:
            self._hold(session, row, place, now)
        elif found.do is Do.BOOK:
            booked = self._book(session, row, now, dialog_id)
        row.status, row.slot_id, row.offer_until = place.status.value, place.slot_id, place.until
        row.offers, row.outcome, row.appointment_id = place.offers, place.outcome, booked or row.appointment_id
        session.flush()
        if found.do is Do.OFFER:
            self._ask(session, row, now)
        elif found.do is Do.NEXT and found.slot_id is not None:
            self._pass_on(session, row, found.slot_id, now)
        return booked

    def _hold(self, session: Session, row: WaitingRow, place: Place, now: datetime) -> None:
        assert place.slot_id is not None
        assert place.until is not None
        rows = self._ledger.claim(session, place.slot_id, _holder(row), row.service_id, now)
        self._ledger.hold(session, rows, _holder(row), place.until)

    def _ask(self, session: Session, row: WaitingRow, now: datetime) -> None:
        offer = self._told(session, row)
        values = {
            "waiting_id": row.id, "slot_id": offer.slot_id, "start": offer.start.isoformat(), "doctor": offer.doctor_id,
            "branch": offer.branch_id, "service": offer.service_id, "given": offer.given, "until": offer.until.isoformat(),
            "price_rub": offer.price_rub,
        }  # fmt: skip
        key = f"{_key(row.id, offer.slot_id)}/{row.offers}"
        enqueue(
            session, now, TEMPLATE, row.phone, values, row.dialog_id, key, branch_id=offer.branch_id, is_urgent=True,
            expires_at=row.offer_until,
        )  # fmt: skip

    def _book(self, session: Session, row: WaitingRow, now: datetime, dialog_id: str) -> int:
        assert row.slot_id is not None
        rows = self._ledger.claim(session, row.slot_id, _holder(row), row.service_id, now)
        name = PersonName(row.surname, row.given, row.patronymic)
        patient_id = patient_of(session, name, row.phone, now, row.birth_date)
        service = self._ledger.service(rows[0].doctor_id, row.service_id)
        return self._ledger.write(session, rows, dialog_id or row.dialog_id, patient_id, row.phone, service, now, None)

    def _pass_on(self, session: Session, row: WaitingRow, slot_id: int, now: datetime) -> None:
        """Free the time, and find the next who waits for such a one and was not asked about it before."""
        mine = (SlotRow.held_by == _holder(row)) & (SlotRow.status == SlotStatus.BUSY_TENTATIVE.value)
        session.execute(update(SlotRow).where(mine).values(**FREED).execution_options(synchronize_session=False))
        slot = session.get_one(SlotRow, slot_id, populate_existing=True)
        asked = session.scalars(select(MessageRow.key).where(MessageRow.key.like(f"waiting/%/{slot_id}/%")))
        told = frozenset(int(key.split("/")[1]) for key in asked) | {row.id}
        mark_waiting(
            session, self._catalogue, doctor_id=slot.doctor_id, start=slot.start, end=slot.end, now=now,
            lead=self._rules.lead + self._rules.least, besides=told,
        )  # fmt: skip

    def _told(self, session: Session, row: WaitingRow) -> WaitingOffer:
        slot = session.get_one(SlotRow, row.slot_id)
        service = self._ledger.service(slot.doctor_id, row.service_id)
        zone = self._catalogue.zone
        return WaitingOffer(
            waiting_id=row.id,
            slot_id=slot.id,
            start=slot.start.astimezone(zone),
            until=(row.offer_until or slot.start).astimezone(zone),
            doctor_id=slot.doctor_id,
            branch_id=slot.branch_id,
            service_id=None if service is None else service.id,
            price_rub=None if service is None else service.price_rub,
            given=row.given,
        )

    def _zone_of(self, session: Session, row: WaitingRow) -> ZoneInfo:
        slot = None if row.slot_id is None else session.get(SlotRow, row.slot_id)
        branch = None if slot is None else self._catalogue.branches.get(slot.branch_id)
        return ZoneInfo(branch.zone) if branch is not None and branch.zone else self._catalogue.zone

    def _has_visit(self, session: Session, row: WaitingRow, now: datetime) -> bool:
        """The same patient has booked such a visit since."""
        query = (
            select(AppointmentRow.doctor_id, AppointmentRow.service_id)
            .join(PatientRow, PatientRow.id == AppointmentRow.patient_id)
            .where(AppointmentRow.phone == row.phone, AppointmentRow.status == AppointmentStatus.BOOKED.value)
            .where(AppointmentRow.start > now, AppointmentRow.created_at > row.created_at)
            .where(PatientRow.surname == row.surname, PatientRow.given == row.given)
        )
        return any(self._is_such(row, doctor, service) for doctor, service in session.execute(query))

    def _is_such(self, row: WaitingRow, doctor_id: str, service_id: str | None) -> bool:
        if row.service_id is not None:
            return service_id == row.service_id
        if row.doctor_id is not None:
            return doctor_id == row.doctor_id
        doctor = self._catalogue.doctors.get(doctor_id)
        return doctor is not None and row.speciality_id in doctor.specialities

    def _is_over(self, row: WaitingRow, now: datetime) -> bool:
        return is_over(from_json(row.wish), now.astimezone(self._catalogue.zone))


def is_over(wish: When, local: datetime) -> bool:
    """Whether all the days that were wished for have passed. Pure."""
    if wish.alternatives:
        return all(is_over(one, local) for one in wish.alternatives)
    last = max(wish.dates) if wish.dates else wish.date_to
    return last is not None and last < local.date()


def _answered(place: Place, event: Event, now: datetime, rules: Rules) -> Step:
    try:
        return step(place, event, now, rules)
    except NoOffer:
        raise NotFound("Nothing is offered there any more.") from None


def _holder(row: WaitingRow) -> str:
    """Who holds the time: no dialog has such an ID."""
    return f"waiting-{row.id}"


def _key(waiting_id: int, slot_id: int) -> str:
    return f"waiting/{waiting_id}/{slot_id}"
