"""Calls that the robot makes: put in the queue by whoever reminds, claimed by brains, dialled at most once at a time."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voicebot.clinic.call_tables import OutgoingCallRow
from voicebot.clinic.failures import BadPhone, KeyReused
from voicebot.clock import Clock
from voicebot.russian.phones import parse_phone_digits
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

#: A brain that has not renewed its claim for so long is dead, and so is its call.
LEASE_SECONDS = 30.0


class CallStatus(StrEnum):
    QUEUED = "queued"
    CLAIMED = "claimed"  # a brain has it; not dialled yet
    DIALING = "dialing"
    TALKING = "talking"
    DONE = "done"


class CallResult(StrEnum):
    """What came of a call, in the end."""

    CONFIRMED = "confirmed"
    MOVED = "moved"
    CANCELLED = "cancelled"
    REFUSED = "refused"  # no more such calls
    WRONG_NUMBER = "wrong_number"  # the number is somebody else's, or nobody's
    ANSWERED = "answered"  # somebody was there; nothing of the above came of it
    MACHINE = "machine"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"  # the network, not the patient
    FORBIDDEN = "forbidden"  # such numbers may not be dialled here
    EXPIRED = "expired"  # there was no line for it in its time
    WITHDRAWN = "withdrawn"
    FAILED = "failed"  # we failed


#: Another try may do better.
WORTH_ANOTHER = frozenset({CallResult.BUSY, CallResult.NO_ANSWER, CallResult.UNREACHABLE})


@dataclass(frozen=True, slots=True)
class OutgoingCall:
    """A call as it stands. `result` is "" until it is done."""

    id: int
    key: str
    phone: str
    form: str
    given: Mapping[str, Any]
    not_before: datetime
    not_after: datetime
    status: str
    result: str
    attempts: int
    dialog_id: str
    done_at: datetime | None


class OutgoingCalls:
    """Safe to use from many threads and processes at once."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # -- for whoever wants a call made ------------------------------------------------------------------------------------

    def put(
        self,
        key: str,
        phone: str,
        form: str,
        given: Mapping[str, Any],
        not_before: datetime,
        not_after: datetime,
        *,
        tries: int = 1,
        retry_seconds: int = 900,
    ) -> OutgoingCall:
        """Queue a call; the same `key` again returns the same one. `given` is JSON. Raises BadPhone, KeyReused."""
        number = parse_phone_digits(phone)
        if number is None:
            raise BadPhone

        def work(session: Session) -> OutgoingCall:
            row = session.scalar(select(OutgoingCallRow).where(OutgoingCallRow.key == key))
            if row is None:
                row = OutgoingCallRow(
                    key=key,
                    phone=number,
                    form=form,
                    given=dict(given),
                    not_before=not_before,
                    not_after=not_after,
                    tries=tries,
                    retry_seconds=retry_seconds,
                    status=CallStatus.QUEUED.value,
                    result="",
                    attempts=0,
                    claimed_by="",
                    dialog_id="",
                    created_at=self._clock.now(),
                )
                session.add(row)
                session.flush()
            elif (row.form, row.phone) != (form, number):
                raise KeyReused
            return _told(row)

        call = self._database.run(work)
        log.info("call_queued", call=call.id, form=form)
        return call

    def of(self, keys: Collection[str]) -> dict[str, OutgoingCall]:
        """Return what is known of these calls, in one question to the database."""
        query = select(OutgoingCallRow).where(OutgoingCallRow.key.in_(list(keys)))
        return self._database.run(lambda session: {row.key: _told(row) for row in session.scalars(query)}, is_readonly=True)

    def get(self, key: str) -> OutgoingCall | None:
        return self.of([key]).get(key)

    def done_after(self, since: tuple[datetime, int] | None, limit: int = 200) -> tuple[OutgoingCall, ...]:
        """Return finished calls in the order they ended, those after (`done_at`, `id`) of the last one seen."""
        query = select(OutgoingCallRow).where(OutgoingCallRow.done_at.is_not(None))
        if since is not None:
            at, last = since
            is_later = (OutgoingCallRow.done_at == at) & (OutgoingCallRow.id > last)
            query = query.where((OutgoingCallRow.done_at > at) | is_later)
        query = query.order_by(OutgoingCallRow.done_at, OutgoingCallRow.id).limit(limit)
        return self._database.run(lambda session: tuple(map(_told, session.scalars(query))), is_readonly=True)

    def withdraw(self, key: str) -> bool:
        """Take back a call that nobody dials yet; return whether it will surely not be made."""

        def work(session: Session) -> bool:
            row = session.scalar(select(OutgoingCallRow).where(OutgoingCallRow.key == key).with_for_update())
            if row is not None and row.status in (CallStatus.QUEUED.value, CallStatus.CLAIMED.value):
                _finish(row, CallResult.WITHDRAWN, self._clock.now())
            return row is None or row.result == CallResult.WITHDRAWN.value

        return self._database.run(work)

    # -- for who makes calls ----------------------------------------------------------------------------------------------

    def claim(self, holder: str, limit: int = 1) -> tuple[OutgoingCall, ...]:
        """Take calls that are due, each for one holder. What is overdue, or whose holder died, is settled first."""

        def work(session: Session) -> tuple[OutgoingCall, ...]:
            now = self._clock.now()
            _settle(session, now)
            rows = session.scalars(
                select(OutgoingCallRow)
                .where(
                    OutgoingCallRow.done_at.is_(None),
                    OutgoingCallRow.status == CallStatus.QUEUED.value,
                    OutgoingCallRow.not_before <= now,
                    OutgoingCallRow.not_after > now,
                )
                .order_by(OutgoingCallRow.not_before, OutgoingCallRow.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            ).all()
            for row in rows:
                row.status, row.claimed_by = CallStatus.CLAIMED.value, holder
                row.leased_until = now + timedelta(seconds=LEASE_SECONDS)
            return tuple(map(_told, rows))

        return self._database.run(work)

    def dial(self, call_id: int, holder: str, dialog_id: str) -> bool:
        """It is about to be dialled; False: do not (withdrawn, or held by somebody else)."""

        def work(session: Session) -> bool:
            row = _held(session, call_id, holder)
            if row is None or row.status != CallStatus.CLAIMED.value:
                return False
            row.status, row.dialog_id = CallStatus.DIALING.value, dialog_id
            row.attempts += 1
            row.leased_until = self._clock.now() + timedelta(seconds=LEASE_SECONDS)
            return True

        return self._database.run(work)

    def talk(self, call_id: int, holder: str, dialog_id: str) -> None:
        """It was answered; `dialog_id` is where it is told."""

        def work(session: Session) -> None:
            row = _held(session, call_id, holder)
            if row is not None:
                row.status, row.dialog_id = CallStatus.TALKING.value, dialog_id
                row.leased_until = self._clock.now() + timedelta(seconds=LEASE_SECONDS)

        self._database.run(work)

    def renew(self, holder: str, call_ids: Collection[int]) -> None:
        """The holder lives, and so do its calls."""
        leased_until = self._clock.now() + timedelta(seconds=LEASE_SECONDS)
        change = (
            update(OutgoingCallRow)
            .where(
                OutgoingCallRow.id.in_(list(call_ids)),
                OutgoingCallRow.claimed_by == holder,
                OutgoingCallRow.done_at.is_(None),
            )
            .values(leased_until=leased_until)
        )
        self._database.run(lambda session: session.execute(change) and None)

    def put_back(self, call_id: int, holder: str, seconds: float) -> None:
        """There is no line for it now: try again after so long. Nobody was called."""

        def work(session: Session) -> None:
            row = _held(session, call_id, holder)
            if row is not None:
                if row.status == CallStatus.DIALING.value:
                    row.attempts -= 1
                _queue_again(row, self._clock.now() + timedelta(seconds=seconds))

        self._database.run(work)

    def finish(self, call_id: int, holder: str, result: CallResult) -> None:
        """Say what came of it. A call that nobody took is tried again, if it may be."""

        def work(session: Session) -> bool:
            row = _held(session, call_id, holder)
            if row is not None:
                _end(row, result, self._clock.now())
            return row is not None

        if self._database.run(work):
            log.info("call_out_ended", call=call_id, result=result.value)


def _held(session: Session, call_id: int, holder: str) -> OutgoingCallRow | None:
    """The row, locked, if the holder still has it."""
    row = session.scalar(select(OutgoingCallRow).where(OutgoingCallRow.id == call_id).with_for_update())
    return row if row is not None and row.done_at is None and row.claimed_by == holder else None


def _settle(session: Session, now: datetime) -> None:
    """Calls whose holder died, and calls whose time is over."""
    left = select(OutgoingCallRow).where(OutgoingCallRow.done_at.is_(None), OutgoingCallRow.leased_until < now)
    for row in session.scalars(left.with_for_update(skip_locked=True)):
        if row.status == CallStatus.CLAIMED.value:
            _queue_again(row, row.not_before)
        else:
            # It rang or was answered, and nobody knows more: the patient is not called again for our failure.
            _finish(row, CallResult.FAILED, now)
    over = select(OutgoingCallRow).where(
        OutgoingCallRow.done_at.is_(None),
        OutgoingCallRow.status == CallStatus.QUEUED.value,
        OutgoingCallRow.not_after <= now,
    )
    for row in session.scalars(over.with_for_update(skip_locked=True)):
        _finish(row, CallResult(row.result) if row.result else CallResult.EXPIRED, now)
    session.flush()


def _end(row: OutgoingCallRow, result: CallResult, now: datetime) -> None:
    again = now + timedelta(seconds=row.retry_seconds)
    if result in WORTH_ANOTHER and row.attempts < row.tries and again < row.not_after:
        row.result = result.value  # of the last try, should there be no line for another
        _queue_again(row, again)
    else:
        _finish(row, result, now)


def _queue_again(row: OutgoingCallRow, not_before: datetime) -> None:
    row.status, row.claimed_by, row.leased_until = CallStatus.QUEUED.value, "", None
    row.not_before = not_before


def _finish(row: OutgoingCallRow, result: CallResult, now: datetime) -> None:
    row.status, row.result, row.done_at = CallStatus.DONE.value, result.value, now
    row.leased_until = None


def _told(row: OutgoingCallRow) -> OutgoingCall:
    result = row.result if row.done_at is not None else ""
    return OutgoingCall(
        row.id, row.key, row.phone, row.form, dict(row.given), row.not_before, row.not_after, row.status, result,
        row.attempts, row.dialog_id, row.done_at,
    )  # fmt: skip
