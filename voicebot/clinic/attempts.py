"""Failed identifications across calls: nobody guesses names or birth dates one call after another.

Counted per phone number (the caller's, and the one that is asked about) and in the whole clinic, over a sliding hour, in the
database: a restart forgets nothing. Who is refused learns nothing by it: a right guess is refused alike.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from voicebot.clinic.failures import NotFound, NotIdentified, TooManyAttempts
from voicebot.clinic.tables import FailedIdentityRow
from voicebot.clock import Clock
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

T = TypeVar("T")

_KEPT = timedelta(days=1)
CLINIC = ""  # the key under which every failure is counted once more


@dataclass(frozen=True, slots=True)
class AttemptLimits:
    """Failures within `window` after which nobody is identified by the robot: of one number, of the whole clinic."""

    of_number: int = 5
    of_clinic: int = 60
    window: timedelta = timedelta(hours=1)


class Attempts:
    """Safe to use from many threads and processes at once."""

    def __init__(self, database: Database, clock: Clock, limits: AttemptLimits | None = None) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits or AttemptLimits()

    def guard(self, phones: Iterable[str | None], identify: Callable[[], T]) -> T:
        """Return what `identify` returns. Raises TooManyAttempts without asking it where there were too many failures.

        Its NotIdentified or NotFound is a failure: counted, and raised on.
        """
        keys = sorted({hashed(phone) for phone in phones if phone})
        self._check(keys)
        try:
            return identify()
        except (NotIdentified, NotFound):
            self._count([*keys, CLINIC])
            raise

    def _check(self, keys: list[str]) -> None:
        since = self._clock.now() - self._limits.window

        def work(session: Session) -> dict[str, int]:
            query = (
                select(FailedIdentityRow.key, func.count())
                .where(FailedIdentityRow.key.in_([*keys, CLINIC]), FailedIdentityRow.at > since)
                .group_by(FailedIdentityRow.key)
            )
            return {key: int(count) for key, count in session.execute(query)}

        counts = self._database.run(work, is_readonly=True)
        is_clinic = counts.pop(CLINIC, 0) >= self._limits.of_clinic
        if is_clinic or any(count >= self._limits.of_number for count in counts.values()):
            log.warning("identification_refused", scope="clinic" if is_clinic else "number")
            raise TooManyAttempts

    def _count(self, keys: list[str]) -> None:
        now = self._clock.now()

        def work(session: Session) -> None:
            session.execute(delete(FailedIdentityRow).where(FailedIdentityRow.at < now - _KEPT))
            session.add_all(FailedIdentityRow(key=key, at=now) for key in keys)

        self._database.run(work)


def hashed(phone: str) -> str:
    """What stands for a number in the table, so that none is kept in the clear."""
    digits = "".join(character for character in phone if character.isdigit())[-10:]
    return hashlib.blake2b(digits.encode(), digest_size=16, person=b"vb-attempts").hexdigest()
