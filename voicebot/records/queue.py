"""The operators' queue: contacts that are handed over now, and those that nobody has settled yet.

Calls that wait for nobody on the line (lost, promised a call-back) are in `call_backs`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.records.appending import locked
from voicebot.records.store import UnknownDialog
from voicebot.records.tables import CallBackRow, DialogRow, HandOverRow
from voicebot.storage.database import Database, insert_missing

#: What is older has been settled by telephone, or never will be.
KEPT = timedelta(hours=12)
_MOST = 200
#: Where nobody can be answered in writing: a telephone rings, Alice ends, a form or an SMS has only a number to call.
_SPOKEN = frozenset({"phone", "alice", "form", "sms"})
#: The channel of messages that were left on the clinic's site: in the queue and among the calls to return at once.
FORM = "form"
#: Outcomes after which the patient is to be called.
UNRETURNED = ("lost", "failed", "callback")


class Result(StrEnum):
    """What came of a hand-over."""

    SOLVED = "solved"
    CALL_BACK = "call_back"
    WRONG = "wrong"  # should not have come to a human, or came to the wrong one


@dataclass(frozen=True, slots=True)
class Waiting:
    """A contact that is, or was, handed over. `since`: from when on the patient waits for a human."""

    dialog_id: str
    started_at: datetime
    since: datetime
    is_running: bool
    channel: str
    caller_phone: str
    reason: str
    transfer_result: str
    summary: Mapping[str, Any]
    outcome: str
    taken_by: str
    taken_at: datetime | None
    result: str
    note: str = ""


class Queue:
    """Reads the queue and notes who took what. Raises StorageError; UnknownDialog."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(self) -> tuple[Waiting, ...]:
        """Return what was handed over in the last hours and is not settled: those on the line first, then the oldest first."""
        oldest = self._clock.now() - KEPT
        since = func.coalesce(HandOverRow.asked_at, DialogRow.started_at)
        query = (
            select(DialogRow, HandOverRow)
            .outerjoin(HandOverRow, HandOverRow.dialog_id == DialogRow.id)
            .where(or_(DialogRow.started_at >= oldest, HandOverRow.asked_at >= oldest))
            .where(DialogRow.transfer_target != "", DialogRow.outcome.not_in(UNRETURNED))
            .where(or_(HandOverRow.result.is_(None), HandOverRow.result == ""))
            .order_by(DialogRow.ended_at.is_not(None), since)
            .limit(_MOST)
        )
        return self._database.run(
            lambda session: tuple(_waiting(dialog, own) for dialog, own in session.execute(query)), is_readonly=True
        )

    def next(self) -> str | None:
        """Return the dialog that has waited longest for somebody to take it, None when nobody waits."""
        return next((one.dialog_id for one in self.open() if not one.taken_by), None)

    def ending_with(self, characters: str, limit: int = 5) -> tuple[Waiting, ...]:
        """Return the contacts of the last hours, handed over or still with the robot, whose ID ends so; newest first."""
        query = (
            select(DialogRow, HandOverRow)
            .outerjoin(HandOverRow, HandOverRow.dialog_id == DialogRow.id)
            .where(DialogRow.started_at >= self._clock.now() - KEPT, DialogRow.id.endswith(characters, autoescape=True))
            .where(or_(DialogRow.transfer_target != "", DialogRow.ended_at.is_(None), DialogRow.outcome.in_(UNRETURNED)))
            .order_by(DialogRow.started_at.desc())
            .limit(limit)
        )
        return self._database.run(
            lambda session: tuple(_waiting(dialog, own) for dialog, own in session.execute(query)), is_readonly=True
        )

    def of(self, dialog_id: str) -> Waiting | None:
        """Return one contact's place, whatever its state; None if there is no such dialog."""
        query = select(DialogRow, HandOverRow).outerjoin(HandOverRow).where(DialogRow.id == dialog_id)
        found = self._database.run(lambda session: session.execute(query).one_or_none(), is_readonly=True)
        return None if found is None else _waiting(found[0], found[1])

    def take(self, dialog_id: str, who: str, *, is_forced: bool = False) -> str:
        """Look after a contact; return who does now: the first one stays, unless `is_forced`. Raises UnknownDialog."""

        def work(session: Session) -> str:
            dialog, row = _rows(session, dialog_id)
            if not row.taken_by or (is_forced and row.taken_by != who):
                self._take(dialog, row, who)
            return row.taken_by

        return self._database.run(work)

    def settle(self, dialog_id: str, who: str, result: Result, note: str = "") -> str:
        """Note what came of it; it leaves the queue. Return who looks after it: for anybody else nothing was changed."""

        def work(session: Session) -> str:
            dialog, row = _rows(session, dialog_id)
            if row.taken_by and row.taken_by != who:
                return row.taken_by
            if not row.taken_by:
                self._take(dialog, row, who)
            now = self._clock.now()
            row.result, row.note, row.closed_at = result.value, note or row.note, now
            if result is not Result.CALL_BACK and dialog.channel == FORM:
                _returned(session, dialog_id, who, now)
            return who

        return self._database.run(work)

    def _take(self, dialog: DialogRow, row: HandOverRow, who: str) -> None:
        now = self._clock.now()
        row.taken_by, row.taken_at = who, now
        if dialog.ended_at is None and is_written(dialog.channel):
            row.active_at = now
            if row.asked_at is None:  # taken from the robot, before it asked
                row.asked_at, row.result = now, ""
                dialog.transfer_target, dialog.reason = "operator", "taken"


def is_written(channel: str) -> bool:
    """Whether an operator can answer there in writing."""
    return channel not in _SPOKEN


def _rows(session: Session, dialog_id: str) -> tuple[DialogRow, HandOverRow]:
    """A contact and its row, locked, the latter made at the first use."""
    dialog = locked(session, dialog_id)
    if dialog is None:
        raise UnknownDialog("There is no such dialog.", "It may have been purged.")
    insert_missing(session, HandOverRow, [{"dialog_id": dialog_id, "taken_by": "", "result": "", "note": "", "said_number": 0}])
    return dialog, session.get_one(HandOverRow, dialog_id, with_for_update=True, populate_existing=True)


def _returned(session: Session, dialog_id: str, who: str, now: datetime) -> None:
    """A form asks for a call: who has settled it has made that call, or decided that none is needed."""
    row = session.get(CallBackRow, dialog_id, with_for_update=True)
    if row is not None and row.done_at is None:
        row.done_at, row.done_by, row.outcome = now, who, "reached"


def _waiting(dialog: DialogRow, own: HandOverRow | None) -> Waiting:
    return Waiting(
        dialog_id=dialog.id,
        started_at=dialog.started_at,
        since=(own.asked_at if own is not None else None) or dialog.started_at,
        is_running=dialog.ended_at is None,
        channel=dialog.channel,
        caller_phone=dialog.caller_phone,
        reason=dialog.reason,
        transfer_result=dialog.transfer_result,
        summary=dict(dialog.summary),
        outcome=dialog.outcome,
        taken_by=own.taken_by if own is not None else "",
        taken_at=own.taken_at if own is not None else None,
        result=own.result if own is not None else "",
        note=own.note if own is not None else "",
    )
