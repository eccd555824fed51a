"""What one write does to the database, and how it looks as JSON in the spool."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from voicebot.errors import StorageError
from voicebot.records.spool import Entry, EntryRejected
from voicebot.records.tables import DialogRow, NoticeRow, TurnRow

_TIMES = frozenset({"started_at", "ended_at", "at", "notice_said_at", "first_said_at"})


class DuplicateDialogId(StorageError):
    """The drawn dialog ID is taken: draw another."""


def carry_out(session: Session, entry: Entry) -> None:
    """Do one write. Raises DuplicateDialogId, EntryRejected and what the database raises."""
    _OPERATIONS[entry["op"]](session, entry)


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


def _notice(session: Session, entry: Entry) -> None:
    if session.get(NoticeRow, entry["id"]) is None:
        session.add(NoticeRow(version=entry["id"], **entry["values"]))


_OPERATIONS: Mapping[str, Callable[[Session, Entry], None]] = {
    "open": _open,
    "turn": _turn_write,
    "change_turn": _change_turn,
    "change_dialog": _change_dialog,
    "notice": _notice,
}


def _set(row: DialogRow | TurnRow, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def fit(table: type[DialogRow | TurnRow | NoticeRow], values: Mapping[str, Any]) -> dict[str, Any]:
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


def to_json(entry: Entry) -> Entry:
    values = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in entry["values"].items()}
    return {**entry, "values": values}


def from_json(entry: Entry) -> Entry:
    values = {
        name: datetime.fromisoformat(value) if name in _TIMES and isinstance(value, str) else value
        for name, value in entry["values"].items()
    }
    return {**entry, "values": values}
