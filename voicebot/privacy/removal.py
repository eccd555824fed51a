"""Dialogs taken away for good: their recordings first, then their rows, so that a crash in between loses no track of a file.

What stays is a row of figures under another, random name: nothing leads from it to a person or a call.
"""

import re
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

import structlog
from sqlalchemy import delete, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from voicebot.records.archive import Archive, StoreAway
from voicebot.records.digest import erase_words
from voicebot.records.recordings import find, names
from voicebot.records.tables import DialogRow, FactsRow
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

_DRAWS = 5
_RECORDING = re.compile(r"\d{4}/\d{2}/\d{2}/[^/]+\.flac(\.sealed)?")
_REST_SECONDS = 0.05
_MERGE_PAGES = 500  # of SQLite's search index a transaction: some milliseconds


def rest() -> None:
    """Let a call's turn have the write lock."""
    time.sleep(_REST_SECONDS)


def remove_recordings(folder: Path, paths: Mapping[str, str], archive: Archive | None = None) -> tuple[list[str], int]:
    """Delete the files of recordings (dialog ID -> path), here and in the store; return (dialogs without one now, how many)."""
    gone: list[str] = []
    count = 0
    for dialog_id, relative in paths.items():
        try:
            while (path := find(folder, relative)) is not None:  # plain and sealed, where a sealing was interrupted
                path.unlink()
                count += 1
            if archive is not None:
                count += sum(archive.remove(name) for name in names(relative))
            gone.append(dialog_id)
        except OSError as error:
            log.error("recording_not_removed", dialog_id=dialog_id, why=error.strerror, cure="Check the rights of its folder.")
        except StoreAway as error:
            log.error("recording_not_removed", dialog_id=dialog_id, why=error.message, cure=error.cure)
    return gone, count


def remove_old_objects(archive: Archive, before: date, between: Callable[[], None] = rest) -> int:
    """Delete recordings that the store has of days before `before`, also what no dialog names; return how many.

    What else lies in a bucket that is not ours alone stays. Raises StoreAway.
    """
    count = 0
    for one in archive.each():  # in the order of names, which begin with the day
        if one.name >= f"{before:%Y/%m/%d}":
            break
        if _RECORDING.fullmatch(one.name):
            count += archive.remove(one.name)
            between()
    return count


def forget_recordings(session: Session, dialog_ids: Sequence[str]) -> None:
    """Note that recordings are gone."""
    session.execute(update(DialogRow).where(DialogRow.id.in_(dialog_ids)).values(recording_path="", recording_started_ms=None))


def remove_dialogs(database: Database, dialog_ids: Sequence[str]) -> None:
    """Delete dialogs with everything said in them; their figures stay, nameless."""

    def work(session: Session) -> None:
        for dialog_id in dialog_ids:
            session.execute(update(FactsRow).where(FactsRow.dialog_id == dialog_id).values(dialog_id=_nameless()))
        erase_words(session.connection(), dialog_ids)
        session.execute(delete(DialogRow).where(DialogRow.id.in_(dialog_ids)))  # turns, marks, notes: by their foreign keys

    for draw in range(_DRAWS):
        try:
            database.run(work)
            return
        except IntegrityError:  # a random name was taken
            if draw == _DRAWS - 1:
                raise


def _nameless() -> str:
    """A name that no dialog can have."""
    return "~" + secrets.token_urlsafe(6)[:7]


def settle(database: Database, between: Callable[[], None] = rest) -> None:
    """Make SQLite's files forget what was deleted: words in the full-text index, and the write-ahead log.

    `between` is called after each small transaction. PostgreSQL's autovacuum does the like by itself.
    """
    if not database.is_sqlite:
        return
    _merge_search(database, between)
    connection = database.engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()  # while others read, a part of it
    except sqlite3.OperationalError as error:
        log.info("log_not_truncated", why=error.sqlite_errorname)  # the next checkpoint will
    finally:
        connection.close()


def _merge_search(database: Database, between: Callable[[], None]) -> None:
    """FTS5 keeps deleted words until its segments are merged (sqlite.org/fts5.html, 6.8): all of them, some at a time."""
    pages = -_MERGE_PAGES  # negative: all segments take part, once
    while True:
        with database.session() as session:
            before = _changes(session)
            session.execute(text("INSERT INTO dialog_words (dialog_words, rank) VALUES ('merge', :pages)"), {"pages": pages})
            if _changes(session) - before < 2:
                return
        pages = _MERGE_PAGES
        between()


def _changes(session: Session) -> int:
    return int(session.scalar(text("SELECT total_changes()")) or 0)


def old_files(folder: Path, before: date) -> Iterator[Path]:
    """Yield the recordings in folders of days before `before`, also those that no dialog names."""
    for day, at in _days(folder):
        if at < before:
            yield from (path for path in sorted(day.iterdir()) if path.suffix in (".flac", ".sealed", ".repair"))


def remove_file(path: Path) -> bool:
    """Delete a file; return whether it is gone."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.error("file_not_removed", why=error.strerror, cure="Check the rights of its folder.")
        return False
    return True


def remove_empty_days(folder: Path, before: date, today: date) -> None:
    """Delete the empty folders of days before `before`; never one into which a call may be about to be recorded."""
    for day, at in _days(folder):
        if at >= before:
            continue
        is_old_month = (at.year, at.month) < (today.year, today.month)
        for path in (day, day.parent, day.parent.parent)[: 3 if at.year < today.year else 2 if is_old_month else 1]:
            try:
                path.rmdir()
            except OSError:
                break  # not empty


def _days(folder: Path) -> Iterator[tuple[Path, date]]:
    for day in sorted(folder.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/[0-9][0-9]")):
        try:
            at = date(*(int(part) for part in day.parts[-3:]))
        except ValueError:
            continue
        yield day, at
