import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from postgres import database_url, postgresql_url
from small_clinic import clock as new_clock
from small_clinic import diary

from voicebot.clinic.bookings import Bookings
from voicebot.clock import VirtualClock
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

__all__ = ["database_url", "postgresql_url"]


@pytest.fixture(scope="session")
def upgraded_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with all tables, to be copied: quicker than upgrading anew."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    database = open_database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@pytest.fixture
def clock() -> VirtualClock:
    return new_clock()


@pytest.fixture
def database(database_url: str, upgraded_file: Path) -> Iterator[Database]:
    """SQLite and PostgreSQL in turn, with all tables."""
    if database_url.startswith("sqlite"):
        shutil.copy(upgraded_file, database_url.removeprefix("sqlite:///"))
    opened = open_database(database_url)
    upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path, upgraded_file: Path) -> Iterator[Database]:
    """SQLite alone, where the kind of database does not matter."""
    shutil.copy(upgraded_file, tmp_path / "clinic.db")
    opened = open_database(f"sqlite:///{tmp_path / 'clinic.db'}")
    yield opened
    opened.close()


@pytest.fixture
def bookings(database: Database, clock: VirtualClock) -> Bookings:
    return diary(database, clock)
