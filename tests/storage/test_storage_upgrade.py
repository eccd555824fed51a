"""Migrations: whole, under a lock, and in agreement with the models."""

import importlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from sqlalchemy import inspect, text

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
