"""The audit: who looked at, changed or took away what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.accounts.tables import AuditRow
from voicebot.clock import Clock
from voicebot.storage.database import Database


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing done. `detail` has nothing of a dialog's content."""

    at: datetime
    who: str
    action: str
    subject: str
    address: str
    detail: str


class Audit:
    """Writes and reads the audit. A view that cannot be audited does not happen: StorageError is raised."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def note(self, who: str, action: str, subject: str = "", address: str = "", detail: str = "") -> None:
        """Store what somebody does, before it is done."""
        row = AuditRow(
            at=self._clock.now(), who=who[:80], action=action, subject=subject[:64], address=address[:64], detail=detail[:500]
        )
        self._database.run(lambda session: session.add(row))

    def entries(
        self,
        *,
        subject: str = "",
        who: str = "",
        action: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 200,
        offset: int = 0,
    ) -> Sequence[Entry]:
        """Return what was done, newest first; every filter that is set must hold."""
        query = select(AuditRow).order_by(AuditRow.at.desc(), AuditRow.id.desc()).limit(limit).offset(offset)
        for column, wanted in ((AuditRow.subject, subject), (AuditRow.who, who), (AuditRow.action, action)):
            if wanted:
                query = query.where(column == wanted)
        if since is not None:
            query = query.where(AuditRow.at >= since)
        if until is not None:
            query = query.where(AuditRow.at < until)
        return self._database.run(
            lambda session: [
                Entry(row.at, row.who, row.action, row.subject, row.address, row.detail) for row in session.scalars(query)
            ],
            is_readonly=True,
        )

    def choices(self) -> tuple[list[str], list[str]]:
        """Return (who, actions) that occur."""

        def work(session: Session) -> tuple[list[str], list[str]]:
            who = session.scalars(select(AuditRow.who).distinct().order_by(AuditRow.who))
            actions = session.scalars(select(AuditRow.action).distinct().order_by(AuditRow.action))
            return [one for one in who if one], list(actions)

        return self._database.run(work, is_readonly=True)
