"""The demo clinic for conversations: dialplans, understanding and a filled database, made once."""

from pathlib import Path

import pytest
from talk_stage import DEMO, MONDAY_NINE, Clinic

from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.services import SERVICES
from voicebot.clinic.setup import prepare
from voicebot.clock import VirtualClock
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.understanding import Understanding
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Clinic:
    catalogue = load_catalogue(DEMO / "clinic")
    path: Path = tmp_path_factory.mktemp("clinic") / "filled.db"
    database = open_database(f"sqlite:///{path}")
    upgrade(database)
    prepare(database, catalogue, VirtualClock(MONDAY_NINE), days=10)
    database.close()
    understanding = Understanding(catalogue)
    understanding.warm_up()  # as a brain does before its first call: a conversation gives up on a step of ten seconds
    return Clinic(catalogue, load_dialplans(DEMO / "dialplans", SERVICES), understanding, path)
