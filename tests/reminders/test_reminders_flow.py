"""Planner, courier, receipts and answers over a database: moved visits, early and wrong receipts, several at once, calls."""

import asyncio
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from reminder_world import Provider, Senders, Texts, World, fast_database, utc
from sqlalchemy import select

from voicebot.clinic.contact_points import ContactPoints
from voicebot.clinic.outbox import Outbox
from voicebot.clinic.outgoing_calls import OutgoingCalls
from voicebot.clinic.tables import AppointmentRow, LabOrderRow, MessageRow
from voicebot.clock import VirtualClock
from voicebot.messages.claims import claim
from voicebot.messages.routes import Route
from voicebot.messages.senders.bot_http import Gone
from voicebot.messages.senders.sender import Accepted, Channel, Outgoing, Receipt, ReceiptStatus, Unavailable
from voicebot.messages.tables import EarlyReceiptRow
from voicebot.messages.templates import UnknownTemplate
from voicebot.reminders.answers import Answers
from voicebot.reminders.call_sender import CallResults, CallSender
from voicebot.reminders.explain import Explainer
from voicebot.reminders.outcomes import Outcomes
from voicebot.reminders.results import ReadyResults
from voicebot.reminders.tables import ReminderRow
from voicebot.settings import Cascade
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

NOW = utc(2026, 11, 23, 9)  # Monday, 12:00 in Moscow
PHONE = "+79160000000"


def made(database: Database, *channels: Channel) -> World:
    rng = random.Random(3)
    clock = VirtualClock(NOW)
    senders = {channel: Provider(f"{channel.value}-provider", channel, clock, rng) for channel in channels or (Channel.SMS,)}
    routes = {channel: Senders([sender]) for channel, sender in senders.items()}
    return World(database, clock, rng, routes, {})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    one = made(fast_database(tmp_path), Channel.TELEGRAM, Channel.SMS)
    yield one
    one.database.close()


def tick(world: World) -> int:
    return asyncio.run(world.courier().tick())


def settle(world: World, seconds: float = 3600) -> None:
    """Let time pass until nothing is to be done any more."""
    for _ in range(200):
        world.tell_receipts()
        tick(world)
        world.clock.advance(seconds / 200)
    world.tell_receipts()
    tick(world)


def book(world: World, hours: float = 3, booked_days_ago: float = 3) -> int:
    return world.visits(
        [(world.clock.now() + timedelta(hours=hours), world.clock.now() - timedelta(days=booked_days_ago), "north")]
    )[0]


def only(world: World) -> MessageRow:
    (row,) = world.messages().values()
    return row


def test_two_planners_at_once_queue_each_reminder_once(database_url: str) -> None:
    database = open_database(database_url)
    upgrade(database)
    world = made(database)
    start = NOW + timedelta(hours=3)
    world.visits([(start, NOW - timedelta(days=3), "north")] * 60)
    planners = [world.new_planner() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda planner: planner.tick(), planners))
    assert sum(counts) + world.planner.tick() == 60  # one that waits too long for another leaves it the rest
    assert len(world.messages()) == 60
    assert world.planner.tick() == 0
    database.close()


def test_two_couriers_never_claim_the_same(database_url: str) -> None:
    database = open_database(database_url)
    upgrade(database)
    world = made(database)
    outbox = Outbox(database, world.clock)
    for number in range(40):
        outbox.put("address", PHONE, {}, "", f"k{number}")

    def take(name: str) -> list[int]:
        got: list[int] = []
        while some := database.run(lambda session: claim(session, name, NOW, timedelta(seconds=60), 3)):
            got += [one.message_id for one in some]
        return got

    with ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(take, "abcd"))
    flat = [one for some in claimed for one in some]
    assert len(flat) == len(set(flat)) == 40
    later = NOW + timedelta(seconds=60)
    again = database.run(lambda session: claim(session, "e", later, timedelta(seconds=60), 100))
    assert {one.fence for one in again} == {2}
    assert len(again) == 40
    database.close()


def test_a_moved_visit_is_reminded_of_at_its_new_time(world: World) -> None:
    visit = book(world)
    world.planner.tick()
    world.cancel(visit, "moved")
    settle(world)
    assert (only(world).status, only(world).reason) == ("dropped", "visit_moved")
    assert world.taken_of() == {}
    with world.database.session() as session:  # moved in its place, as an import does
        row = session.get_one(AppointmentRow, visit)
        row.status, row.start = "booked", world.clock.now() + timedelta(hours=2, minutes=50)
        row.created_at = world.clock.now() - timedelta(days=1)
    world.planner.tick()
    settle(world)
    assert sorted(row.status for row in world.messages().values()) == ["delivered", "dropped"]


def test_a_visit_moved_after_its_message_was_queued_says_no_wrong_time(world: World) -> None:
    visit = book(world)
    world.planner.tick()
    with world.database.session() as session:
        session.get_one(AppointmentRow, visit).start += timedelta(hours=1)
    settle(world)
    assert (only(world).status, only(world).reason) == ("dropped", "visit_moved")


