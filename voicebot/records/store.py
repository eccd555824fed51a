"""The store of dialogs: every turn is in the database, or at least on disk, before the robot speaks.

A write never fails a call. When the database refuses (locked, gone, full) it goes to the spool, an alarm is raised, and the
database is left alone for a moment, so that each turn of the call does not wait for its time-out. Later writes, or
`replay_spool`, bring the spool back in order.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar, Unpack

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.records import queries
from voicebot.records.dialogs import Dialog, DialogChanges, DialogFilter, Ending, Turn, TurnChanges
from voicebot.records.patience import Patience
from voicebot.records.spool import Entry, EntryRejected, Spool
from voicebot.records.tables import DialogRow, NoticeRow, TurnRow
from voicebot.records.writes import DuplicateDialogId, carry_out, fit, from_json, to_json
from voicebot.settings import Settings
from voicebot.storage.database import open_database

log = structlog.get_logger(__name__)

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
# A caller waits while a turn is stored: less patience than bookings have, as the spool stands behind.
_BUSY_SECONDS = 0.2
_TRY_SECONDS = 0.4

__all__ = ["DuplicateDialogId", "RecordStore", "Sessions", "UnknownDialog", "open_store"]


class UnknownDialog(StorageError):
    """There is no such dialog or turn."""


class _UnstorableError(StorageError):
    """The database works but can never take this value."""


class Sessions(Protocol):
    """What the store needs of the database: `voicebot.storage.database.Database` is one."""

    def session(self, *, is_readonly: bool = False) -> AbstractContextManager[Session]:
        """Open a transaction, committed at the end of the block."""
        ...


class RecordStore:
    """Dialogs and turns. Thread-safe; one dialog is written by one thread at a time.

    `spool_folder` must be on a local disk. `on_alarm(name)` is called when the database begins to refuse. `limit_seconds`:
    a database that takes longer for a write hangs; None for one that cannot (SQLite has time-outs of its own).
    """

    def __init__(
        self,
        database: Sessions,
        spool_folder: Path,
        clock: Clock,
        on_alarm: Callable[[str], None] | None = None,
        limit_seconds: float | None = None,
    ) -> None:
        self.alarm_count = 0
        self._database = database
        self._clock = clock
        self._on_alarm = on_alarm
        self._patience = None if limit_seconds is None else Patience(limit_seconds)
        self._spool = Spool(spool_folder)
        self._lock = threading.RLock()
        self._is_degraded = False
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._retry_at_seconds = 0.0

    # -- writing --------------------------------------------------------------------------------------------------------

    @property
    def is_degraded(self) -> bool:
        """True while writes go to the spool instead of the database."""
        return self._is_degraded

    @property
    def spooled_count(self) -> int:
        """Writes of this process that wait for the database."""
        return self._spool.own_count

    def open_dialog(self, dialog: Dialog) -> None:
        """Store the head of a new dialog; raise DuplicateDialogId if the ID is taken by another one."""
        values = {name: getattr(dialog, name) for name in queries.DIALOG_FIELDS if name != "id"}
        values["started_at"] = dialog.started_at or self._clock.now()
        self._write({"op": "open", "id": dialog.id, "values": fit(DialogRow, values)})

    def add_turn(self, dialog_id: str, turn: Turn) -> None:
        """Store a turn. On return it is safe, whatever happens to this process."""
        values = asdict(turn)
        del values["number"]
        values["who"] = str(turn.who)
        values["at"] = turn.at or self._clock.now()
        self._write({"op": "turn", "id": dialog_id, "number": turn.number, "values": fit(TurnRow, values)})

    def update_turn(self, dialog_id: str, number: int, **changes: Unpack[TurnChanges]) -> None:
        """Add what became known later: what was really played, the latencies."""
        self._write({"op": "change_turn", "id": dialog_id, "number": number, "values": fit(TurnRow, changes)})

    def update_dialog(self, dialog_id: str, **changes: Unpack[DialogChanges]) -> None:
        self._write({"op": "change_dialog", "id": dialog_id, "values": fit(DialogRow, changes)})

    def set_notice(self, dialog_id: str, version: str, text: str) -> None:
        """Store that the caller has heard the announcement of recording, now; its text is kept once for each version."""
        now = self._clock.now()
        self._write({"op": "notice", "id": version, "values": fit(NoticeRow, {"text": text, "first_said_at": now})})
        self.update_dialog(dialog_id, notice_version=version, notice_said_at=now)

    def set_recording(self, dialog_id: str, path: str, started_ms: int = 0) -> None:
        """Name the recording (relative to the recordings folder) and the call offset of its first sample."""
        self.update_dialog(dialog_id, recording_path=path, recording_started_ms=started_ms)

    def finish_dialog(self, dialog_id: str, outcome: str, reason: str = "", **ending: Unpack[Ending]) -> None:
        """Store how a dialog ended; `ended_at` is now unless given."""
        if ending.get("ended_at") is None:
            ending["ended_at"] = self._clock.now()
        self.update_dialog(dialog_id, outcome=outcome, reason=reason, **ending)

    def replay_spool(self) -> int:
        """Bring into the database what waits on disk, also of crashed processes; return how many writes. Idempotent.

        Raises StorageError if the database still refuses: what was not taken waits on.
        """
        with self._lock:
            count = self._spool.replay(self._apply_entry)
            self._recovered()
        return count

    def close(self) -> None:
        """Give the spool back; what still waits is replayed by the next process."""
        with self._lock:
            self._spool.close()

    def _write(self, entry: Entry) -> None:
        if not self._is_degraded:
            try:
                self._apply(entry)
                return
            except (EntryRejected, DuplicateDialogId) as error:
                raise _as_storage_error(error) from None
            except StorageError as error:
                self._refused(error)
        with self._lock:
            if self._clock.monotonic_seconds() >= self._retry_at_seconds:
                try:
                    self._spool.replay(self._apply_entry, is_own_only=True)
                    self._apply(entry)
                    self._recovered()
                    return
                except (EntryRejected, DuplicateDialogId) as error:
                    self._recovered()
                    raise _as_storage_error(error) from None
                except StorageError as error:
                    self._refused(error)
            self._spool.append(to_json(entry))

    def _refused(self, error: StorageError) -> None:
        with self._lock:
            self._retry_at_seconds = self._clock.monotonic_seconds() + self._pause_seconds
            self._pause_seconds = min(self._pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
            if self._is_degraded:
                return
            self._is_degraded = True
            self.alarm_count += 1
            log.error("database_refused", why=error.message, cure=error.cure, fallback="spool")
        if self._on_alarm is not None:
            self._on_alarm("database_refused")

    def _recovered(self) -> None:
        if self._is_degraded:
            log.warning("database_recovered")
        self._is_degraded = False
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._retry_at_seconds = 0.0

    def _apply_entry(self, entry: Entry) -> None:
        try:
            self._apply(from_json(entry))
        except (DuplicateDialogId, _UnstorableError) as error:
            # An ID drawn while the database was away may be taken: one in a billion. Its dialog is kept in a file.
            raise EntryRejected from error

    def _apply(self, entry: Entry) -> None:
        """Carry one write out; raise EntryRejected, DuplicateDialogId or StorageError (the database refuses)."""
        try:
            if self._patience is None:
                self._carry_out(entry)
            else:
                self._patience.within(lambda: self._carry_out(entry))
        except IntegrityError as error:
            # Another process drew the same ID in the same moment, or a turn came for a dialog that is not there.
            if entry["op"] == "open":
                raise DuplicateDialogId("This dialog ID is taken.", "Draw another.") from error
            raise EntryRejected("no such dialog") from error
        except (DataError, StatementError) as error:
            if isinstance(error, DBAPIError) and not isinstance(error, DataError):
                raise _refusal(error) from None
            raise _UnstorableError("The database cannot hold a value.", "Look at the spool's *.rejected.jsonl.") from None
        except SQLAlchemyError as error:
            raise _refusal(error) from None

    def _carry_out(self, entry: Entry) -> None:
        try:
            with self._database.session() as session:
                carry_out(session, entry)
        except IntegrityError:
            # Perhaps the same write, which was given up while the database hung, came first: then the row is there now.
            with self._database.session() as session:
                carry_out(session, entry)

    # -- reading --------------------------------------------------------------------------------------------------------

    def get(self, dialog_id: str) -> Dialog | None:
        """Return a dialog with its turns, None if there is none."""
        return self._read(lambda session: queries.get(session, dialog_id))

    def turns_after(self, dialog_id: str, number: int) -> list[Turn]:
        """Return the turns that follow turn `number` (for live views)."""
        query = select(TurnRow).where(TurnRow.dialog_id == dialog_id, TurnRow.number > number).order_by(TurnRow.number)
        return self._read(lambda session: [queries.turn_of(row) for row in session.scalars(query)])

    def notice(self, version: str) -> str:
        """Return the text of an announcement of recording, "" if it is not known."""
        query = select(NoticeRow.text).where(NoticeRow.version == version)
        return self._read(lambda session: session.scalar(query) or "")

    def find(self, wanted: DialogFilter | None = None) -> list[Dialog]:
        """Return heads of dialogs (without turns), newest first."""
        wanted = wanted or DialogFilter()
        query = queries.narrowed(select(DialogRow), wanted).order_by(DialogRow.started_at.desc(), DialogRow.id)
        query = query.limit(wanted.limit).offset(wanted.offset)
        return self._read(lambda session: [queries.dialog_of(row) for row in session.scalars(query)])

    def count(self, wanted: DialogFilter | None = None) -> int:
        """Return how many dialogs a filter finds, whatever its limit."""
        query = queries.narrowed(select(func.count()).select_from(DialogRow), wanted or DialogFilter())
        return self._read(lambda session: session.scalar(query) or 0)

    def iterate(self, wanted: DialogFilter | None = None) -> Iterator[Dialog]:
        """Yield whole dialogs, oldest first, page by page; the filter's limit and offset are ignored."""
        wanted = wanted or DialogFilter()
        last: tuple[datetime, str] | None = None
        while True:
            page = self._read(lambda session, last=last: queries.page(session, wanted, last))  # type: ignore[misc]
            yield from page
            if len(page) < queries.PAGE:
                return
            assert page[-1].started_at is not None
            last = (page[-1].started_at, page[-1].id)

    def _read(self, query: Callable[[Session], T]) -> T:
        try:
            with self._database.session(is_readonly=True) as session:
                return query(session)
        except SQLAlchemyError as error:
            raise _refusal(error) from None


def open_store(settings: Settings, clock: Clock, on_alarm: Callable[[str], None] | None = None) -> RecordStore:
    """Open the records of an installation; raise StorageError if its database does not answer at all."""
    database = open_database(settings.database_url, busy_seconds=_BUSY_SECONDS, retry_seconds=_TRY_SECONDS)
    return RecordStore(database, settings.data_dir / "spool", clock, on_alarm)


def _refusal(error: SQLAlchemyError) -> StorageError:
    # The driver's own words only: the statement's parameters are what patients said.
    words = str(error.orig) if isinstance(error, DBAPIError) and error.orig is not None else type(error).__name__
    return StorageError(f"The database refused ({words.splitlines()[0]}).", "Check database.url, its disk and its locks.")


def _as_storage_error(error: EntryRejected | DuplicateDialogId) -> StorageError:
    if isinstance(error, DuplicateDialogId):
        return error
    return UnknownDialog("There is no such dialog or turn in the store.", "Open the dialog before its turns.")
