"""The store of dialogs: every turn is in the database, or at least on disk, before the robot speaks.

A write never fails a call. When the database refuses (locked, gone, full) it goes to the spool, an alarm is raised, and the
database is left alone for a moment, so that each turn of the call does not wait for its time-out. Later writes, or
`replay_spool`, bring the spool back in order.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeVar, Unpack

import structlog
from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.records.dialogs import Dialog, DialogChanges, DialogFilter, Ending, Turn, TurnChanges, Who
from voicebot.records.spool import Entry, EntryRejected, Spool
from voicebot.records.tables import DialogRow, TurnRow
from voicebot.settings import Settings
from voicebot.storage.database import open_database

log = structlog.get_logger(__name__)

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_EXPORT_PAGE = 100
# A caller waits while a turn is stored: less patience than bookings have, as the spool stands behind.
_BUSY_SECONDS = 0.2
_TRY_SECONDS = 0.4
_DIALOG_FIELDS = tuple(f.name for f in fields(Dialog) if f.name != "turns")
_TURN_FIELDS = tuple(f.name for f in fields(Turn))
_TIMES = frozenset({"started_at", "ended_at", "at"})


class DuplicateDialogId(StorageError):
    """The drawn dialog ID is taken: draw another."""


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

    `spool_folder` must be on a local disk. `on_alarm(name)` is called when the database begins to refuse.
    """

    def __init__(
        self, database: Sessions, spool_folder: Path, clock: Clock, on_alarm: Callable[[str], None] | None = None
    ) -> None:
        self.alarm_count = 0
        self._database = database
        self._clock = clock
        self._on_alarm = on_alarm
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
        values = {name: getattr(dialog, name) for name in _DIALOG_FIELDS if name != "id"}
        values["started_at"] = dialog.started_at or self._clock.now()
        self._write({"op": "open", "id": dialog.id, "values": _fit(DialogRow, values)})

    def add_turn(self, dialog_id: str, turn: Turn) -> None:
        """Store a turn. On return it is safe, whatever happens to this process."""
        values = asdict(turn)
        del values["number"]
        values["who"] = str(turn.who)
        values["at"] = turn.at or self._clock.now()
        self._write({"op": "turn", "id": dialog_id, "number": turn.number, "values": _fit(TurnRow, values)})

    def update_turn(self, dialog_id: str, number: int, **changes: Unpack[TurnChanges]) -> None:
        """Add what became known later: what was really played, the latencies."""
        self._write({"op": "change_turn", "id": dialog_id, "number": number, "values": _fit(TurnRow, changes)})

    def update_dialog(self, dialog_id: str, **changes: Unpack[DialogChanges]) -> None:
        self._write({"op": "change_dialog", "id": dialog_id, "values": _fit(DialogRow, changes)})

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
            self._spool.append(_to_json(entry))

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
            self._apply(_from_json(entry))
        except (DuplicateDialogId, _UnstorableError) as error:
            # An ID drawn while the database was away may be taken: one in a billion. Its dialog is kept in a file.
            raise EntryRejected from error

    def _apply(self, entry: Entry) -> None:
        """Carry one write out; raise EntryRejected, DuplicateDialogId or StorageError (the database refuses)."""
        try:
            with self._database.session() as session:
                _OPERATIONS[entry["op"]](session, entry)
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

    # -- reading --------------------------------------------------------------------------------------------------------

    def get(self, dialog_id: str) -> Dialog | None:
        """Return a dialog with its turns, None if there is none."""
        return self._read(lambda session: _get(session, dialog_id))

    def turns_after(self, dialog_id: str, number: int) -> list[Turn]:
        """Return the turns that follow turn `number` (for live views)."""
        query = select(TurnRow).where(TurnRow.dialog_id == dialog_id, TurnRow.number > number).order_by(TurnRow.number)
        return self._read(lambda session: [_turn(row) for row in session.scalars(query)])

    def find(self, wanted: DialogFilter | None = None) -> list[Dialog]:
        """Return heads of dialogs (without turns), newest first."""
        wanted = wanted or DialogFilter()
        query = _where(select(DialogRow), wanted).order_by(DialogRow.started_at.desc(), DialogRow.id)
        query = query.limit(wanted.limit).offset(wanted.offset)
        return self._read(lambda session: [_dialog(row) for row in session.scalars(query)])

    def count(self, wanted: DialogFilter | None = None) -> int:
        """Return how many dialogs a filter finds, whatever its limit."""
        query = _where(select(func.count()).select_from(DialogRow), wanted or DialogFilter())
        return self._read(lambda session: session.scalar(query) or 0)

    def iterate(self, wanted: DialogFilter | None = None) -> Iterator[Dialog]:
        """Yield whole dialogs, oldest first, page by page; the filter's limit and offset are ignored."""
        wanted = wanted or DialogFilter()
        last: tuple[datetime, str] | None = None
        while True:
            page = self._read(lambda session, last=last: _page(session, wanted, last))  # type: ignore[misc]
            yield from page
            if len(page) < _EXPORT_PAGE:
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


# -- one write --------------------------------------------------------------------------------------------------------------


