"""The database's refusals, each brought about for real."""

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from voicebot.errors import ConfigurationError, StorageError
from voicebot.storage.database import Database, open_database
from voicebot.storage.failures import (
    DatabaseDamagedError,
    DatabaseLockedError,
    DatabaseReadOnlyError,
    DatabaseUnreachableError,
    DiskFullError,
    SchemaError,
    SerializationError,
)

THINGS = Table("things", MetaData(), Column("id", Integer, primary_key=True), Column("n", Integer, nullable=False))


def with_things(url: str, **limits: float) -> Database:
    database = open_database(url, **limits)
    with database.session() as session:
        THINGS.create(session.connection(), checkfirst=True)
    return database


def numbers(database: Database) -> list[int]:
    with database.session(is_readonly=True) as session:
        return list(session.scalars(select(THINGS.c.n).order_by(THINGS.c.n)))


def test_block_is_committed_or_undone(database_url: str) -> None:
    database = with_things(database_url)
    with database.session() as session:
        session.execute(insert(THINGS).values(n=1))

    def fail(session: Session) -> None:
        session.execute(insert(THINGS).values(n=2))
        raise RuntimeError("by ourselves")

    with pytest.raises(RuntimeError, match="by ourselves"):
        database.run(fail)
    assert numbers(database) == [1]
    database.close()


def test_sqlite_settings(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/new/folder/a.db", busy_seconds=1.5)
    with database.session() as session:
        pragmas = {
            name: session.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous")
        }
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 1500, "synchronous": 2}
    database.close()


def test_readers_go_on_while_one_writes(tmp_path: Path) -> None:
    database = with_things(f"sqlite:///{tmp_path}/a.db", busy_seconds=0.05, retry_seconds=0.2)
    with database.session() as writing:
        writing.execute(insert(THINGS).values(n=1))
        assert numbers(database) == []
    assert numbers(database) == [1]
    database.close()


def test_locked_sqlite_is_a_clear_error_and_passes(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database = with_things(f"sqlite:///{path}", busy_seconds=0.05, retry_seconds=0.2)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseLockedError, match=r"locked.*a\.db") as caught, database.session():
        pytest.fail("the transaction must not begin")
    assert "PostgreSQL" in caught.value.cure
    blocker.execute("COMMIT")
    with database.session() as session:
        session.execute(insert(THINGS).values(n=1))
    assert numbers(database) == [1]
    blocker.close()
    database.close()


def test_short_lock_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    database = with_things(f"sqlite:///{path}", busy_seconds=0.01, retry_seconds=60)
    blocker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    blocker.execute("BEGIN IMMEDIATE")
    threading.Timer(0.3, blocker.execute, ["COMMIT"]).start()
    with database.session() as session:  # its attempts of 10 ms fail until the other one is done
        session.execute(insert(THINGS).values(n=1))
    assert numbers(database) == [1]
    database.close()


def test_locked_postgresql_row(postgresql_url: str) -> None:
    database = with_things(postgresql_url, busy_seconds=0.1)
    with database.session() as session:
        session.execute(insert(THINGS).values(id=1, n=1))
    with database.session() as holding:
        holding.execute(text("SELECT * FROM things FOR UPDATE"))
        with pytest.raises(DatabaseLockedError), database.session() as waiting:
            waiting.execute(text("UPDATE things SET n = 2"))
    assert numbers(database) == [1]
    database.close()


def test_serialization_failure_is_run_again(postgresql_url: str) -> None:
    database = with_things(postgresql_url)
    with database.session() as session:
        session.execute(insert(THINGS).values(id=1, n=1))
    attempts = []

    def work(session: Session) -> None:
        session.execute(text("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"))
        n = session.scalar(select(THINGS.c.n))
        attempts.append(n)
        if len(attempts) == 1:
            with database.session() as other:
                other.execute(text("UPDATE things SET n = 10"))
        session.execute(text("UPDATE things SET n = :n"), {"n": n + 1})

    database.run(work)
    assert attempts == [1, 10]
    assert numbers(database) == [11]
    database.close()


