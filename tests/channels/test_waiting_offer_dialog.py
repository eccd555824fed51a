"""Somebody who waits is asked in a message and answers in writing: yes, no, no more; and too late."""

from datetime import date

import pytest
from chat_stage import ChatStage, demo_dialogs, said, stage
from sqlalchemy import select

from voicebot.channels.contact import Reply
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.tables import WaitingRow
from voicebot.clinic.waiting import WaitingList
from voicebot.clinic.waiting_offers import WaitingOffers
from voicebot.russian.names import PersonName
from voicebot.russian.when import When

__all__ = ["demo_dialogs", "stage"]

PHONE = "+79161234567"


def offered(stage: ChatStage) -> int:
    """Somebody waits for a doctor, whose visitor has cancelled; returns the place that was asked."""
    catalogue, database, clock = stage.dialogs.catalogue, stage.database, stage.clock
    bookings = Bookings(database, catalogue, clock)
    tomorrow = When(dates=(date(2026, 11, 24),))
    offer = bookings.find_slots(speciality="therapist", when=tomorrow)[0]
    visit = bookings.book(offer.slot_id, "d1", PersonName("Другой"), "+79160000000", None, "d1/book")
    waiting = WaitingList(database, catalogue, clock)
    place = waiting.join("w1", "w1/join", PersonName("Ждан", "Олег"), PHONE, doctor=offer.doctor_id, when=tomorrow)
    bookings.cancel(visit.id, "d1/cancel")
    assert WaitingOffers(database, catalogue, clock).tick() == 1
    return place.id


def place(stage: ChatStage, waiting_id: int) -> WaitingRow:
    query = select(WaitingRow).where(WaitingRow.id == waiting_id)
    return stage.database.run(lambda session: session.scalars(query).one(), is_readonly=True)


async def answer(stage: ChatStage, waiting_id: int, text: str) -> Reply:
    return await stage.say(text, form="waiting_offer", given={"waiting_id": waiting_id}, phone=PHONE)


async def test_yes(stage: ChatStage) -> None:
    one = offered(stage)
    reply = await answer(stage, one, "да")
    assert "Записала" in said(reply)
    row = place(stage, one)
    assert (row.status, row.outcome) == ("closed", "booked")
    visits = Bookings(stage.database, stage.dialogs.catalogue, stage.clock).appointments_of(PHONE)
    assert [visit.id for visit in visits] == [row.appointment_id]
    assert visits[0].start.date() == date(2026, 11, 24)
    reply = await stage.say("нет")
    assert (reply.is_over, reply.outcome) == (True, "booked")


@pytest.mark.parametrize(
    ("text", "words", "status"),
    [
        ("нет", "остаётесь в листе", "waiting"),
        ("не смогу", "остаётесь в листе", "waiting"),
        ("больше не нужно", "убрала вас", "closed"),
        ("3", "убрала вас", "closed"),
    ],
)
async def test_no(stage: ChatStage, text: str, words: str, status: str) -> None:
    one = offered(stage)
    assert words in said(await answer(stage, one, text))
    assert place(stage, one).status == status


async def test_asked_again_when_it_is_no_answer(stage: ChatStage) -> None:
    one = offered(stage)
    reply = await answer(stage, one, "какая сегодня погода")
    assert place(stage, one).status == "offered"
    reply = await stage.say("да")
    assert "Записала" in said(reply)


async def test_too_late_or_of_another_number(stage: ChatStage) -> None:
    one = offered(stage)
    stranger = await stage.say("да", form="waiting_offer", given={"waiting_id": one}, phone="+79169999999", address="other")
    assert "уже занято" in said(stranger)
    stage.clock.advance(3 * 3600)
    WaitingOffers(stage.database, stage.dialogs.catalogue, stage.clock).tick()
    assert "уже занято" in said(await answer(stage, one, "да"))
    assert place(stage, one).status == "waiting"
