"""A message that was left on the clinic's site: a dialog of one turn, in the operators' queue and among the calls to return."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voicebot import dialog_id as dialog_ids
from voicebot.clock import Clock
from voicebot.records.dialogs import Who
from voicebot.records.queue import FORM
from voicebot.records.tables import CallBackRow, DialogRow, NoticeRow, TurnRow
from voicebot.records.writes import fit
from voicebot.storage.database import Database, insert_missing

_DRAWS = 5
_OUTCOME = "transferred"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LeftMessage:
    """What was left, and what it means. `phone`: E.164. `nonce`: of the page it was written on: it is left once.

    `summary`, `slots`: display texts. `consent`: what was agreed to, word for word. `opened_at`: when the page was.
    """

    nonce: str
    opened_at: datetime
    phone: str
    text: str
    consent: str
    intent: str = ""
    reason: str = FORM
    summary: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[str, str] = field(default_factory=dict)


class TooManyMessages(Exception):
    """This number has left enough messages for a day."""


class LeftMessages:
    """Writes them down. Raises StorageError. Safe to use from many threads and processes at once."""

    def __init__(self, database: Database, clock: Clock, per_phone_day: int) -> None:
        self._database = database
        self._clock = clock
        self._per_phone_day = per_phone_day

    def leave(self, message: LeftMessage) -> str:
        """Return the dialog's ID; the same page again gets the same one. Raises TooManyMessages."""

        def work(session: Session) -> str:
            now = self._clock.now()
            before = session.scalar(
                select(DialogRow.id).where(
                    DialogRow.started_at >= message.opened_at,
                    DialogRow.channel == FORM,
                    DialogRow.sip_call_id == _mark(message),
                )
            )
            if before is not None:
                return before
            self._check_count(session, message.phone, now)
            found = _free_id(session)
            version = hashlib.sha256(message.consent.encode()).hexdigest()[:16]
            insert_missing(session, NoticeRow, [{"version": version, "text": message.consent, "first_said_at": now}])
            dialog = {
                "channel": FORM, "started_at": now, "ended_at": now, "caller_phone": message.phone, "outcome": _OUTCOME,
                "reason": message.reason, "ended_by": "caller", "transfer_target": "operator", "summary": message.summary,
                "sip_call_id": _mark(message), "notice_version": version, "notice_said_at": now,
            }  # fmt: skip
            session.add(DialogRow(id=found, **fit(DialogRow, dialog)))
            session.flush()
            turn = {"who": Who.CALLER.value, "at": now, "text": message.text, "intent": message.intent, "slots": message.slots}
            session.add(TurnRow(dialog_id=found, number=1, **fit(TurnRow, turn)))
            session.add(CallBackRow(dialog_id=found, phone=message.phone, created_at=now))
            session.flush()
            return found

        return self._database.run(work)

    def _check_count(self, session: Session, phone: str, now: datetime) -> None:
        query = (
            select(func.count())
            .select_from(DialogRow)
            .where(DialogRow.caller_phone == phone, DialogRow.channel == FORM, DialogRow.started_at > now - _DAY)
        )
        if (session.scalar(query) or 0) >= self._per_phone_day:
            raise TooManyMessages


def _mark(message: LeftMessage) -> str:
    """Where a call has its SIP Call-ID, a form has its page's number."""
    return f"form:{message.nonce}"


def _free_id(session: Session) -> str:
    for _ in range(_DRAWS - 1):
        drawn = dialog_ids.new()
        if session.get(DialogRow, drawn) is None:
            return drawn
    return dialog_ids.new()
