"""Who works on which message: a lease and a number that grows with each claim, in any number of processes and machines.

PostgreSQL passes over rows that somebody else locks (SKIP LOCKED); SQLite's writers come one after another (BEGIN IMMEDIATE).
A process that dies loses its lease; one that only slept finds its number outdated, and may write no more than facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from voicebot.clinic.tables import MessageRow


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that is ours until `until`."""

    message_id: int
    fence: int
    until: datetime


def _claimable(now: datetime) -> ColumnElement[bool]:
    is_due = or_(MessageRow.due_at.is_(None), MessageRow.due_at <= now)
    is_nobodys = or_(MessageRow.claimed_until.is_(None), MessageRow.claimed_until <= now)
    return MessageRow.done_at.is_(None) & is_due & is_nobodys


def has_due(session: Session, now: datetime) -> bool:
    """Whether there is anything to claim: asked without taking a lock."""
    return session.scalar(select(MessageRow.id).where(_claimable(now)).limit(1)) is not None


def claim(session: Session, who: str, now: datetime, lease: timedelta, limit: int) -> Sequence[Claim]:
    """Take up to `limit` due messages, the longest due first."""
    query = (
        select(MessageRow)
        .where(_claimable(now))
        .order_by(MessageRow.due_at, MessageRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    claims = []
    for row in session.scalars(query).all():
        row.claimed_by, row.claimed_until, row.fence = who, now + lease, row.fence + 1
        claims.append(Claim(row.id, row.fence, row.claimed_until))
    return claims


def is_ours(row: MessageRow, claimed: Claim) -> bool:
    """Whether nobody has claimed it since."""
    return row.fence == claimed.fence


def renew(row: MessageRow, now: datetime, lease: timedelta) -> None:
    row.claimed_until = now + lease


def release(row: MessageRow) -> None:
    row.claimed_by, row.claimed_until = "", None