def test_a_receipt_that_is_quicker_than_its_acceptance_counts(world: World) -> None:
    sms = world.routes[Channel.SMS].senders[0]
    accepted = sms.send

    async def send(outgoing: Outgoing) -> Accepted:
        done = await accepted(outgoing)
        world.receipts.record(Receipt(sms.provider, done.provider_id, ReceiptStatus.DELIVERED, world.clock.now()))
        return done

    sms.send = send  # type: ignore[method-assign]
    Outbox(world.database, world.clock).put("address", PHONE, {}, "", "k")
    tick(world)
    assert only(world).status == "delivered"
    with world.database.session(is_readonly=True) as session:
        assert session.scalars(select(EarlyReceiptRow)).all() == []


def test_receipts_twice_late_wrong_and_of_strangers(world: World) -> None:
    Outbox(world.database, world.clock).put("address", PHONE, {}, "", "k")
    tick(world)
    (delivery,) = world.deliveries()[only(world).id]

    def tell(status: ReceiptStatus, **more: str) -> bool:
        receipt = Receipt(delivery.provider, delivery.provider_id, status, world.clock.now())
        return world.receipts.record(replace(receipt, **more))  # type: ignore[arg-type]

    assert tell(ReceiptStatus.SENT)
    assert only(world).status == "underway"
    assert tell(ReceiptStatus.DELIVERED)
    assert tell(ReceiptStatus.UNDELIVERED)  # after it: wrong
    assert tell(ReceiptStatus.DELIVERED)
    assert only(world).status == "delivered"
    assert tell(ReceiptStatus.READ, provider_id="", key=delivery.key)
    assert only(world).status == "read"
    assert not tell(ReceiptStatus.DELIVERED, provider_id="id-unknown")
    world.clock.advance(4 * 86400)
    assert world.receipts.forget_strangers() == 1
    (after,) = world.deliveries()[only(world).id]
    assert (after.status, after.price_kopecks) == ("read", 235)


def test_a_chat_that_is_gone_is_not_tried_again(world: World) -> None:
    points = ContactPoints(world.database, world.clock)
    points.link(PHONE, "telegram", "chat", is_verified=True)
    bot = world.routes[Channel.TELEGRAM].senders[0]

    async def gone(outgoing: Outgoing) -> Accepted:
        raise Gone("blocked", code="403")

    bot.send = gone  # type: ignore[method-assign]
    outbox = Outbox(world.database, world.clock)
    outbox.put("address", PHONE, {}, "", "k1")
    settle(world)
    outbox.put("address", PHONE, {}, "", "k2")
    settle(world)
    assert [[(one.channel, one.status) for one in rows] for rows in world.deliveries().values()] == [
        [("telegram", "refused"), ("sms", "delivered")],
        [("sms", "delivered")],
    ]
    assert points.of(PHONE)[0].refused_at is not None


def test_the_backup_provider_takes_over(tmp_path: Path) -> None:
    clock, rng = VirtualClock(NOW), random.Random(1)
    main, backup = (Provider(name, Channel.SMS, clock, rng) for name in ("main", "backup"))

    async def away(outgoing: Outgoing) -> Accepted:
        raise Unavailable("down", code="503")

    main.send = away  # type: ignore[method-assign]
    database = fast_database(tmp_path)
    world = World(database, clock, rng, {Channel.SMS: Route([main, backup], clock)}, {})  # type: ignore[dict-item, list-item]
    Outbox(database, clock).put("address", PHONE, {}, "", "k")
    asyncio.run(world.courier().tick())
    assert len(backup.order) == 1
    rows = world.deliveries()[only(world).id]
    assert [(one.provider, one.status, one.reason) for one in rows] == [("main", "unsent", "503"), ("backup", "accepted", "")]
    database.close()


def test_what_cannot_be_sent_fails_once_and_others_go_on(world: World) -> None:
    class Some(Texts):
        def channels(self, template: str) -> frozenset[Channel]:
            if template == "unknown":
                raise UnknownTemplate("There is no such template.")
            return super().channels(template)

    world.means = replace(world.means, texts=Some())
    outbox = Outbox(world.database, world.clock)
    outbox.put("unknown", PHONE, {}, "", "k1")
    outbox.put("address", PHONE, {}, "", "k2")
    settle(world)
    assert [row.status for row in world.messages().values()] == ["failed", "delivered"]


def test_a_patients_yes_is_of_the_last_reminder_at_that_address(world: World) -> None:
    answers = Answers(world.database, world.clock)
    assert answers.open_question("sms", PHONE) is None
    visit = book(world)
    world.planner.tick()
    tick(world)
    question = answers.open_question("sms", PHONE)
    assert question is not None
    assert (question.form, question.given) == ("reminder", {"appointment_id": visit})
    assert answers.open_question("sms", "+79169999999") is None
    assert answers.open_question("telegram", PHONE) is None
    answers.note(question.message_id, "confirmed", "sms")
    assert answers.open_question("sms", PHONE) is None
    with world.database.session(is_readonly=True) as session:
        assert session.get_one(AppointmentRow, visit).confirmed_at is not None
        assert session.scalars(select(ReminderRow.answered_by)).all() == ["sms"]


