"""What a database refused, in words an engineer can act on."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from voicebot.errors import StorageError


class DatabaseLockedError(StorageError):
    """Another transaction kept its lock for longer than we may wait."""


class SerializationError(StorageError):
    """Two transactions crossed and the database undid ours: running it again is right."""


class DatabaseUnreachableError(StorageError):
    """The server, the file or its folder cannot be opened."""


class DatabaseReadOnlyError(StorageError):
    """Reading works, writing does not."""


class DiskFullError(StorageError):
    """No room left for the database."""


class DatabaseDamagedError(StorageError):
    """The file is no database, or is torn."""


class SchemaError(StorageError):
    """Tables are missing or newer than this program."""


_ACCESS = "Give this user write access to the file and its folder."
_SPACE = "Free space there; nothing new is stored until then."

# PostgreSQL SQLSTATE (appendix A of its manual) -> (error, what is wrong, cure). Longest prefix wins.
_POSTGRESQL: dict[str, tuple[type[StorageError], str, str]] = {
    "40": (SerializationError, "the database undid a transaction that crossed another", "Run it again."),
    "55P03": (DatabaseLockedError, "the database is locked by another transaction", "Look for it in pg_stat_activity."),
    "57014": (DatabaseLockedError, "the database took too long", "Look for long statements in pg_stat_activity."),
    "25006": (DatabaseReadOnlyError, "the database is read-only", "Give the URL of the primary server, not of a replica."),
    "42501": (DatabaseReadOnlyError, "the database user may not do this", "Grant it the rights to the voicebot schema."),
    "53100": (DiskFullError, "the database server's disk is full", _SPACE),
    "53": (DatabaseUnreachableError, "the database server is out of resources", "Raise max_connections or its memory."),
    "08": (DatabaseUnreachableError, "the database cannot be reached", "Start it, or correct database.url."),
    "57P": (DatabaseUnreachableError, "the database is starting or stopping", "Wait for it, or start it."),
    "28": (DatabaseUnreachableError, "the database refused our user or password", "Correct database.url."),
    "3D000": (
        DatabaseUnreachableError,
        "there is no such database on the server",
        "Create it (createdb), or correct database.url.",
    ),
    "42P01": (SchemaError, "a table is missing", "Run `voicebot serve` once: it brings the tables up to date."),
    "42703": (SchemaError, "a column is missing", "Run `voicebot serve` once: it brings the tables up to date."),
}

# SQLite result codes (sqlite.org/rescode.html), primary code as prefix of the extended one.
_SQLITE: dict[str, tuple[type[StorageError], str, str]] = {
    "SQLITE_BUSY": (DatabaseLockedError, "the database is locked", "Close whatever else writes to it, or use PostgreSQL."),
    "SQLITE_LOCKED": (DatabaseLockedError, "the database is locked", "Close whatever else writes to it, or use PostgreSQL."),
    "SQLITE_READONLY": (
        DatabaseReadOnlyError,
        "the database is read-only",
        _ACCESS,
    ),
    "SQLITE_PERM": (
        DatabaseReadOnlyError,
        "the database may not be opened",
        _ACCESS,
    ),
    "SQLITE_FULL": (
        DiskFullError,
        "the disk of the database is full",
        _SPACE,
    ),
    "SQLITE_CANTOPEN": (
        DatabaseUnreachableError,
        "the database cannot be opened",
        "Check its folder and the rights to it.",
    ),
    "SQLITE_CORRUPT": (DatabaseDamagedError, "the database is damaged", "Restore it from a backup."),
    "SQLITE_NOTADB": (DatabaseDamagedError, "the file is not a database", "Correct database.url, or move the file away."),
    "SQLITE_IOERR": (
        DatabaseDamagedError,
        "the disk failed",
        "Check the disk (dmesg), then the database.",
    ),
}


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _from_sqlite(error: sqlite3.Error) -> tuple[type[StorageError], str, str] | None:
    if "no such table" in str(error) or "no such column" in str(error):
        return _POSTGRESQL["42P01"]
    name: str = getattr(error, "sqlite_errorname", "")
    for prefix, meaning in _SQLITE.items():
        if name == prefix or name.startswith(prefix + "_"):
            return meaning
    return None


def _from_postgresql(error: BaseException) -> tuple[type[StorageError], str, str] | None:
    state: str | None = getattr(error, "sqlstate", None)
    if state is None:  # psycopg gives none when it could not even connect: only the server's words tell why
        if type(error).__name__ not in ("OperationalError", "ConnectionTimeout"):
            return None
        said = str(error)
        if "password authentication failed" in said:
            return _POSTGRESQL["28"]
        return _POSTGRESQL["3D000" if re.search(r'database ".*" does not exist', said) else "08"]
    matching = [prefix for prefix in _POSTGRESQL if state.startswith(prefix)]
    return _POSTGRESQL[max(matching, key=len)] if matching else None


def translate(error: BaseException, url: URL) -> StorageError | None:
    """Return what a driver's error means, or None where it is our own mistake (bad SQL, a broken constraint)."""
    if isinstance(error, PoolTimeoutError):
        return DatabaseUnreachableError(
            f"All connections to {_shown(url)} are in use.", "Run more processes or lower brain.capacity_calls."
        )
    if isinstance(error, IntegrityError):
        return None
    origin = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(origin, sqlite3.Error):
        meaning = _from_sqlite(origin)
    elif origin is not None:
        meaning = _from_postgresql(origin)
    else:
        meaning = None
    if meaning is None:
        return None
    kind, wrong, cure = meaning
    return kind(f"{wrong[0].upper()}{wrong[1:]} ({_shown(url)}).", cure)


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn drivers' errors into ours. The original's text may hold parameters, hence is cut off."""
    try:
        yield
    except (DBAPIError, PoolTimeoutError, sqlite3.Error) as error:
        ours = translate(error, url)
        if ours is None:
            raise
        raise ours from None
