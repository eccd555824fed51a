"""A stage for conversation files: the clinic's real services over throw-away diaries, in virtual time."""

import shutil
import tempfile
from datetime import UTC
from pathlib import Path
from types import TracebackType
from typing import Self

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue
from voicebot.clinic.services import ClinicServices
from voicebot.clinic.setup import prepare
from voicebot.clock import Clock, VirtualClock
from voicebot.dialog.conversation_files import Conversation
from voicebot.dialog.conversations import Played, play
from voicebot.dialog.engine import Engine
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.understanding import Understanding
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

_DIARY_DAYS = 35


def diary(catalogue: Catalogue, file: Path, clock: Clock) -> Database:
    """Return a new database of the clinic, its free times filled from today on."""
    database = open_database(f"sqlite:///{file}")
    upgrade(database)
    prepare(database, catalogue, clock, days=_DIARY_DAYS)
    return database


class Stage:
    """Plays conversations one after another; each gets a diary of its own, copied from one filled for its day."""

    def __init__(self, catalogue: Catalogue, plans: Dialplans, understanding: Understanding) -> None:
        self._catalogue = catalogue
        self._plans = plans
        self._understanding = understanding
        self._folder = tempfile.TemporaryDirectory()
        self._filled: dict[str, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._folder.cleanup()

    def play(self, conversation: Conversation) -> Played:
        """Play one conversation to its end."""
        clock = VirtualClock(conversation.now.astimezone(UTC)) if conversation.now else VirtualClock()
        own = Path(self._folder.name) / "own.db"
        shutil.copy(self._diary_of(clock), own)
        database = open_database(f"sqlite:///{own}")
        try:
            engine = Engine(self._plans, self._catalogue, self._understanding, conversation.budget_seconds)
            services = ClinicServices(Bookings(database, self._catalogue, clock), self._catalogue, clock)
            return play(conversation, engine, services, clock, self._catalogue.zone)
        finally:
            database.close()

    def _diary_of(self, clock: VirtualClock) -> Path:
        day = f"{clock.now():%Y%m%d%H%M}"
        if day not in self._filled:
            self._filled[day] = Path(self._folder.name) / f"{day}.db"
            diary(self._catalogue, self._filled[day], clock).close()
        return self._filled[day]