def test_no_question_about_a_visit_that_is_off(world: World) -> None:
    visit = book(world)
    world.planner.tick()
    tick(world)
    world.cancel(visit)
    assert Answers(world.database, world.clock).open_question("sms", PHONE) is None


def test_answers_given_elsewhere_are_noted_beside_the_reminder(world: World) -> None:
    start = NOW + timedelta(hours=3)
    first, second, third = world.visits([(start, NOW - timedelta(days=3), "north")] * 3)
    world.planner.tick()
    world.clock.advance(60)
    with world.database.session() as session:
        session.get_one(AppointmentRow, first).confirmed_at = world.clock.now()
    world.cancel(second)
    world.cancel(third, "moved")
    assert Outcomes(world.database, world.clock).tick() == 3
    assert Outcomes(world.database, world.clock).tick() == 0
    with world.database.session(is_readonly=True) as session:
        rows = session.execute(select(ReminderRow.appointment_id, ReminderRow.answer)).all()
    assert dict(rows) == {first: "confirmed", second: "cancelled", third: "moved"}


def test_a_ready_order_is_told_of_once_by_day(world: World) -> None:
    at = datetime.fromisoformat("2026-11-23T23:30:00+03:00")
    with world.database.session() as session:
        session.add_all(
            [
                LabOrderRow(number="1", phone=PHONE, birth_date=at.date(), ready_at=at, created_at=NOW),
                LabOrderRow(number="2", phone=PHONE, birth_date=at.date(), ready_at=None, created_at=NOW),
                LabOrderRow(number="3", phone=PHONE, birth_date=at.date(), ready_at=NOW - timedelta(hours=9), created_at=NOW),
            ]
        )
    results = ReadyResults(world.database, world.clock)
    assert results.tick() == 0  # 2: unknown when; 3: of an old list
    world.clock.advance((at - NOW).total_seconds() + 60)
    assert results.tick() == 1
    assert results.tick() == 0
    tick(world)
    assert only(world).status == "queued"
    settle(world, 12 * 3600)
    assert only(world).status == "delivered"
    (taken,) = world.taken_of()[only(world).id]
    assert taken[1].at.astimezone().astimezone(at.tzinfo).hour == 9


@pytest.fixture
def calling(tmp_path: Path) -> Iterator[World]:
    """Only the robot's call is left as a channel."""
    database = fast_database(tmp_path)
    clock = VirtualClock(NOW)
    caller = CallSender(database, clock, Cascade(), lambda _branch: "Europe/Moscow")
    routes = {Channel.CALL: Route([caller], clock)}
    yield World(database, clock, random.Random(1), routes, {})  # type: ignore[arg-type]
    database.close()


def test_the_robot_calls_only_who_agreed_and_its_result_is_a_receipt(calling: World) -> None:
    visit = book(calling)
    calling.planner.tick()
    tick(calling)
    assert (only(calling).status, only(calling).reason) == ("failed", "no_channel")
    ContactPoints(calling.database, calling.clock).link("+79160000001", "call", has_consent=True)
    second = calling.visits([(NOW + timedelta(hours=3), NOW - timedelta(days=3), "north")], first_phone=9160000001)[0]
    calling.planner.tick()
    tick(calling)
    row = max(calling.messages().values(), key=lambda one: one.id)
    (delivery,) = calling.deliveries()[row.id]
    calls = OutgoingCalls(calling.database, calling.clock)
    call = calls.get(delivery.key)
    assert call is not None
    assert (call.form, call.given["appointment_id"], call.phone) == ("reminder", second, "+79160000001")
    assert call.not_after <= NOW + timedelta(hours=8)  # 20:00
    results = CallResults(calling.database, calling.clock, calling.receipts)
    assert results.tick() == 0
    calling.cancel(second)
    results.tick()
    assert results.tick() == 1
    done = calls.get(delivery.key)
    assert done is not None
    assert done.result == "withdrawn"
    assert calling.deliveries()[row.id][0].status == "undelivered"
    assert visit != second


def test_the_story_of_a_message_names_nobody(world: World) -> None:
    visit = book(world)
    world.planner.tick()
    settle(world)
    routes = [channel.value for channel in world.routes]
    explainer = Explainer(world.cascade, world.rules, world.means.zone_of, routes, lambda _template: routes)
    with world.database.session(is_readonly=True) as session:
        story = "\n".join(explainer.visit(session, visit, world.clock.now()))
        assert explainer.message(session, 999, world.clock.now()) == []
    assert PHONE not in story
    assert "Ветрова" not in story
    for words in (
        "3h before: due 23.11 12:00, queued",
        "telegram: left out, the patient has no address there",
        "sms",
        "delivered",
        "2.35 roubles",
    ):
        assert words in story
