"""Migrations: whole, under a lock, and in agreement with the models."""

import importlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, insert, inspect, text, types

from voicebot.storage.base import Base
from voicebot.storage.database import open_database
from voicebot.storage.failures import SchemaError
from voicebot.storage.upgrade import _config, current, drift, head, upgrade

TABLES = [
    "voicebot.accounts.tables",
    "voicebot.channels.bot_tables",
    "voicebot.clinic.call_tables",
    "voicebot.clinic.pin_tables",
    "voicebot.clinic.tables",
    "voicebot.messages.tables",
    "voicebot.privacy.tables",
    "voicebot.records.chat_tables",
    "voicebot.records.tables",
    "voicebot.reminders.tables",
]


def test_models_and_migrations_agree(database_url: str) -> None:
    for module in TABLES:
        importlib.import_module(module)
    database = open_database(database_url)
    upgrade(database)
    assert drift(database, Base.metadata) == []
    assert current(database) == head()
    with database.session(is_readonly=True) as session:
        assert set(Base.metadata.tables) <= set(inspect(session.connection()).get_table_names())
    database.close()


def test_drift_is_noticed(database_url: str) -> None:
    database = open_database(database_url)
    upgrade(database)
    with database.session() as session:
        session.execute(text("ALTER TABLE patients ADD COLUMN shoe_size INTEGER"))
    assert any("shoe_size" in str(operation) for operation in drift(database, Base.metadata))
    database.close()


def test_upgrade_again_changes_nothing(database_url: str) -> None:
    database = open_database(database_url)
    upgrade(database)
    before = current(database)
    upgrade(database)
    assert current(database) == before == head()
    database.close()


def test_broken_migration_leaves_nothing_behind(database_url: str) -> None:
    database = open_database(database_url)
    with database.session() as session:
        session.execute(text("CREATE TABLE clinic_orders (id INTEGER)"))  # the last table of the first revision is in the way
    with pytest.raises(Exception, match="clinic_orders"):
        upgrade(database)
    with database.session(is_readonly=True) as session:
        assert inspect(session.connection()).get_table_names() == ["clinic_orders"]
    database.close()


def test_downgrade_and_back(database_url: str) -> None:
    database = open_database(database_url)
    upgrade(database)
    with database.session() as session:
        config = _config()
        config.attributes["connection"] = session.connection()
        command.downgrade(config, "base")
    assert current(database) == ""
    upgrade(database)
    assert current(database) == head()
    database.close()


def test_what_a_revision_has_is_there_at_the_newest(database_url: str) -> None:
    """A row goes into each table at the revision that made it, as an installation of that day had them."""
    database = open_database(database_url)
    filled: list[str] = []
    for script in reversed(list(ScriptDirectory.from_config(_config()).walk_revisions())):
        upgrade(database, script.revision)
        tables = MetaData()
        tables.reflect(database.engine)
        for table in tables.sorted_tables:
            is_ours = table.name != "alembic_version" and not table.name.startswith("dialog_words")
            if is_ours and table.name not in filled:
                with database.session() as session:
                    session.execute(insert(table).values({column.name: _something(column.type) for column in table.columns}))
                filled.append(table.name)
    assert current(database) == head()
    assert set(filled) >= set(Base.metadata.tables)
    with database.session(is_readonly=True) as session:
        counts = {name: session.scalar(text(f"SELECT count(*) FROM {name}")) for name in filled}
    assert counts == dict.fromkeys(filled, 1)
    database.close()


def _something(kind: Any) -> Any:
    """A value that fits a column: the same in all tables, so that they find each other."""
    known: list[tuple[Any, Any]] = [
        (types.Boolean, True), (types.Integer, 1), (types.Numeric, 1), (types.Float, 1),
        (types.DateTime, datetime(2026, 11, 22, tzinfo=UTC)),
        (types.Date, date(2026, 11, 22)), (types.JSON, {}),
    ]  # fmt: skip
    return next((value for one, value in known if isinstance(kind, one)), "x")


def test_newer_database_is_refused(database_url: str) -> None:
    database = open_database(database_url)
    upgrade(database)
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999_future'"))
    with pytest.raises(SchemaError, match="9999_future") as caught:
        upgrade(database)
    assert "newer" in caught.value.cure
    database.close()


def test_many_processes_start_at_once(database_url: str) -> None:
    program = (
        "import sys\n"
        "from voicebot.storage.database import open_database\n"
        "from voicebot.storage.upgrade import current, upgrade\n"
        "sys.stdin.readline()\n"  # all are loaded before any begins
        "database = open_database(sys.argv[1])\n"
        "upgrade(database)\n"
        "print(current(database))\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, database_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    with ThreadPoolExecutor(len(processes)) as pool:
        results = list(pool.map(lambda process: process.communicate("go\n", timeout=90), processes))
    assert [process.returncode for process in processes] == [0] * 4, results
    assert [out.splitlines()[-1] for out, _ in results] == [head()] * 4
    assert sum("database_upgraded" in out for out, _ in results) == 1
