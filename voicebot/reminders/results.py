"""A word to the patient when a laboratory order is ready: that it is, never what came out."""

from datetime import timedelta

import structlog
from sqlalchemy import exists, literal, select
from sqlalchemy.orm import Session

from voicebot.clinic.failures import BadPhone
from voicebot.clinic.outbox import enqueue
from voicebot.clinic.tables import LabOrderRow, MessageRow
from voicebot.clock import Clock
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

TEMPLATE = "results_ready"
#: What became ready longer ago is known already, or nobody sent messages then.
_NEWS = timedelta(hours=24)
#: An order that came in so long after it was ready is of an old list.
_LATE_IMPORT = timedelta(hours=6)
_USEFUL = timedelta(days=3)
_BATCH = 100
_KEY = "results/"


class ReadyResults:
    """Queues the messages; each order has one, by its key. Raises StorageError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def tick(self) -> int:
        """Queue what became ready; return how many messages."""
        if not self._database.run(self._new, is_readonly=True):
            return 0
        count = self._database.run(self._queue)
        log.info("results_ready_queued", count=count)
        return count

    def _new(self, session: Session) -> list[LabOrderRow]:
        now = self._clock.now()
        rows = session.scalars(
            select(LabOrderRow)
            .where(LabOrderRow.ready_at > now - _NEWS, LabOrderRow.ready_at <= now)
            .where(~exists().where(MessageRow.key == literal(_KEY) + LabOrderRow.number))
            .order_by(LabOrderRow.ready_at)
            .limit(_BATCH)
        )
        return [row for row in rows if row.ready_at is not None and row.created_at - row.ready_at <= _LATE_IMPORT]

    def _queue(self, session: Session) -> int:
        now = self._clock.now()
        count = 0
        for order in self._new(session):
            try:
                enqueue(
                    session,
                    now,
                    TEMPLATE,
                    order.phone,
                    {"number": order.number, "branch": order.branch_id or None},
                    "",
                    _KEY + order.number,
                    branch_id=order.branch_id,
                    is_urgent=False,
                    expires_at=now + _USEFUL,
                )
                count += 1
            except BadPhone:
                log.warning("order_without_number")
        return count
