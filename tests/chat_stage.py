"""Text dialogs of the demo clinic in virtual time: a patient who writes, an operator who answers, a process that may die."""

import itertools
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from demo_clinic import CACHE, DAYS, DEMO, MONDAY_NINE
from sqlalchemy import select

from voicebot.channels.attendance import Attendance
from voicebot.channels.contact import Incoming, Reply
from voicebot.channels.conversations import TextConversations
from voicebot.channels.door import Door
from voicebot.channels.rules import Rules
from voicebot.channels.texts import Texts
from voicebot.channels.thinking import Thinker
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue, load_catalogue
from voicebot.clinic.services import SERVICES, ClinicServices
from voicebot.clinic.setup import prepare
from voicebot.clock import VirtualClock
from voicebot.dialog.engine import Engine
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.opening import understanding_of
from voicebot.records.handed import Handed
from voicebot.records.tables import DialogRow, TurnRow
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

TEXTS = Texts()
HOURS = {"mon-sun": "08:00-20:00"}
RULES = {"web": Rules(True, remind_seconds=300, close_seconds=1800), "alice": Rules(False, close_seconds=600)}


@dataclass(frozen=True, slots=True)
class DemoDialogs:
    """What is made once for all tests."""

    catalogue: Catalogue
    engine: Engine
    diary: Path


@pytest.fixture(scope="session")
def demo_dialogs(tmp_path_factory: pytest.TempPathFactory) -> DemoDialogs:
    catalogue = load_catalogue(DEMO / "clinic")
    plans = load_dialplans(DEMO / "dialplans", SERVICES)
    understanding = understanding_of(catalogue, plans, DEMO, CACHE)
    diary = tmp_path_factory.mktemp("diary") / "diary.db"
    database = open_database(f"sqlite:///{diary}")
    upgrade(database)
    prepare(database, catalogue, VirtualClock(MONDAY_NINE), days=DAYS)
    database.close()
    return DemoDialogs(catalogue, Engine(plans, catalogue, understanding), diary)


@dataclass(slots=True)
class ChatStage:
    """One process over one database. `pushed`: what went to patients unasked."""

    dialogs: DemoDialogs
    database: Database
    clock: VirtualClock
    operator_wait_seconds: float = 180
    pushed: list[tuple[str, Reply]] = field(default_factory=list)
    is_patient_there: bool = True
    conversations: TextConversations = field(init=False)
    attendance: Attendance = field(init=False)
    desk: Handed = field(init=False)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.desk = Handed(self.database, self.clock)
        self._start()

    def _start(self) -> None:
        services = ClinicServices(
            Bookings(self.database, self.dialogs.catalogue, self.clock), self.dialogs.catalogue, self.clock
        )
        thinker = Thinker(self.dialogs.engine, services, self.clock, self.dialogs.catalogue.zone, HOURS)
        self.conversations = TextConversations(
            thinker, self.database, RULES, TEXTS, "demo", operator_wait_seconds=self.operator_wait_seconds, threads=2
        )
        doors = {name: Door(name, rules, push=self._push) for name, rules in RULES.items()}
        self.attendance = Attendance(self.conversations, self.database, self.clock, doors)

    async def _push(self, address: str, reply: Reply) -> bool:
        if self.is_patient_there:
            self.pushed.append((address, reply))
        return self.is_patient_there

    def restart(self) -> None:
        """The process dies, as far as its memory goes; another one begins."""
        self.conversations.close()
        self._start()

    def close(self) -> None:
        self.conversations.close()
        self.database.close()

    async def say(self, text: str = "", *, message_id: str = "", seconds: float = 10, **more: object) -> Reply:
        """The patient writes, some seconds later."""
        self.clock.advance(seconds)
        values = {
            "channel": "web",
            "address": "patient",
            "message_id": message_id or f"message-{next(self._ids)}",
            "text": text,
        }
        return await self.conversations.receive(Incoming(**{**values, **more}))  # type: ignore[arg-type]

    async def press(self, reply: Reply, label: str) -> Reply:
        """The patient presses a button of a reply."""
        return await self.say(button=next(button.payload for button in reply.buttons if button.label.startswith(label)))

    async def wait(self, seconds: float = 1) -> list[Reply]:
        """Time goes by; return what was sent unasked meanwhile."""
        before = len(self.pushed)
        self.clock.advance(seconds)
        await self.attendance.look()
        return [reply for _, reply in self.pushed[before:]]

    async def book(self, until: str = "") -> Reply:
        """Book a visit to the therapist, up to a question that has `until` in it."""
        reply = await self.say("хочу записаться к терапевту")
        for answer in ("завтра после обеда", "1", "Иванов Пётр", "8 916 123-45-67"):
            if until and until in said(reply):
                return reply
            reply = await self.say(answer)
        return reply

    def dialog(self, dialog_id: str) -> DialogRow:
        query = select(DialogRow).where(DialogRow.id == dialog_id)
        return self.database.run(lambda session: session.scalars(query).one(), is_readonly=True)

    def turns(self, dialog_id: str) -> list[tuple[int, str, str]]:
        query = select(TurnRow).where(TurnRow.dialog_id == dialog_id).order_by(TurnRow.number)
        rows = self.database.run(lambda session: list(session.scalars(query)), is_readonly=True)
        return [(row.number, row.who, row.text) for row in rows]


def said(reply: Reply) -> str:
    return " ".join(one.text for one in reply.messages)


@pytest.fixture
def stage(demo_dialogs: DemoDialogs, tmp_path: Path) -> Iterator[ChatStage]:
    path = tmp_path / "chats.db"
    shutil.copy(demo_dialogs.diary, path)
    one = ChatStage(demo_dialogs, open_database(f"sqlite:///{path}"), VirtualClock(MONDAY_NINE))
    yield one
    with suppress(Exception):
        one.close()
