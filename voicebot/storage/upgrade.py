"""Bring the tables up to date, at every start, by as many processes as like to start at once."""

from pathlib import Path
from typing import Any

import structlog
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import MetaData, text

from voicebot.storage.database import Database
from voicebot.storage.failures import SchemaError, translated

log = structlog.get_logger(__name__)

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x766F6963  # any number of ours: PostgreSQL's advisory lock for upgrades
_WAIT_SECONDS = 120


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", _FOLDER.as_posix().replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def head() -> str:
    """Return the newest revision this program knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(database: Database) -> str:
    """Return the revision the database is at, "" when it is empty."""
    with database.session(is_readonly=True) as session:
        return MigrationContext.configure(session.connection()).get_current_revision() or ""


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the database to `revision`. All or nothing, one process at a time; the others wait and find it done.

    Raises SchemaError when a newer program has upgraded the database already.
    """
    if revision == "head" and current(database) == head():
        return
    waiting = Database(database.engine, database.busy_seconds, _WAIT_SECONDS)  # SQLite: the write lock is the lock
    with translated(database.url), waiting.session() as session:
        connection = session.connection()
        if not database.is_sqlite:
            connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = MigrationContext.configure(connection).get_current_revision()
        config = _config()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, revision)
        except CommandError as error:
            if before and "locate revision" in str(error):
                raise SchemaError(
                    f"The database is at revision {before}, which this program does not know.",
                    "It was upgraded by a newer voicebot: install that one, or restore the backup made before.",
                ) from None
            raise
        after = MigrationContext.configure(connection).get_current_revision()
    if after != before:
        log.info("database_upgraded", before=before or "", after=after)


def _is_modelled(name: str | None, kind: str, _parents: Any) -> bool:
    """Full-text search is each database's own (SQLite's comes with shadow tables): no model has it."""
    return kind != "table" or name is None or not name.startswith("dialog_words")


def drift(database: Database, metadata: MetaData) -> list[Any]:
    """Return how the database differs from `metadata` (Alembic's autogenerate operations); empty when it does not."""
    with database.session(is_readonly=True) as session:
        opts = {"compare_type": True, "target_metadata": metadata, "include_name": _is_modelled}
        context = MigrationContext.configure(session.connection(), opts=opts)
        return list(compare_metadata(context, metadata))
