"""Calls that a machine took with it when it died: an outcome, a place among the calls to return, a message to the patient."""

from datetime import timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.clinic.outbox import enqueue
from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.records import presence
from voicebot.records.tables import DialogRow
from voicebot.russian.phones import parse_phone_digits
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

TEMPLATE = "dialog_number"
_TOLD_WITHIN = timedelta(minutes=15)
_USEFUL = timedelta(hours=1)
_LOST = ("lost", "failed")
_MOBILE = "+79"  # a message to a landline is thrown away, and paid


class LostCalls:
    """Looks after calls whose process is gone. Several may look at the same time.

    While the database was away nobody could say that he lives: processes are believed dead only when the database has
    answered us for as long as it takes everybody to say so.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._answers_since_seconds: float | None = None

    def look(self, of_node: str = "") -> int:
        """Settle the calls of dead processes and tell patients of lost ones; return how many were settled.

        `of_node`: this machine has just started, so nothing that it served before lives. Raises StorageError.
        """
        now, tick = self._clock.now(), self._clock.monotonic_seconds()
        try:
            if self._answers_since_seconds is None:
                self._database.check()
                self._answers_since_seconds = tick
            is_believed = tick - self._answers_since_seconds >= presence.GONE.total_seconds() + presence.BEAT_SECONDS
            settled = self._database.run(lambda session: presence.settle(session, now, of_node, believes_silence=is_believed))
            self._database.run(self._tell)
        except StorageError:
            self._answers_since_seconds = None
            raise
        if settled:
            log.error("calls_lost_with_their_robot", calls=len(settled), cure="They stand among the calls to return.")
        return len(settled)

    def _tell(self, session: Session) -> None:
        """Whoever was lost may say this number to the operator. Once a dialog: the key sees to it."""
        now = self._clock.now()
        lost = select(DialogRow).where(
            DialogRow.ended_at > now - _TOLD_WITHIN,
            DialogRow.outcome.in_(_LOST),
            DialogRow.channel == "phone",
            DialogRow.direction == "in",
            DialogRow.caller_phone.startswith(_MOBILE, autoescape=True),
        )
        for dialog in session.scalars(lost):
            if parse_phone_digits(dialog.caller_phone) is not None:
                key = f"lost:{dialog.id}"
                enqueue(session, now, TEMPLATE, dialog.caller_phone, {}, dialog.id, key, expires_at=now + _USEFUL)
