"""From a reminder by SMS to the visit moved, cancelled or confirmed: the demo clinic's own dialogs, planner and courier."""

import random
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from chat_stage import HOURS, TEXTS, DemoDialogs, demo_dialogs
from demo_clinic import MONDAY_NINE
from reminder_world import Provider, Senders, World
from sqlalchemy import select

from voicebot.channels.conversations import TextConversations
from voicebot.channels.sms_answers import RULES, SmsAnswers
from voicebot.channels.thinking import Thinker
from voicebot.clinic.appointments import Appointment, Name
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.services import ClinicServices
from voicebot.clinic.tables import AppointmentRow, MessageRow
from voicebot.clock import VirtualClock
from voicebot.messages.courier import Courier
from voicebot.messages.intents import Means
from voicebot.messages.senders.sender import Channel, IncomingText
from voicebot.reminders.outcomes import Outcomes
from voicebot.reminders.planner import Planner
from voicebot.reminders.several import SEVERAL, Several, several_guard
from voicebot.reminders.tables import ReminderRow
from voicebot.russian.names import PersonName
from voicebot.storage.database import open_database

__all__ = ["demo_dialogs"]

PHONE = "+79160000000"
ANNA, PETER = PersonName("Ветрова", "Анна", ""), PersonName("Ветров", "Пётр", "")


class Clinic:
    """A number to which SMS go, and from which they come."""

    def __init__(self, dialogs: DemoDialogs, folder: Path) -> None:
        shutil.copy(dialogs.diary, folder / "sms.db")
        self.clock = VirtualClock(MONDAY_NINE)
        self.database = open_database(f"sqlite:///{folder / 'sms.db'}")
        rng = random.Random(1)
        sms = Provider("main", Channel.SMS, self.clock, rng)
        world = World(self.database, self.clock, rng, {Channel.SMS: Senders([sms])}, {})
        zone = dialogs.catalogue.zone
        self.planner = Planner(
            self.database, self.clock, world.rules, dialogs.catalogue.zone_of, zone, Several(frozenset({"sms"}))
        )
        means = Means(world.routes, world.means.texts, world.means.price, dialogs.catalogue.zone_of, {SEVERAL: several_guard})
        self.courier = Courier(self.database, self.clock, world.cascade, means)
        self.bookings = Bookings(self.database, dialogs.catalogue, self.clock)
        services = ClinicServices(self.bookings, dialogs.catalogue, self.clock)
        thinker = Thinker(dialogs.engine, services, self.clock, zone, HOURS)
        self.conversations = TextConversations(thinker, self.database, {"sms": RULES}, TEXTS, "demo")
        self.branch = next(iter(dialogs.catalogue.branches))
        self.answers = SmsAnswers(self.database, self.clock, lambda: self.conversations)
        self._count = 0

    def book(self, name: Name, days: int, hour: int = 0) -> Appointment:
        """A visit to a therapist in the first branch, booked five days ago as far as reminders know."""
        day = self.clock.now().astimezone(MONDAY_NINE.tzinfo).date() + timedelta(days=days)
        found = self.bookings.find_slots("therapist", branch=self.branch, limit=400, is_spread=False)
        slot = next(one for one in found if one.start.date() == day and one.start.hour >= hour)
        made = self.bookings.book(slot.slot_id, f"dialog{name.given}", name, PHONE, key=f"key-{name.given}-{days}")
        with self.database.session() as session:
            session.get_one(AppointmentRow, made.id).created_at = self.clock.now() - timedelta(days=5)
        return made

    async def remind(self) -> None:
        self.planner.tick()
        await self.courier.tick()

    async def says(self, text: str) -> str:
        """The patient sends a text; returns what the robot's SMS says."""
        self.clock.advance(20)
        self._count += 1
        await self.answers.take(IncomingText("main", Channel.SMS, PHONE, text, self.clock.now(), f"in-{self._count}"))
        with self.database.session(is_readonly=True) as session:
            key = f"reply/main/in-{self._count}"
            values = session.scalar(select(MessageRow.values).where(MessageRow.key == key))
        return "" if values is None else str(values["text"])

    def visits(self) -> dict[int, tuple[str, bool, int | None]]:
        """Each visit: status, whether it was confirmed, which it replaces."""
        with self.database.session(is_readonly=True) as session:
            rows = session.scalars(select(AppointmentRow).order_by(AppointmentRow.id))
            return {row.id: (row.status, row.confirmed_at is not None, row.replaces_id) for row in rows}

    def noted(self) -> dict[int, str]:
        """What stands beside the reminders, by visit."""
        Outcomes(self.database, self.clock).tick()
        with self.database.session(is_readonly=True) as session:
            return {row.appointment_id: row.answer for row in session.scalars(select(ReminderRow))}


