"""Calls that are to be returned: promised by an operator or by the robot, or lost. Who does it, and what came of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.records.queue import FORM, UNRETURNED, Result
from voicebot.records.store import UnknownDialog
from voicebot.records.tables import CallBackRow, DialogRow, HandOverRow
from voicebot.russian.phones import parse_phone_digits
from voicebot.storage.database import Database, insert_missing

#: Who was lost longer ago has found another way.
KEPT = timedelta(days=3)
_MOST = 300
_LABEL = "телефон"  # summaries are labelled by the dialplans: "телефон", "телефон для звонка"


class Returned(StrEnum):
    """What came of calling back."""

    REACHED = "reached"
    GAVE_UP = "gave_up"  # not reached, and nobody will try again


@dataclass(frozen=True, slots=True)
class CallBack:
    """A call to return. `since`: from when on the patient waits. `called_again`: a later contact from the same number."""

    dialog_id: str
    since: datetime
    phone: str
    channel: str
    outcome: str  # of the dialog
    reason: str
    summary: Mapping[str, Any]
    due_at: datetime | None
    note: str
    assigned_to: str
    tries: int
    last_try_at: datetime | None
    calls: int = 1  # how often that number was lost since
    called_again: str = ""

    def is_overdue(self, now: datetime) -> bool:
        return self.due_at is not None and self.due_at < now


class CallBacks:
    """Reads and changes the list. Raises StorageError; UnknownDialog."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def open(self) -> tuple[CallBack, ...]:
        """Return whom to call, the earliest due first; lost calls whose number is hidden cannot be returned."""

        def work(session: Session) -> tuple[CallBack, ...]:
            found = [one for one in (*_promised(session), *_lost(session, self._clock.now() - KEPT)) if one.phone]
            found.sort(key=lambda one: (one.due_at or one.since, one.dialog_id))
            return _with_later_calls(session, found[:_MOST])

        return self._database.run(work, is_readonly=True)

    def promise(self, dialog_id: str, phone: str = "", due_at: datetime | None = None, note: str = "", who: str = "") -> None:
        """Put a contact on the list, or change when and where it is to be called. `phone`: "" for the caller's own."""

        def work(session: Session) -> None:
            row = _row(session, dialog_id, self._clock.now())
            row.phone = phone or row.phone
            row.due_at, row.note, row.assigned_to = due_at, note or row.note, row.assigned_to or who
            row.done_at, row.done_by, row.outcome = None, "", ""

        self._database.run(work)

    def take(self, dialog_id: str, who: str, *, is_forced: bool = False) -> str:
        """Say that somebody will call; return who will: the first one stays, unless `is_forced`."""

        def work(session: Session) -> str:
            row = _row(session, dialog_id, self._clock.now())
            if not row.assigned_to or is_forced:
                row.assigned_to = who
            return row.assigned_to

        return self._database.run(work)

    def tried(self, dialog_id: str, who: str, tries: int, due_at: datetime | None = None, note: str = "") -> None:
        """Count a call that nobody answered. `tries`: how many were known to who says so, so that two clicks count once."""

        def work(session: Session) -> None:
            row = _row(session, dialog_id, self._clock.now())
            if row.done_at is not None or row.tries != tries:
                return
            row.tries += 1
            row.last_try_at = self._clock.now()
            row.assigned_to = row.assigned_to or who
            row.due_at, row.note = due_at or row.due_at, note or row.note

        self._database.run(work)

    def done(self, dialog_id: str, who: str, outcome: Returned, note: str = "") -> bool:
        """Take it off the list; return False if somebody had done so before."""

        def work(session: Session) -> bool:
            row = _row(session, dialog_id, self._clock.now())
            if row.done_at is not None:
                return row.done_by == who and row.outcome == outcome
            now = self._clock.now()
            row.done_at, row.done_by, row.outcome = now, who, outcome.value
            row.note = note or row.note
            _leave_queue(session, dialog_id, who, outcome, now)
            return True

        return self._database.run(work)


def _leave_queue(session: Session, dialog_id: str, who: str, outcome: Returned, now: datetime) -> None:
    """A form stands in the operators' queue, too, until somebody has called."""
    dialog = session.get_one(DialogRow, dialog_id)
    if dialog.channel != FORM:
        return
    new = {"dialog_id": dialog_id, "taken_by": "", "result": "", "note": "", "said_number": 0}
    insert_missing(session, HandOverRow, [new])
    row = session.get_one(HandOverRow, dialog_id, with_for_update=True, populate_existing=True)
    if not row.result:
        row.taken_by, row.taken_at = row.taken_by or who, row.taken_at or now
        row.result = (Result.SOLVED if outcome is Returned.REACHED else Result.CALL_BACK).value
        row.closed_at = now