def test_serialization_failures_are_not_retried_for_ever(postgresql_url: str) -> None:
    database = with_things(postgresql_url, retry_seconds=0.2)

    def work(session: Session) -> None:
        session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'crossed' USING ERRCODE = '40001'; END $$"))

    with pytest.raises(SerializationError):
        database.run(work)
    database.close()


def test_postgresql_is_found_by_every_spelling(postgresql_url: str) -> None:
    for scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        database = open_database(postgresql_url.replace("postgresql+psycopg", scheme))
        database.check()
        assert not database.is_sqlite
        database.close()


def test_missing_postgresql_database(postgresql_url: str) -> None:
    with pytest.raises(DatabaseUnreachableError, match="no such database") as caught:
        open_database(postgresql_url.replace("/test", "/absent"))
    assert "createdb" in caught.value.cure


def test_unreachable_server_shows_no_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed")
    with pytest.raises(DatabaseUnreachableError) as caught:
        open_database(f"postgresql://robot:hush@/clinic?host={tmp_path}")
    assert "hush" not in str(caught.value)
    assert "database.url" in caught.value.cure


def test_readonly_file(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with_things(f"sqlite:///{path}").close()
    database = open_database(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert numbers(database) == []
    with pytest.raises(DatabaseReadOnlyError) as caught, database.session() as session:
        session.execute(insert(THINGS).values(n=1))
    assert "write access" in caught.value.cure
    database.close()


def test_readonly_postgresql(postgresql_url: str) -> None:
    database = with_things(postgresql_url)

    def write(session: Session) -> None:
        session.execute(text("SET TRANSACTION READ ONLY"))
        session.execute(insert(THINGS).values(n=1))

    with pytest.raises(DatabaseReadOnlyError, match="read-only"):
        database.run(write)
    database.close()


def test_full_disk(tmp_path: Path) -> None:
    database = with_things(f"sqlite:///{tmp_path}/a.db")

    def fill(session: Session) -> None:
        session.execute(text("PRAGMA max_page_count = 3"))
        session.execute(text("CREATE TABLE big (t TEXT)"))
        session.execute(text("INSERT INTO big VALUES (:t)"), {"t": "x" * 100_000})

    with pytest.raises(DiskFullError) as caught:
        database.run(fill)
    assert "space" in caught.value.cure
    database.close()


def test_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"this is a letter to grandmother" * 100)
    with pytest.raises(DatabaseDamagedError, match="not a database"):
        open_database(f"sqlite:///{path}")


def test_folder_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseUnreachableError, match="folder"):
        open_database(f"sqlite:///{tmp_path}/file/a.db")
    (tmp_path / "a.db").mkdir()
    with pytest.raises(DatabaseUnreachableError, match="cannot be opened"):
        open_database(f"sqlite:///{tmp_path}/a.db")


def test_missing_table_says_how_to_make_it(database_url: str) -> None:
    database = open_database(database_url)
    with pytest.raises(SchemaError, match="table is missing") as caught, database.session() as session:
        session.execute(select(THINGS))
    assert "serve" in caught.value.cure
    database.close()


@pytest.mark.parametrize("url", ["", "nonsense", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:"])
def test_wrong_url(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_database(url)
    assert "sqlite:///" in caught.value.cure


def test_our_own_mistakes_are_not_storage_errors_and_show_no_values(database_url: str) -> None:
    database = with_things(database_url)

    def clash(session: Session) -> None:
        session.execute(insert(THINGS).values(id=1, n=1))
        session.execute(insert(THINGS).values(id=1, n=987654321))

    with pytest.raises(IntegrityError) as caught:
        database.run(clash)
    assert not isinstance(caught.value, StorageError)
    assert "987654321" not in str(caught.value)
    assert numbers(database) == []
    database.close()
