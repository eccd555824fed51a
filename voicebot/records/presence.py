"""Who is alive: each process that serves calls says so in the database; a call whose process is gone gets its outcome."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.records.tables import DialogRow, ProcessRow
from voicebot.storage.database import Database

BEAT_SECONDS = 10.0
#: A machine none of whose processes was seen for so long is gone, and its calls with it.
GONE = timedelta(seconds=60)
#: The machine lives, but this process does not: line has long told what became of its callers.
REPLACED = timedelta(hours=2)
_KEPT = timedelta(days=1)
_TAKEN = frozenset({"completed", "bridged"})
ROBOT_DIED = "robot_died"


@dataclass(frozen=True, slots=True)
class Seen:
    """A process, as it was last seen."""

    id: str
    node: str
    seen_at: datetime


@dataclass(slots=True)
class Presence:
    """This process among all that share the database. `beat` every BEAT_SECONDS; raises StorageError."""

    database: Database
    clock: Clock
    node: str
    name: str
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.id = f"{self.node}/{self.name[:16]}/{secrets.token_hex(6)}"

    def beat(self) -> None:
        """Say that we are alive."""
        now = self.clock.now()

        def work(session: Session) -> None:
            row = session.get(ProcessRow, self.id)
            if row is None:
                session.add(ProcessRow(id=self.id, node=self.node, started_at=now, seen_at=now))
            else:
                row.seen_at = now

        self.database.run(work)


def dead(processes: Mapping[str, Seen], now: datetime) -> dict[str, datetime]:
    """Return those that serve no call any more, with the time when they were last seen. Pure."""
    latest: dict[str, datetime] = {}
    for one in processes.values():
        latest[one.node] = max(one.seen_at, latest.get(one.node, one.seen_at))
    return {one.id: one.seen_at for one in processes.values() if now - latest[one.node] > GONE or now - one.seen_at > REPLACED}


def settle(session: Session, now: datetime, of_node: str = "", *, believes_silence: bool = True) -> list[str]:
    """Give open calls of dead processes their outcome; return the dialogs.

    `of_node`: this machine starts anew, so none of its former processes is alive, however lately it was seen.
    `believes_silence`: whether others that were not seen lately are dead.
    """
    rows = session.scalars(select(ProcessRow))
    processes = {row.id: Seen(row.id, row.node, row.seen_at) for row in rows}
    gone = {one.id: one.seen_at for one in processes.values() if of_node and one.node == of_node}
    if believes_silence:
        gone |= dead(processes, now)
    open_calls = (
        select(DialogRow).where(DialogRow.ended_at.is_(None), DialogRow.served_by != "").with_for_update(skip_locked=True)
    )
    settled, held = [], set()
    for dialog in session.scalars(open_calls):
        if not _is_dead(dialog, processes, gone, now, believes_silence):
            held.add(dialog.served_by)
            continue
        last_seen = max(dialog.started_at, gone.get(dialog.served_by, dialog.started_at))
        dialog.ended_at = last_seen
        dialog.handling_seconds = (last_seen - dialog.started_at).total_seconds()
        dialog.ended_by = "error"
        if not dialog.outcome:
            dialog.outcome = "transferred" if dialog.transfer_result in _TAKEN else "lost"
            dialog.reason = dialog.reason or ROBOT_DIED
        settled.append(dialog.id)
    old = [one for one, seen_at in gone.items() if one not in held and now - seen_at > _KEPT]
    if old:
        session.execute(delete(ProcessRow).where(ProcessRow.id.in_(old)))
    return settled


def _is_dead(
    dialog: DialogRow, processes: Mapping[str, Seen], gone: Mapping[str, datetime], now: datetime, believes_silence: bool
) -> bool:
    if dialog.served_by in processes:
        return dialog.served_by in gone
    return believes_silence and now - dialog.started_at > GONE  # it never came to say that it lives
