"""Where a patient can be reached besides the telephone, and what he agreed to (FHIR R4 ContactPoint)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.clinic.failures import BadPhone
from voicebot.clinic.tables import ContactPointRow
from voicebot.clock import Clock
from voicebot.russian.phones import parse_phone_digits
from voicebot.storage.database import Database, insert_missing

log = structlog.get_logger(__name__)

#: The phone number is the address: no row is needed for a message there, only for what is said about it.
BY_NUMBER = frozenset({"sms", "viber", "call"})
#: Nobody is reached there who did not say so before: an automatic call needs consent (law 41-FZ).
NEEDS_CONSENT = frozenset({"call"})


@dataclass(frozen=True, slots=True)
class ContactPoint:
    """An address. `system`: sms, telegram, max, viber, push, call. `value`: chat ID, device token, E.164."""

    phone: str
    system: str
    value: str
    verified_at: datetime | None = None
    consent_at: datetime | None = None
    withdrawn_at: datetime | None = None
    refused_at: datetime | None = None
    allows_details: bool = False

    @property
    def is_usable(self) -> bool:
        """Not withdrawn by the patient, not refused by the provider; agreed to, where that is needed."""
        if self.withdrawn_at is not None or self.refused_at is not None:
            return False
        return self.consent_at is not None or self.system not in NEEDS_CONSENT


class ContactPoints:
    """Reads and changes addresses. Safe to use from many threads and processes. Raises BadPhone, StorageError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def link(
        self,
        phone: str,
        system: str,
        value: str = "",
        *,
        is_verified: bool = False,
        has_consent: bool = False,
        allows_details: bool | None = None,
        source: str = "",
    ) -> ContactPoint:
        """Say that this address is of who has that phone number; again: renewed, also after a withdrawal or a refusal.

        `value`: empty where the number itself is the address. `is_verified`: proved (a shared contact, a PIN), and only a
        proved link takes a chat away from another number. `source`: dialog ID, login or import the consent comes from.
        """
        number = _e164(phone)
        address = value or number

        def work(session: Session) -> ContactPoint:
            now = self._clock.now()
            row = _row(session, number, system, address, now)
            row.withdrawn_at = row.refused_at = None
            if is_verified:
                row.verified_at = now
                _take_from_others(session, row, now)
            if has_consent:
                row.consent_at = now
            if allows_details is not None:
                row.allows_details = allows_details
            row.source = source or row.source
            session.flush()
            return _point(row)

        point = self._database.run(work)
        log.info("contact_point_linked", system=system, is_verified=is_verified, has_consent=has_consent)
        return point

    def withdraw(self, phone: str, system: str, value: str = "", source: str = "") -> None:
        """The patient wants nothing there any more; remembered, also for an address that we did not know."""
        number = _e164(phone)

        def work(session: Session) -> None:
            row = _row(session, number, system, value or number, self._clock.now())
            row.withdrawn_at, row.consent_at = self._clock.now(), None
            row.source = source or row.source

        self._database.run(work)
        log.info("contact_point_withdrawn", system=system)

    def withdraw_address(self, system: str, value: str) -> int:
        """The same for whoever has that address ("/stop" in a chat); return how many numbers that were."""

        def work(session: Session) -> int:
            query = select(ContactPointRow).where(ContactPointRow.system == system, ContactPointRow.value == value)
            rows = session.scalars(query.where(ContactPointRow.withdrawn_at.is_(None))).all()
            for row in rows:
                row.withdrawn_at, row.consent_at = self._clock.now(), None
            return len(rows)

        return self._database.run(work)

    def refused(self, system: str, value: str) -> None:
        """The provider says that nothing gets there (blocked, gone): not tried again until linked anew."""
        self._database.run(lambda session: mark_refused(session, system, value, self._clock.now()))

    def of(self, phone: str) -> tuple[ContactPoint, ...]:
        """Return all addresses of a number, those proved last first; withdrawn and refused ones too."""
        number = _e164(phone)
        return self._database.run(lambda session: points_of(session, number), is_readonly=True)

    def phone_of(self, system: str, value: str) -> str | None:
        """Return the number that an address was proved to belong to, None when it is not known."""
        return self._database.run(lambda session: phone_of(session, system, value), is_readonly=True)


def points_of(session: Session, phone: str) -> tuple[ContactPoint, ...]:
    """The same as ContactPoints.of, in the caller's transaction. `phone` is E.164."""
    rows = session.scalars(select(ContactPointRow).where(ContactPointRow.phone == phone)).all()
    rows = sorted(rows, key=lambda row: (row.verified_at or row.created_at, row.id), reverse=True)
    return tuple(_point(row) for row in rows)


def phone_of(session: Session, system: str, value: str) -> str | None:
    """The same as ContactPoints.phone_of, in the caller's transaction."""
    rows = session.scalars(
        select(ContactPointRow)
        .where(ContactPointRow.system == system, ContactPointRow.value == value, ContactPointRow.verified_at.is_not(None))
        .order_by(ContactPointRow.verified_at.desc(), ContactPointRow.id.desc())
    )
    return next((row.phone for row in rows), None)


def address_for(points: Iterable[ContactPoint], system: str, phone: str) -> ContactPoint | None:
    """Return where to write to in a system, None when nowhere. `points`: as `points_of` gives them.

    A number is its own address in SMS and Viber, unless it was withdrawn or refused there; a call needs consent.
    """
    known = [point for point in points if point.system == system]
    usable = next((point for point in known if point.is_usable), None)
    if usable is not None or system not in BY_NUMBER or system in NEEDS_CONSENT or known:
        return usable
    return ContactPoint(phone, system, phone)


def mark_refused(session: Session, system: str, value: str, now: datetime) -> None:
    """The same as ContactPoints.refused, in the caller's transaction. Addresses without a row are left alone."""
    for row in session.scalars(select(ContactPointRow).where(ContactPointRow.system == system, ContactPointRow.value == value)):
        row.refused_at = row.refused_at or now


def _take_from_others(session: Session, mine: ContactPointRow, now: datetime) -> None:
    """A chat or a device is one person's: who proved it last. A withdrawn row says so, and is not followed any more."""
    if mine.system in BY_NUMBER:
        return
    others = select(ContactPointRow).where(
        ContactPointRow.system == mine.system, ContactPointRow.value == mine.value, ContactPointRow.phone != mine.phone
    )
    for row in session.scalars(others):
        row.withdrawn_at = row.withdrawn_at or now
        row.verified_at = None


def _row(session: Session, phone: str, system: str, value: str, now: datetime) -> ContactPointRow:
    """The row, locked, made at the first use."""
    new = {
        "phone": phone, "system": system, "value": value, "allows_details": False, "source": "", "created_at": now,
    }  # fmt: skip
    insert_missing(session, ContactPointRow, [new])
    query = select(ContactPointRow).where(
        ContactPointRow.phone == phone, ContactPointRow.system == system, ContactPointRow.value == value
    )
    return session.scalars(query.with_for_update()).one()


def _e164(phone: str) -> str:
    number = parse_phone_digits(phone)
    if number is None:
        raise BadPhone
    return number


def _point(row: ContactPointRow) -> ContactPoint:
    return ContactPoint(
        row.phone, row.system, row.value, row.verified_at, row.consent_at, row.withdrawn_at, row.refused_at, row.allows_details
    )
