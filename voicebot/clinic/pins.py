"""PIN codes: a short code by SMS proves that a number is the patient's, where the channel does not (web chat).

A code is good once, in the dialog it was asked for, for some minutes and a few tries; it is kept hashed. Codes are limited per
number and in the whole clinic, so that nobody rings a stranger's phone all night or runs up a bill. Whether a number is known
to the clinic is never told by any of this.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from voicebot import settings as settings_module
from voicebot.clinic.attempts import hashed
from voicebot.clinic.bookings import e164
from voicebot.clinic.failures import ServiceFailure
from voicebot.clinic.outbox import enqueue
from voicebot.clinic.pin_tables import PinRow
from voicebot.clinic.tables import MessageRow
from voicebot.clock import Clock
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

TEMPLATE = "pin"
_HOUR = timedelta(hours=1)
KEPT = timedelta(days=1)


class TooManyCodes(ServiceFailure):
    """That number, or the whole clinic, got enough codes for now."""

    code = "too_many_codes"


class WrongCode(ServiceFailure):
    """Not that code; another try is left."""

    code = "wrong_code"


class CodeExpired(ServiceFailure):
    """There is no code that could be right: none was sent, it is too old, was used, or was guessed at too often."""

    code = "code_expired"


@dataclass(frozen=True, slots=True)
class PinLimits:
    """As settings.Pins."""

    digits: int = 5
    valid: timedelta = timedelta(seconds=300)
    tries: int = 3
    per_number_an_hour: int = 3
    per_clinic_an_hour: int = 200


def limits_of(settings: settings_module.Pins) -> PinLimits:
    """The limits of the settings."""
    return PinLimits(
        digits=settings.digits,
        valid=timedelta(seconds=settings.valid_seconds),
        tries=settings.tries,
        per_number_an_hour=settings.per_number_an_hour,
        per_clinic_an_hour=settings.per_clinic_an_hour,
    )


@dataclass(frozen=True, slots=True)
class PinSent:
    """A code is on its way."""

    digits: int
    minutes: int


def _random_code(digits: int) -> str:
    return f"{secrets.randbelow(10**digits):0{digits}}"


class Pins:
    """Safe to use from many threads and processes at once."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        limits: PinLimits | None = None,
        draw: Callable[[int], str] = _random_code,
    ) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits or PinLimits()
        self._draw = draw

    def send(self, phone: str, dialog_id: str, key: str) -> PinSent:
        """Send a code to a number; the same `key` again sends none. Raises BadPhone, TooManyCodes."""
        number = e164(phone)
        now, limits = self._clock.now(), self._limits
        code = self._draw(limits.digits)
        salt = secrets.token_hex(16)
        digest = _digest(code, salt)
        phone_key = hashed(number)

        minutes = max(1, round(limits.valid.total_seconds() / 60))

        def work(session: Session) -> None:
            if session.scalar(select(PinRow.id).where(PinRow.key == key)) is not None:
                return
            self._forget(session)
            recent = select(func.count()).select_from(PinRow).where(PinRow.created_at > now - _HOUR)
            of_number = session.scalar(recent.where(PinRow.phone_key == phone_key)) or 0
            in_all = session.scalar(recent) or 0
            if of_number >= limits.per_number_an_hour or in_all >= limits.per_clinic_an_hour:
                log.warning("pin_refused", scope="number" if of_number >= limits.per_number_an_hour else "clinic")
                raise TooManyCodes
            # An earlier code of this dialog is void: only the last one that came counts.
            session.execute(
                update(PinRow).where(PinRow.phone_key == phone_key, PinRow.dialog_id == dialog_id).values(tries_left=0)
            )
            session.add(
                PinRow(
                    key=key, phone_key=phone_key, dialog_id=dialog_id, salt=salt, digest=digest, tries_left=limits.tries,
                    created_at=now, expires_at=now + limits.valid,
                )
            )  # fmt: skip
            values = {"code": code, "minutes": minutes}
            enqueue(session, now, TEMPLATE, number, values, dialog_id, f"pin:{key}", expires_at=now + limits.valid)

        self._database.run(work)
        log.info("pin_sent", dialog_id=dialog_id)
        return PinSent(limits.digits, minutes)

    def check(self, phone: str, code: str, dialog_id: str) -> str:
        """Return the number (E.164) that is proven now. Raises BadPhone, WrongCode, CodeExpired."""
        number = e164(phone)
        typed = "".join(character for character in code if character.isdigit())
        if not typed:
            raise WrongCode  # no guess at all: it costs no try
        now, phone_key = self._clock.now(), hashed(number)

        def work(session: Session) -> bool:
            row = session.scalar(
                select(PinRow)
                .where(PinRow.phone_key == phone_key, PinRow.dialog_id == dialog_id)
                .order_by(PinRow.id.desc())
                .limit(1)
                .with_for_update()
            )
            if row is None or row.tries_left <= 0 or row.expires_at <= now:
                raise CodeExpired
            row.tries_left -= 1
            if not hmac.compare_digest(_digest(typed, row.salt), row.digest):
                return False
            row.tries_left = 0  # good once
            session.execute(
                update(MessageRow)
                .where(MessageRow.template == TEMPLATE, MessageRow.key == f"pin:{row.key}")
                .values(values={"code": "", "minutes": 0})
            )
            return True

        # A wrong guess is committed, so it counts though it fails.
        if not self._database.run(work):
            log.info("pin_wrong", dialog_id=dialog_id)
            raise WrongCode
        log.info("pin_right", dialog_id=dialog_id)
        return number

    def _forget(self, session: Session) -> None:
        """Old rows go, and codes that can be of no use any more go out of the outbox."""
        now = self._clock.now()
        session.execute(delete(PinRow).where(PinRow.created_at < now - KEPT))
        session.execute(
            update(MessageRow)
            .where(
                MessageRow.template == TEMPLATE,
                MessageRow.created_at < now - self._limits.valid,
                MessageRow.created_at > now - KEPT,
            )
            .values(values={"code": "", "minutes": 0})
        )


def forget_number(session: Session, phone: str) -> None:
    """Delete what is kept of a number's codes. For erasing a person."""
    session.execute(delete(PinRow).where(PinRow.phone_key == hashed(phone)))


def _digest(code: str, salt: str) -> str:
    """Slow on purpose: whoever reads the table in time must not have all codes tried in a moment."""
    return hashlib.scrypt(code.encode(), salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=32).hex()