def phone_to_call(summary: Mapping[str, Any], caller_phone: str) -> str:
    """The number that the patient told for a call-back, else the one he called from; "" when neither is a number."""
    told = [str(text) for label, text in summary.items() if _LABEL in label]
    return next((number for text in (*told, caller_phone) if (number := parse_phone_digits(text)) is not None), "")


def _promised(session: Session) -> Iterable[CallBack]:
    query = (
        select(CallBackRow, DialogRow)
        .join(DialogRow, DialogRow.id == CallBackRow.dialog_id)
        .where(CallBackRow.done_at.is_(None))
        .order_by(CallBackRow.created_at)
        .limit(_MOST)
    )
    for own, dialog in session.execute(query):
        one = _of_dialog(dialog)
        yield replace(
            one, phone=own.phone or one.phone, since=dialog.ended_at or dialog.started_at, due_at=own.due_at, note=own.note,
            assigned_to=own.assigned_to, tries=own.tries, last_try_at=own.last_try_at,
        )  # fmt: skip


def _lost(session: Session, since: datetime) -> Iterable[CallBack]:
    """Calls that were lost or promised a call, of which nobody has done anything yet; of each number the latest."""
    query = (
        select(DialogRow)
        .outerjoin(CallBackRow, CallBackRow.dialog_id == DialogRow.id)
        .outerjoin(HandOverRow, HandOverRow.dialog_id == DialogRow.id)
        .where(DialogRow.outcome.in_(UNRETURNED), DialogRow.started_at >= since, CallBackRow.dialog_id.is_(None))
        .where(or_(HandOverRow.result.is_(None), HandOverRow.result == ""))
        .order_by(DialogRow.started_at)
    )
    returned = select(CallBackRow.phone, func.max(CallBackRow.done_at)).where(CallBackRow.done_at >= since)
    rows = session.execute(returned.group_by(CallBackRow.phone)).all()
    called: dict[str, datetime | None] = {row[0]: row[1] for row in rows}
    latest: dict[str, CallBack] = {}
    for one in map(_of_dialog, session.scalars(query)):
        returned_at = called.get(one.phone)
        if returned_at is not None and returned_at >= one.since:
            continue
        before = latest.get(one.phone)
        latest[one.phone] = one if before is None else replace(one, calls=before.calls + 1)
    return latest.values()


def _of_dialog(dialog: DialogRow) -> CallBack:
    return CallBack(
        dialog_id=dialog.id,
        since=dialog.ended_at or dialog.started_at,
        phone=phone_to_call(dialog.summary, dialog.caller_phone),
        channel=dialog.channel,
        outcome=dialog.outcome,
        reason=dialog.reason,
        summary=dict(dialog.summary),
        due_at=None,
        note="",
        assigned_to="",
        tries=0,
        last_try_at=None,
    )


def _with_later_calls(session: Session, found: list[CallBack]) -> tuple[CallBack, ...]:
    """Who has called again since may need no call any more."""
    if not found:
        return ()
    later = select(DialogRow.id, DialogRow.caller_phone, DialogRow.started_at).where(
        DialogRow.caller_phone.in_({one.phone for one in found}), DialogRow.started_at > min(one.since for one in found)
    )
    calls: dict[str, list[tuple[datetime, str]]] = {}
    for dialog_id, phone, at in session.execute(later):
        calls.setdefault(phone, []).append((at, dialog_id))

    def again(one: CallBack) -> str:
        after = [call for call in calls.get(one.phone, ()) if call[0] > one.since]
        return max(after)[1] if after else ""

    return tuple(replace(one, called_again=again(one)) for one in found)


def _row(session: Session, dialog_id: str, now: datetime) -> CallBackRow:
    """The row of a contact, locked, made at the first use."""
    dialog = session.get(DialogRow, dialog_id)
    if dialog is None:
        raise UnknownDialog("There is no such dialog.", "It may have been purged.")
    new = {
        "dialog_id": dialog_id, "phone": phone_to_call(dialog.summary, dialog.caller_phone), "note": "", "assigned_to": "",
        "tries": 0, "done_by": "", "outcome": "", "created_at": now,
    }  # fmt: skip
    insert_missing(session, CallBackRow, [new])
    return session.get_one(CallBackRow, dialog_id, with_for_update=True)
