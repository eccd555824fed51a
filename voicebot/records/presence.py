"""Who is alive: each process that serves calls says so in the database; a call whose process is gone gets its outcome."""

import math
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


class Watch:
    """For how long each process has said nothing, by our own monotonic clock: clocks that differ or are set kill nobody.

    Nobody is silent before we began to look, and time in which we did not look does not count.
    """

    def __init__(self) -> None:
        self._said: dict[str, datetime | None] = {}
        self._silent_seconds: dict[str, float] = {}
        self._looked_seconds: float | None = None

    def look(self, said: Mapping[str, datetime | None], tick_seconds: float) -> None:
        """Take what processes last said of themselves, None for who never did. Twice at the same tick is once."""
        since = 0.0 if self._looked_seconds is None else min(tick_seconds - self._looked_seconds, 2 * BEAT_SECONDS)
        self._looked_seconds = tick_seconds
        self._silent_seconds = {
            one: self._silent_seconds[one] + since if one in self._said and self._said[one] == at else 0.0
            for one, at in said.items()
        }
        self._said = dict(said)

    def dead(self, nodes: Mapping[str, str]) -> frozenset[str]:
        """Return those that serve no call any more. `nodes`: process -> its machine; who has none stands alone."""
        silent = self._silent_seconds
        of_node: dict[str, float] = {}
        for one, node in nodes.items():
            of_node[node] = min(silent.get(one, 0.0), of_node.get(node, math.inf))
        return frozenset(
            one
            for one, seconds in silent.items()
            if seconds > REPLACED.total_seconds() or of_node.get(nodes.get(one, ""), seconds) > GONE.total_seconds()
        )


def settle(
    session: Session, now: datetime, of_node: str = "", watch: Watch | None = None, tick_seconds: float = 0.0
) -> list[str]:
    """Give open calls of dead processes their outcome; return the dialogs.

    `of_node`: this machine starts anew, so none of its former processes is alive, however lately it was seen.
    `watch`: has watched the others, and looks again now.
    """
    processes = {row.id: row for row in session.scalars(select(ProcessRow))}
    dead = {one.id for one in processes.values() if of_node and one.node == of_node}
    query = select(DialogRow).where(DialogRow.ended_at.is_(None), DialogRow.served_by != "")
    calls = list(session.scalars(query.with_for_update(skip_locked=True)))
    if watch is not None:
        unheard = {call.served_by: None for call in calls if call.served_by not in processes}
        watch.look({**unheard, **{one.id: one.seen_at for one in processes.values()}}, tick_seconds)
        dead |= watch.dead({one.id: one.node for one in processes.values()})
    settled, held = [], set()
    for dialog in calls:
        if dialog.served_by not in dead:
            held.add(dialog.served_by)
            continue
        served_by = processes.get(dialog.served_by)
        last_seen = dialog.started_at if served_by is None else max(dialog.started_at, served_by.seen_at)
        dialog.ended_at = last_seen
        dialog.handling_seconds = (last_seen - dialog.started_at).total_seconds()
        dialog.ended_by = "error"
        if not dialog.outcome:
            dialog.outcome = "transferred" if dialog.transfer_result in _TAKEN else "lost"
            dialog.reason = dialog.reason or ROBOT_DIED
        settled.append(dialog.id)
    old = [one for one in dead - held if one in processes and now - processes[one].seen_at > _KEPT]
    if old:
        session.execute(delete(ProcessRow).where(ProcessRow.id.in_(old)))
    return settled
