"""A copy of the database in one file, made while the robot works; and putting such a copy back."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import URL, make_url

from voicebot.errors import StorageError
from voicebot.storage.database import open_database

SQLITE_ENDING = ".sqlite3"
POSTGRESQL_ENDING = ".pgdump"  # pg_dump's custom format
_FOREVER_SECONDS = 3600


def ending_of(url: str) -> str:
    """Return how a copy of this database is called at its end."""
    return SQLITE_ENDING if make_url(url).get_backend_name() == "sqlite" else POSTGRESQL_ENDING


def copy_database(url: str, target: Path) -> None:
    """Write a consistent copy to `target`, which must not exist. Raises StorageError."""
    parsed = make_url(url)
    open_database(url).close()  # a clear error where there is nothing to copy
    target.touch(mode=0o600, exist_ok=False)  # patients' names are in it
    if parsed.get_backend_name() == "sqlite":
        _copy_sqlite(Path(parsed.database or ""), target)
    else:
        _tool("pg_dump", parsed, ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"])


def check_copy(source: Path) -> None:
    """Read the copy through. Raises StorageError where it is torn."""
    if source.suffix == SQLITE_ENDING:
        _check_sqlite(source)
        return
    _run([_program("pg_restore"), "--list", str(source)], {}, f"{source.name} is no whole dump")


def put_back(url: str, source: Path) -> None:
    """Make the database what the copy holds; all or nothing. Nobody else may use it meanwhile. Raises StorageError."""
    parsed = make_url(url)
    if source.suffix != ending_of(url):
        kind = "PostgreSQL" if source.suffix == POSTGRESQL_ENDING else "SQLite"
        raise StorageError(f"{source.name} is a copy of a {kind} database.", "Set database.url to one of the same kind.")
    check_copy(source)
    if parsed.get_backend_name() == "sqlite":
        _put_back_sqlite(Path(parsed.database or ""), source)
    else:
        options = ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
        _tool("pg_restore", parsed, [*options, str(source)])


def _copy_sqlite(database: Path, target: Path) -> None:
    """VACUUM INTO reads one snapshot, so that callers' writes go on; nothing of erased rows is left in the copy."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as source:
            source.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise StorageError(f"The database cannot be copied: {error}.", "Is the disk full, or the file damaged?") from None
    _check_sqlite(target)


def _check_sqlite(file: Path) -> None:
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as connection:
            answer = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        raise StorageError(f"{file.name} is damaged: {answer}.", "Take an earlier copy.")


def _put_back_sqlite(database: Path, source: Path) -> None:
    draft = database.with_name(f"{database.name}.restored")
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, draft)
        draft.chmod(0o600)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        for beside in ("-wal", "-shm"):  # they belong to the old file
            database.with_name(database.name + beside).unlink(missing_ok=True)
        draft.replace(database)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise StorageError(f"The database cannot be put back: {error.strerror}.", "Look at the disk and its rights.") from None


def _tool(name: str, url: URL, options: list[str]) -> None:
    """Run one of PostgreSQL's own tools; the password goes by the environment, which other users cannot read."""
    where = {"--host": url.host, "--port": url.port, "--username": url.username, "--dbname": url.database}
    query = {key: value for key, value in url.query.items() if isinstance(value, str)}
    where["--host"] = where["--host"] or query.get("host")
    command = [_program(name), *(f"{key}={value}" for key, value in where.items() if value), "--no-password", *options]
    secret = {"PGPASSWORD": url.password} if url.password else {}
    _run(command, secret, f"{name} failed")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise StorageError(f"{name} is not installed.", "Install PostgreSQL's client programs (Debian: postgresql-client).")
    return found


def _run(command: list[str], secret: dict[str, str], problem: str) -> None:
    environment = {**os.environ, **secret}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_FOREVER_SECONDS, check=False)
    if done.returncode:
        told = done.stderr.strip().splitlines()
        # Of restored rows, an error may quote values ("DETAIL: Key (phone)=..."): the first line names the cause.
        raise StorageError(f"{problem}: {told[0] if told else done.returncode}.", "Cure that and try again.")