@pytest.fixture
def clinic(demo_dialogs: DemoDialogs, tmp_path: Path) -> Iterator[Clinic]:
    one = Clinic(demo_dialogs, tmp_path)
    yield one
    one.conversations.close()
    one.database.close()


async def test_a_visit_is_moved_by_sms(clinic: Clinic) -> None:
    visit = clinic.book(ANNA, 1)
    clinic.clock.advance(3 * 3600)
    await clinic.remind()
    assert "На какой день" in await clinic.says("перенести")
    reply = await clinic.says("в четверг утром")
    assert "26 ноября" in reply
    assert "Подходит?" in reply
    assert "Всё верно?" in await clinic.says("да")
    assert "перенес" in (await clinic.says("да")).lower()
    status = clinic.visits()
    moved = next(number for number, (_, _, replaces) in status.items() if replaces == visit.id)
    assert (status[visit.id][0], status[moved][0]) == ("cancelled", "booked")
    assert clinic.noted()[visit.id] == "moved"


async def test_the_next_sms_is_for_the_dialog_not_for_another_reminder(clinic: Clinic) -> None:
    """Two reminders wait: «в четверг утром» after «перенести» must not be taken for an answer to the other one."""
    other = clinic.book(PETER, 2)
    clinic.clock.advance(24 * 3600 + 3 * 3600)
    await clinic.remind()
    clinic.clock.advance(3600)
    visit = clinic.book(ANNA, 1, 15)
    clinic.clock.advance(3 * 3600)
    await clinic.remind()
    assert len(clinic.noted()) == 2
    first = await clinic.says("перенести")
    assert "На какой день" in first
    reply = await clinic.says("в четверг утром")
    assert "Подтверждаете" not in reply
    assert "Всё верно?" in await clinic.says("да")
    assert "перенес" in (await clinic.says("да")).lower()
    assert clinic.visits()[other.id] == ("booked", False, None)
    assert clinic.visits()[visit.id][0] == "cancelled"


@pytest.mark.parametrize("answer", ["да", "1", "придём"])
async def test_a_family_says_yes_once(clinic: Clinic, answer: str) -> None:
    visits = [clinic.book(ANNA, 1), clinic.book(PETER, 1)]
    clinic.clock.advance(3 * 3600)
    await clinic.remind()
    assert [row.template for row in _messages(clinic)] == [SEVERAL]
    assert "Ждём вас" in await clinic.says(answer)
    assert [clinic.visits()[one.id] for one in visits] == [("booked", True, None)] * 2


async def test_of_a_family_the_right_visit_is_cancelled(clinic: Clinic) -> None:
    anna, peter = clinic.book(ANNA, 1), clinic.book(PETER, 1)
    clinic.clock.advance(3 * 3600)
    await clinic.remind()
    assert "амилию" in await clinic.says("отмена")
    assert "тменить" in await clinic.says("Ветров Пётр")
    await clinic.says("отменить")
    assert clinic.visits() == {anna.id: ("booked", False, None), peter.id: ("cancelled", False, None)}
    assert clinic.noted() == {anna.id: "", peter.id: "cancelled"}


def _messages(clinic: Clinic) -> list[MessageRow]:
    with clinic.database.session(is_readonly=True) as session:
        return list(session.scalars(select(MessageRow).where(MessageRow.template != "dialog_reply").order_by(MessageRow.id)))
