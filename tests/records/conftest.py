from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import database_url, postgresql_url

from voicebot.clock import VirtualClock
from voicebot.records.store import RecordStore
from voicebot.records.tables import DialogRow
from voicebot.storage.base import Base
from voicebot.storage.database import Database, open_database

__all__ = ["database_url", "postgresql_url"]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'records.db'}", busy_seconds=0.05, retry_seconds=0.05)
    Base.metadata.create_all(database.engine, tables=[DialogRow.metadata.tables["dialogs"], DialogRow.metadata.tables["turns"]])
    yield database
    database.close()


@pytest.fixture
def store(database: Database, tmp_path: Path, clock: VirtualClock) -> Iterator[RecordStore]:
    store = RecordStore(database, tmp_path / "spool", clock)
    yield store
    store.close()
