"""A patient's SMS goes to the dialog about the message that it answers, and the reply goes out as a message."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from reminder_world import Provider, Senders, World, fast_database, utc
from sqlalchemy import select

from voicebot.channels.contact import Incoming, Mode, Reply, Said
from voicebot.channels.sms_answers import SmsAnswers
from voicebot.channels.store import Place
from voicebot.clinic.tables import MessageRow
from voicebot.clock import VirtualClock
from voicebot.messages.senders.sender import Channel, IncomingText

NOW = utc(2026, 11, 23, 9)
PHONE = "+79160000000"


class Conversations:
    """Answers each message; remembers what it was given."""

    def __init__(self) -> None:
        self.asked: list[Incoming] = []

    async def place(self, channel: str, address: str) -> Place:
        return Place(channel, address)

    async def receive(self, incoming: Incoming) -> Reply:
        self.asked.append(incoming)
        if incoming.text == "break":
            raise RuntimeError("a fault of ours")
        said = (Said(1, "robot", "Спасибо."), Said(2, "robot", "Ждём вас."))
        return Reply("K7MP3XQA", said, mode=Mode.OVER, outcome="confirmed" if incoming.form else "informed")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    clock, rng = VirtualClock(NOW), random.Random(1)
    sender = Provider("main", Channel.SMS, clock, rng)
    made = World(fast_database(tmp_path), clock, rng, {Channel.SMS: Senders([sender])}, {})
    yield made
    made.database.close()


def text(words: str, key: str) -> IncomingText:
    return IncomingText("main", Channel.SMS, PHONE, words, NOW, key)


async def test_an_answer_begins_the_form_of_its_message(world: World) -> None:
    visit = world.visits([(NOW + timedelta(hours=3), NOW - timedelta(days=2), "north")])[0]
    world.planner.tick()
    await world.courier().tick()
    talk = Conversations()
    answers = SmsAnswers(world.database, world.clock, lambda: talk)  # type: ignore[arg-type, return-value]
    await answers.take(text("1", "a"))
    await answers.take(text("спасибо", "b"))
    await answers.take(text("break", "c"))  # nothing is raised
    assert [(one.form, dict(one.given), one.phone) for one in talk.asked[:2]] == [
        ("reminder", {"appointment_id": visit}, PHONE),
        ("", {}, PHONE),  # the question has its answer
    ]
    with world.database.session(is_readonly=True) as session:
        rows = session.scalars(select(MessageRow).order_by(MessageRow.id)).all()
    assert [row.template for row in rows] == ["reminder_hours", "dialog_reply", "dialog_reply"]
    assert rows[0].answer == "confirmed"
    assert rows[1].values == {"text": "Спасибо. Ждём вас."}
    assert rows[1].channels == ["sms"]
    await answers.take(text("1", "a"))  # the provider tells it again
    assert len(world.messages()) == 3
