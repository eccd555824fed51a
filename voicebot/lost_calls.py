"""Calls that a machine took with it when it died: an outcome, a place among the calls to return, a message to the patient."""

from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy import or_, select
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

    While the database was away nobody could say that he lives: then all silence is counted anew.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._watch = presence.Watch()

    def look(self, of_node: str = "") -> int:
        """Settle the calls of dead processes and tell patients of lost ones; return how many were settled.

        To be called every `presence.BEAT_SECONDS`. `of_node`: this machine has just started, so nothing that it served
        before lives. Raises StorageError.
        """
        now, tick = self._clock.now(), self._clock.monotonic_seconds()
        try:
            settled = self._database.run(lambda session: presence.settle(session, now, of_node, self._watch, tick))
            self._database.run(lambda session: self._tell(session, settled))
        except StorageError:
            self._watch = presence.Watch()
            raise
        if settled:
            log.error("calls_lost_with_their_robot", calls=len(settled), cure="They stand among the calls to return.")
        return len(settled)

    def _tell(self, session: Session, settled: Sequence[str]) -> None:
        """Whoever was lost may say this number to the operator. Once a dialog: the key sees to it."""
        now = self._clock.now()
        lost = select(DialogRow).where(
            or_(DialogRow.ended_at > now - _TOLD_WITHIN, DialogRow.id.in_(settled)),  # clocks of machines differ
            DialogRow.outcome.in_(_LOST),
            DialogRow.channel == "phone",
            DialogRow.direction == "in",
            DialogRow.caller_phone.startswith(_MOBILE, autoescape=True),
        )
        for dialog in session.scalars(lost):
            if parse_phone_digits(dialog.caller_phone) is not None:
                key = f"lost:{dialog.id}"
                enqueue(session, now, TEMPLATE, dialog.caller_phone, {}, dialog.id, key, expires_at=now + _USEFUL)
