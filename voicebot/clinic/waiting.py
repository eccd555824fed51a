"""The waiting list: who wants a time that nobody has now, and who is to be told when one becomes free."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.clinic.appointments import Name
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import BadPhone, KeyReused, NotFound
from voicebot.clinic.finding import find_offers, visits_of
from voicebot.clinic.offers import Offer, When
from voicebot.clinic.tables import SlotRow, WaitingRow, WaitingStatus
from voicebot.clinic.wishes import from_json, to_json
from voicebot.clock import Clock
from voicebot.russian.phones import parse_phone_digits
from voicebot.russian.when import When as Wish
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

_NAME_LENGTH = 100  # of the columns


@dataclass(frozen=True, slots=True)
class Waiting:
    """A place in the waiting list. `found`: the time that became free (aware, clinic's zone), when one did."""

    id: int
    status: str
    phone: str
    surname: str
    given: str
    patronymic: str
    doctor_id: str | None
    speciality_id: str | None
    service_id: str | None
    branch_id: str | None
    wish: Wish
    slot_id: int | None = None
    found: datetime | None = None


class WaitingList:
    """Safe to use from many threads and processes at once."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Clock) -> None:
        self._database = database
        self._catalogue = catalogue
        self._clock = clock

    def join(
        self,
        dialog_id: str,
        key: str,
        patient: Name,
        phone: str,
        *,
        doctor: str | None = None,
        speciality: str | None = None,
        service: str | None = None,
        branch: str | None = None,
        when: Wish | None = None,
        birth_date: date | None = None,
    ) -> Waiting:
        """Write a wish down; the same `key` again returns the same place. Raises NotFound, BadPhone, KeyReused."""
        number = parse_phone_digits(phone)
        if number is None:
            raise BadPhone
        if doctor is None and speciality is None and service is None:
            raise NotFound("Nothing is waited for.")
        visits_of(self._catalogue, speciality, service, doctor)  # unknown IDs raise NotFound
        if branch is not None and branch not in self._catalogue.branches:
            raise NotFound("No such branch.")

        def work(session: Session) -> Waiting:
            row = session.scalar(select(WaitingRow).where(WaitingRow.key == key))
            if row is not None:
                if row.dialog_id != dialog_id:
                    raise KeyReused
                return self._told(session, row)
            row = WaitingRow(
                key=key,
                dialog_id=dialog_id,
                phone=number,
                surname=patient.surname[:_NAME_LENGTH],
                given=patient.given[:_NAME_LENGTH],
                patronymic=patient.patronymic[:_NAME_LENGTH],
                birth_date=birth_date,
                doctor_id=doctor,
                speciality_id=speciality,
                service_id=service,
                branch_id=branch,
                wish=to_json(when or Wish()),
                status=WaitingStatus.WAITING.value,
                created_at=self._clock.now(),
            )
            session.add(row)
            session.flush()
            return self._told(session, row)

        joined = self._database.run(work)
        log.info("waiting_joined", waiting_id=joined.id, dialog_id=dialog_id)
        return joined

    def to_offer(self, limit: int = 100) -> tuple[Waiting, ...]:
        """Return whom a free time was found for and who was not told yet, the longest waiting first."""

        def work(session: Session) -> tuple[Waiting, ...]:
            rows = session.scalars(
                select(WaitingRow)
                .where(WaitingRow.status == WaitingStatus.TO_OFFER.value)
                .order_by(WaitingRow.found_at, WaitingRow.id)
                .limit(limit)
            )
            return tuple(self._told(session, row) for row in rows)

        return self._database.run(work, is_readonly=True)

    def _told(self, session: Session, row: WaitingRow) -> Waiting:
        slot = None if row.slot_id is None else session.get(SlotRow, row.slot_id)
        return Waiting(
            id=row.id,
            status=row.status,
            phone=row.phone,
            surname=row.surname,
            given=row.given,
            patronymic=row.patronymic,
            doctor_id=row.doctor_id,
            speciality_id=row.speciality_id,
            service_id=row.service_id,
            branch_id=row.branch_id,
            wish=from_json(row.wish),
            slot_id=row.slot_id,
            found=None if slot is None else slot.start.astimezone(self._catalogue.zone),
        )


@dataclass(frozen=True, slots=True)
class _Freed:
    """A wish, but only within the time that became free."""

    wish: When
    start: datetime
    end: datetime

    def allows(self, at: datetime, /) -> bool:
        return self.start <= at < self.end and self.wish.allows(at)


def mark_waiting(
    session: Session,
    catalogue: Catalogue,
    *,
    doctor_id: str,
    start: datetime,
    end: datetime,
    now: datetime,
    lead: timedelta,
    besides: Collection[int] = (),
) -> int:
    """Give a doctor's freed time to those who wait for such a one, the longest waiting first; return to how many.

    A slot is given to one of them. Works in the transaction that freed the time. `besides`: places that get none of it.
    """
    given: set[int] = set()
    waiting = session.scalars(
        select(WaitingRow)
        .where(WaitingRow.status == WaitingStatus.WAITING.value)
        .where(WaitingRow.doctor_id.is_(None) | (WaitingRow.doctor_id == doctor_id))
        .order_by(WaitingRow.created_at, WaitingRow.id)
        .with_for_update()
    ).all()
    for row in waiting:
        if row.id in besides:
            continue
        offer = _fitting(session, catalogue, row, _Freed(_wish(row.wish), start, end), doctor_id, now, lead, given)
        if offer is None:
            continue
        given.add(offer.slot_id)
        row.status = WaitingStatus.TO_OFFER.value
        row.slot_id = offer.slot_id
        row.found_at = now
        log.info("waiting_found", waiting_id=row.id, slot_id=offer.slot_id)
    session.flush()
    return len(given)


def _wish(found: dict[str, Any]) -> Wish:
    return from_json(found)


def _fitting(
    session: Session,
    catalogue: Catalogue,
    row: WaitingRow,
    freed: _Freed,
    doctor_id: str,
    now: datetime,
    lead: timedelta,
    given: set[int],
) -> Offer | None:
    """The first of the freed times that this one waits for and nobody before was given."""
    try:
        offers = find_offers(
            session,
            catalogue,
            now=now,
            earliest=now + lead,
            speciality=row.speciality_id,
            service=row.service_id,
            doctor=doctor_id,
            branch=row.branch_id,
            when=freed,
            limit=len(given) + 1,
            dialog_id="",
        )
    except NotFound:
        return None  # what was waited for has left the catalogue since
    return next((offer for offer in offers if offer.slot_id not in given), None)
