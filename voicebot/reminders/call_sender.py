"""The last channel: the robot calls. A call is put in the queue of clinic.outgoing_calls; what came of it becomes a receipt."""

import asyncio
from collections.abc import Callable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.clinic.contact_points import address_for, points_of
from voicebot.clinic.failures import BadPhone
from voicebot.clinic.outgoing_calls import CallResult, OutgoingCall, OutgoingCalls
from voicebot.clinic.tables import MessageRow
from voicebot.clock import Clock
from voicebot.messages.guards import why_not
from voicebot.messages.receipts import Receipts
from voicebot.messages.senders.sender import Accepted, Channel, Listener, Outgoing, Receipt, ReceiptStatus, Refused, Unavailable
from voicebot.messages.tables import DeliveryRow, DeliveryStatus
from voicebot.reminders.answers import WORDS, note_answer
from voicebot.settings import Cascade
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

PROVIDER = "robot"
FORM = "reminder"
#: Somebody heard it.
_HEARD = frozenset(
    {
        CallResult.CONFIRMED,
        CallResult.MOVED,
        CallResult.CANCELLED,
        CallResult.REFUSED,
        CallResult.WRONG_NUMBER,
        CallResult.ANSWERED,
    }
)
_OPEN_FOR = timedelta(days=2)


class CallSender:
    """A Sender. The queue knows a key again: a repetition is the same call."""

    provider = PROVIDER
    channel = Channel.CALL
    is_idempotent = True

    def __init__(self, database: Database, clock: Clock, settings: Cascade, zone_of: Callable[[str], str]) -> None:
        self._database = database
        self._clock = clock
        self._last = time.fromisoformat(settings.call_day.split("-")[1])
        self._zone_of = zone_of
        self._calls = OutgoingCalls(database, clock)

    async def open(self, listener: Listener) -> None:
        """What comes back is read by `CallResults`."""

    async def close(self) -> None:
        """Nothing is kept open."""

    async def send(self, outgoing: Outgoing) -> Accepted:
        return await asyncio.to_thread(self._put, outgoing)

    def _put(self, outgoing: Outgoing) -> Accepted:
        now = self._clock.now()

        def read(session: Session) -> tuple[MessageRow | None, bool]:
            row = session.get(MessageRow, outgoing.message_id)
            point = None if row is None else address_for(points_of(session, row.phone), Channel.CALL, row.phone)
            return row, point is not None and point.allows_details

        row, allows_details = self._database.run(read, is_readonly=True)
        if row is None or row.appointment_id is None:
            raise Refused("There is no visit to call about.", code="no_visit")
        until = min(outgoing.expires_at or now + timedelta(hours=1), self._closing(row.branch_id, now))
        given = {"appointment_id": row.appointment_id, "reminder_details": allows_details}
        if until <= now:
            raise Unavailable("It is too late to call today.", code="too_late")
        try:
            self._calls.put(outgoing.key, outgoing.address, FORM, given, now, until)
        except BadPhone:
            raise Refused("The number cannot be dialled.", code="bad_number") from None
        return Accepted(PROVIDER, outgoing.key)

    def _closing(self, branch_id: str, now: datetime) -> datetime:
        """When the day ends on which patients may be called, on the branch's clock."""
        zone = ZoneInfo(self._zone_of(branch_id))
        return datetime.combine(now.astimezone(zone).date(), self._last, zone)


class CallResults:
    """Turns ended calls into receipts and answers, and takes back calls about visits that are off."""

    def __init__(self, database: Database, clock: Clock, receipts: Receipts) -> None:
        self._database = database
        self._clock = clock
        self._receipts = receipts
        self._calls = OutgoingCalls(database, clock)

    def tick(self) -> int:
        """Look at calls whose end is not known; return how many have ended. Raises StorageError."""
        open_calls = self._database.run(self._open, is_readonly=True)
        if not open_calls:
            return 0
        known = self._calls.of([key for key, _, _ in open_calls])
        count = 0
        for key, message_id, is_off in open_calls:
            call = known.get(key)
            if call is None:
                continue
            if call.done_at is not None:
                self._ended(call, message_id)
                count += 1
            elif is_off and self._calls.withdraw(key):
                log.info("call_withdrawn", message_id=message_id)
        return count

    def _open(self, session: Session) -> list[tuple[str, int, bool]]:
        now = self._clock.now()
        query = (
            select(DeliveryRow.key, MessageRow.id, MessageRow.appointment_id)
            .join(MessageRow, MessageRow.id == DeliveryRow.message_id)
            .where(DeliveryRow.channel == Channel.CALL.value, DeliveryRow.status == DeliveryStatus.ACCEPTED.value)
            .where(DeliveryRow.created_at > now - _OPEN_FOR)
        )
        return [
            (key, message_id, visit is not None and bool(why_not(session, visit, None, now)))
            for key, message_id, visit in session.execute(query)
        ]

    def _ended(self, call: OutgoingCall, message_id: int) -> None:
        status = ReceiptStatus.READ if call.result in _HEARD else ReceiptStatus.UNDELIVERED
        at = call.done_at or self._clock.now()
        if call.result in WORDS:
            self._database.run(
                lambda session: note_answer(session, self._clock.now(), message_id, call.result, Channel.CALL.value)
            )
        self._receipts.record(Receipt(PROVIDER, call.key, status, at, call.result))