def _open(session: Session, entry: Entry) -> None:
    there = session.get(DialogRow, entry["id"])
    if there is None:
        session.add(DialogRow(id=entry["id"], **entry["values"]))
        return
    is_same = there.started_at == entry["values"]["started_at"] and there.sip_call_id == entry["values"]["sip_call_id"]
    if not is_same:
        raise DuplicateDialogId("This dialog ID is taken.", "Draw another.")


def _turn_write(session: Session, entry: Entry) -> None:
    if session.get(DialogRow, entry["id"]) is None:
        raise EntryRejected("no such dialog")
    row = session.get(TurnRow, (entry["id"], entry["number"]))
    if row is None:
        session.add(TurnRow(dialog_id=entry["id"], number=entry["number"], **entry["values"]))
    else:
        _set(row, entry["values"])


def _change_turn(session: Session, entry: Entry) -> None:
    row = session.get(TurnRow, (entry["id"], entry["number"]))
    if row is None:
        raise EntryRejected("no such turn")
    _set(row, entry["values"])


def _change_dialog(session: Session, entry: Entry) -> None:
    row = session.get(DialogRow, entry["id"])
    if row is None:
        raise EntryRejected("no such dialog")
    _set(row, entry["values"])


_OPERATIONS: Mapping[str, Callable[[Session, Entry], None]] = {
    "open": _open,
    "turn": _turn_write,
    "change_turn": _change_turn,
    "change_dialog": _change_dialog,
}


def _set(row: DialogRow | TurnRow, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _fit(table: type[DialogRow | TurnRow], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values that every database takes: what a stranger's SIP header holds may be too long or hold a NUL."""
    columns = table.__table__.columns
    return {name: _fit_value(value, getattr(columns[name].type, "length", None)) for name, value in values.items()}


def _fit_value(value: Any, length: int | None = None) -> Any:
    if isinstance(value, str):
        return str(value).replace("\0", "")[:length]
    if isinstance(value, Mapping):
        return {str(key): _fit_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_fit_value(item) for item in value]
    if value is None or isinstance(value, bool | int | float | datetime):
        return value
    return str(value)  # dates, enums and the like, inside JSON


def _to_json(entry: Entry) -> Entry:
    values = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in entry["values"].items()}
    return {**entry, "values": values}


def _from_json(entry: Entry) -> Entry:
    values = {
        name: datetime.fromisoformat(value) if name in _TIMES and isinstance(value, str) else value
        for name, value in entry["values"].items()
    }
    return {**entry, "values": values}


# -- queries ----------------------------------------------------------------------------------------------------------------


def _dialog(row: DialogRow) -> Dialog:
    return Dialog(**{name: getattr(row, name) for name in _DIALOG_FIELDS})


def _turn(row: TurnRow) -> Turn:
    values = {name: getattr(row, name) for name in _TURN_FIELDS}
    return Turn(**{**values, "who": Who(row.who), "alternatives": tuple(row.alternatives)})


def _get(session: Session, dialog_id: str) -> Dialog | None:
    row = session.get(DialogRow, dialog_id)
    if row is None:
        return None
    turns = session.scalars(select(TurnRow).where(TurnRow.dialog_id == dialog_id).order_by(TurnRow.number))
    return replace(_dialog(row), turns=tuple(_turn(turn) for turn in turns))


def _page(session: Session, wanted: DialogFilter, last: tuple[datetime, str] | None) -> list[Dialog]:
    query = _where(select(DialogRow), wanted)
    if last is not None:
        started_at, dialog_id = last
        is_next = or_(DialogRow.started_at > started_at, (DialogRow.started_at == started_at) & (DialogRow.id > dialog_id))
        query = query.where(is_next)
    rows = session.scalars(query.order_by(DialogRow.started_at, DialogRow.id).limit(_EXPORT_PAGE)).all()
    turns: dict[str, list[Turn]] = {row.id: [] for row in rows}
    found = select(TurnRow).where(TurnRow.dialog_id.in_(turns)).order_by(TurnRow.dialog_id, TurnRow.number)
    for turn in session.scalars(found):
        turns[turn.dialog_id].append(_turn(turn))
    return [replace(_dialog(row), turns=tuple(turns[row.id])) for row in rows]


SelectT = TypeVar("SelectT", bound=Select[Any])


def _where(query: SelectT, wanted: DialogFilter) -> SelectT:
    conditions: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(DialogRow.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(DialogRow.started_at < wanted.until)
    if wanted.channel:
        conditions.append(DialogRow.channel == wanted.channel)
    if wanted.outcome:
        conditions.append(DialogRow.outcome == wanted.outcome)
    if wanted.sip_call_id:
        conditions.append(DialogRow.sip_call_id == wanted.sip_call_id)
    if wanted.phone_digits:
        conditions.append(DialogRow.caller_phone.contains(wanted.phone_digits, autoescape=True))
    if wanted.is_transferred is not None:
        conditions.append((DialogRow.transfer_target != "") == wanted.is_transferred)
    if wanted.text:
        # SQLite folds the case of Latin letters only; callers' texts are lower-case, robots' sentences are capitalised.
        spellings = {wanted.text, wanted.text.lower(), wanted.text.capitalize()}
        said = or_(*(TurnRow.text.contains(spelling, autoescape=True) for spelling in sorted(spellings)))
        conditions.append(select(TurnRow.number).where(TurnRow.dialog_id == DialogRow.id, said).exists())
    return query.where(*conditions)
