"""Whether a message still makes sense at the moment it is to be sent, and with which values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from voicebot.clinic.tables import AppointmentRow, AppointmentStatus, MessageRow


@dataclass(frozen=True, slots=True)
class Go:
    """Send it. `values` take the place of the message's own."""

    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stop:
    """Of no use any more. `reason`: visit_cancelled, visit_moved, visit_past, visit_gone, answered."""

    reason: str


Verdict = Go | Stop
#: Asked in the transaction that writes the intent to send: what was cancelled before it, is not sent.
Guard = Callable[[Session, MessageRow, datetime], Verdict]


def visit_guard(session: Session, row: MessageRow, now: datetime) -> Verdict:
    """The guard of whatever has no other: a visit that the message is about must be ahead."""
    reason = "" if row.appointment_id is None else why_not(session, row.appointment_id, row.values.get("start"), now)
    return Stop(reason) if reason else Go(row.values)


def why_not(session: Session, appointment_id: int, start: object, now: datetime) -> str:
    """Return why a visit needs no message any more, "" when it does. `start`: ISO, what the message says; None: not told."""
    visit = session.get(AppointmentRow, appointment_id, populate_existing=True)
    if visit is None:
        return "visit_gone"
    if visit.status == AppointmentStatus.CANCELLED.value:
        return "visit_moved" if visit.cancel_reason == "moved" else "visit_cancelled"
    if visit.status != AppointmentStatus.BOOKED.value or visit.start <= now:
        return "visit_past"
    if isinstance(start, str) and datetime.fromisoformat(start) != visit.start:
        return "visit_moved"  # by an import, in its place
    return ""
