"""The demo clinic for the dialog's tests: its catalogue, dialplans, understanding and a diary, made once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_clinic import CACHE, DAYS, DEMO, MONDAY_NINE, ServicesAt

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue, load_catalogue
from voicebot.clinic.services import SERVICES, ClinicServices
from voicebot.clinic.setup import prepare
from voicebot.clock import VirtualClock
from voicebot.dialog.engine import Engine
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.opening import understanding_of
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.understanding import Understanding
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(DEMO / "clinic")


@pytest.fixture(scope="session")
def dialplans() -> Dialplans:
    return load_dialplans(DEMO / "dialplans", SERVICES)


@pytest.fixture(scope="session")
def understanding(catalogue: Catalogue, dialplans: Dialplans) -> Understanding:
    return understanding_of(catalogue, dialplans, DEMO, CACHE)


@pytest.fixture(scope="session")
def engine(dialplans: Dialplans, catalogue: Catalogue, understanding: Understanding) -> Engine:
    return Engine(dialplans, catalogue, understanding)


@pytest.fixture(scope="session")
def filled_diary(catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite diary of the demo clinic, to be copied for each conversation."""
    path = tmp_path_factory.mktemp("diary") / "diary.db"
    database = open_database(f"sqlite:///{path}")
    upgrade(database)
    prepare(database, catalogue, VirtualClock(MONDAY_NINE), days=DAYS)
    database.close()
    return path


@pytest.fixture
def services_at(catalogue: Catalogue, filled_diary: Path, tmp_path: Path) -> Iterator[ServicesAt]:
    """The clinic's real services over a diary of one's own, on a given clock."""
    opened = []

    def make(clock: VirtualClock) -> ClinicServices:
        own = tmp_path / f"diary{len(opened)}.db"
        shutil.copy(filled_diary, own)
        database = open_database(f"sqlite:///{own}")
        opened.append(database)
        return ClinicServices(Bookings(database, catalogue, clock), catalogue, clock)

    yield make
    for database in opened:
        database.close()
