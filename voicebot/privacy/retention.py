"""The purge: what is older than its class may be kept is removed, in small transactions beside the running calls.

Restartable at any point: each step is done again without harm, and what was not reached is reached the next time.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from voicebot.accounts.audit import Audit
from voicebot.accounts.tables import AuditRow
from voicebot.clinic import pins
from voicebot.clinic.call_tables import OutgoingCallRow
from voicebot.clinic.pin_tables import PinRow
from voicebot.clinic.tables import AppointmentRow, MessageRow, WaitingRow
from voicebot.clock import Clock
from voicebot.messages.forgetting import remove_messages
from voicebot.messages.tables import DeliveryRow
from voicebot.privacy import removal, visits
from voicebot.records.archive import open_archive
from voicebot.records.tables import DialogRow, FactsRow, LatencyRow
from voicebot.reminders.tables import ReminderRow
from voicebot.settings import Settings
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

_BATCH = 20  # dialogs a transaction: 40 ms of the write lock


@dataclass(slots=True)
class Purged:
    """How much was removed, by class."""

    recordings: int = 0
    dialogs: int = 0
    figures: int = 0
    audit: int = 0
    messages: int = 0
    outgoing_calls: int = 0
    waiting: int = 0
    pins: int = 0
    visits: int = 0
    leftovers: int = 0  # files that no dialog names, and what the database refused

    @property
    def total(self) -> int:
        return sum(asdict(self).values())

    def __str__(self) -> str:
        return ", ".join(f"{one.name} {getattr(self, one.name)}" for one in fields(self))


class Stopped(Exception):
    """The process ends; the purge goes on the next time."""


class Purge:
    """Applies `settings.retention`. Not thread-safe; several at once do no harm.

    `between` is called after each batch; it may raise Stopped.
    """

    def __init__(
        self, database: Database, settings: Settings, clock: Clock, between: Callable[[], None] = removal.rest
    ) -> None:
        self._database = database
        self._settings = settings
        self._limits = settings.retention
        self._clock = clock
        self._between = between
        self._folder = settings.recordings_folder
        self._archive = open_archive(settings)

    def run(self) -> Purged:
        """Remove what is due, and note in the audit how much that was. Raises StorageError."""
        done = Purged()
        try:
            self._recordings(done)
            self._dialogs(done)
            self._figures(done)
            self._rows(done)
            self._visits(done)
            self._leftovers(done)
            if done.dialogs:
                removal.settle(self._database, self._between)
            self._objects(done)  # last: a store that is away holds up nothing else
        finally:
            if done.total:
                log.info("purged", **asdict(done))
                Audit(self._database, self._clock).note("retention", "purged", detail=str(done))
        return done

    def due(self) -> Purged:
        """Return what `run` would remove now."""
        return self._database.run(self._count, is_readonly=True)

    def _before(self, days: int) -> datetime | None:
        """Return the time before which a class is over, None where it is kept for ever."""
        return self._clock.now() - timedelta(days=days) if days else None

    # -- conditions -------------------------------------------------------------------------------------------------------

    def _old_recordings(self) -> ColumnElement[bool] | None:
        before = self._before(self._limits.audio_days)
        return None if before is None else (DialogRow.started_at < before) & (DialogRow.recording_path != "")

    def _old_dialogs(self) -> ColumnElement[bool] | None:
        """Over, and taken into the figures: what was not counted yet is counted first."""
        before = self._before(self._limits.text_days)
        return None if before is None else (DialogRow.started_at < before) & DialogRow.digested_at.is_not(None)

    def _old_rows(self) -> list[tuple[str, Any, ColumnElement[bool]]]:
        """(class, table, which rows) of what is simply deleted."""
        found: list[tuple[str, Any, ColumnElement[bool]]] = []
        for name, table, column, days in (
            ("audit", AuditRow, AuditRow.at, self._limits.audit_days),
            ("messages", MessageRow, MessageRow.created_at, self._limits.messages_days),
            ("outgoing_calls", OutgoingCallRow, OutgoingCallRow.created_at, self._limits.messages_days),
            ("waiting", WaitingRow, WaitingRow.created_at, self._limits.waiting_days),
        ):
            before = self._before(days)
            if before is not None:
                found.append((name, table, column < before))
        found.append(("pins", PinRow, PinRow.created_at < self._clock.now() - pins.KEPT))
        return found

    def _figures_before(self) -> date | None:
        before = self._before(self._limits.figures_days)
        return None if before is None else before.astimezone(self._settings.zoneinfo).date()

    def _rejected(self) -> list[Path]:
        before = self._before(self._limits.leftovers_days)
        if before is None:
            return []
        files = (self._settings.data_dir / "spool").glob("*.rejected.jsonl")
        return [file for file in sorted(files) if file.stat().st_mtime < before.timestamp()]

    def _orphans(self) -> list[Path]:
        """Files of days that are over, whatever the database says: none may be kept."""
        before = self._before(self._limits.audio_days)
        return [] if before is None else list(removal.old_files(self._folder, before.date()))

    # -- steps ------------------------------------------------------------------------------------------------------------

    def _recordings(self, done: Purged) -> None:
        self._walk(self._old_recordings(), lambda rows: self._remove_recordings(rows, done))

    def _remove_recordings(self, rows: dict[str, str], done: Purged) -> list[str]:
        paths = {one: path for one, path in rows.items() if path}
        gone, count = removal.remove_recordings(self._folder, paths, self._archive)
        self._database.run(lambda session: removal.forget_recordings(session, gone))
        done.recordings += count
        return gone

    def _dialogs(self, done: Purged) -> None:
        def remove(rows: dict[str, str]) -> None:
            gone = self._remove_recordings(rows, done)
            # A dialog whose file could not be deleted stays: it is the only one that knows of the file.
            ready = [one for one, path in rows.items() if not path or one in gone]
            removal.remove_dialogs(self._database, ready)
            done.dialogs += len(ready)

        self._walk(self._old_dialogs(), remove)

    def _walk(self, which: ColumnElement[bool] | None, work: Callable[[dict[str, str]], Any]) -> None:
        """Give dialogs (ID -> recording) to `work`, oldest first, a batch at a time; each only once."""
        if which is None:
            return
        last: tuple[datetime, str] | None = None
        while True:
            found = self._database.run(lambda session, last=last: _batch(session, which, last), is_readonly=True)  # type: ignore[misc]
            if not found:
                return
            work({one: path for _, one, path in found})
            last = (found[-1][0], found[-1][1])
            self._between()

    def _figures(self, done: Purged) -> None:
        before = self._figures_before()
        if before is None:
            return

        def work(session: Session) -> int:
            session.execute(delete(LatencyRow).where(LatencyRow.day < before))
            return _deleted(session, FactsRow, FactsRow.day < before)

        done.figures += self._until_none(work)
        oldest = datetime.combine(before, time(), self._settings.zoneinfo)
        for table in (DeliveryRow, ReminderRow):
            which = table.created_at < oldest
            done.figures += self._until_none(lambda session, table=table, which=which: _deleted(session, table, which))  # type: ignore[misc]

    def _rows(self, done: Purged) -> None:
        for name, table, which in self._old_rows():
            remove = _messages_removed if table is MessageRow else _deleted
            count = self._until_none(
                lambda session, table=table, which=which, remove=remove: remove(session, table, which)  # type: ignore[misc]
            )
            setattr(done, name, getattr(done, name) + count)

    def _visits(self, done: Purged) -> None:
        before = self._before(self._limits.visits_days)
        if before is not None:
            done.visits += self._until_none(
                lambda session: visits.make_nameless(session, visits.of_old_visits(session, before, _BATCH))
            )

    def _until_none(self, work: Callable[[Session], int]) -> int:
        total = 0
        while count := self._database.run(work):
            total += count
            self._between()
        return total

    def _leftovers(self, done: Purged) -> None:
        done.leftovers += sum(removal.remove_file(path) for path in self._orphans())
        before = self._before(self._limits.audio_days)
        if before is not None:
            removal.remove_empty_days(self._folder, before.date(), self._clock.now().date())
        for file in self._rejected():
            file.unlink(missing_ok=True)
            done.leftovers += 1

    def _objects(self, done: Purged) -> None:
        before = self._before(self._limits.audio_days)
        if before is not None and self._archive is not None:
            done.leftovers += removal.remove_old_objects(self._archive, before.date(), self._between)

    def _count(self, session: Session) -> Purged:
        def count(table: Any, which: ColumnElement[bool] | None) -> int:
            return 0 if which is None else session.scalar(select(func.count()).select_from(table).where(which)) or 0

        figures, before = self._figures_before(), self._before(self._limits.visits_days)
        named = set(session.scalars(select(DialogRow.recording_path).where(DialogRow.recording_path != "")))
        orphans = [path for path in self._orphans() if not _is_named(path.relative_to(self._folder).as_posix(), named)]
        return Purged(
            recordings=count(DialogRow, self._old_recordings()),
            dialogs=count(DialogRow, self._old_dialogs()),
            figures=count(FactsRow, None if figures is None else FactsRow.day < figures),
            visits=count(
                AppointmentRow, None if before is None else (AppointmentRow.start < before) & (AppointmentRow.phone != "")
            ),
            leftovers=len(orphans) + len(self._rejected()),
            **{name: count(table, which) for name, table, which in self._old_rows()},
        )


def _is_named(path: str, named: set[str]) -> bool:
    return path in named or path.removesuffix(".sealed") in named


def _batch(session: Session, which: ColumnElement[bool], last: tuple[datetime, str] | None) -> list[tuple[datetime, str, str]]:
    query = select(DialogRow.started_at, DialogRow.id, DialogRow.recording_path).where(which)
    if last is not None:
        at, dialog_id = last
        query = query.where((DialogRow.started_at > at) | ((DialogRow.started_at == at) & (DialogRow.id > dialog_id)))
    return [
        (row[0], row[1], row[2]) for row in session.execute(query.order_by(DialogRow.started_at, DialogRow.id).limit(_BATCH))
    ]


def _messages_removed(session: Session, table: type[MessageRow], which: ColumnElement[bool]) -> int:
    """Delete some messages, their addresses in the figures too; return how many."""
    return remove_messages(session, session.scalars(select(table.id).where(which).limit(_BATCH * 10)))


def _deleted(session: Session, table: Any, which: ColumnElement[bool]) -> int:
    """Delete some of the rows; return how many."""
    key = next(iter(table.__table__.primary_key.columns))
    some = select(key).where(which).limit(_BATCH * 10)
    result = session.execute(delete(table).where(key.in_(some.scalar_subquery())))
    return int(result.rowcount)  # type: ignore[attr-defined]
