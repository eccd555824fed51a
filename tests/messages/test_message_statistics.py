"""What is counted of messages, on SQLite and PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from postgres import database_url, postgresql_url
from sqlalchemy import update

from voicebot.clinic.outbox import Outbox
from voicebot.clinic.tables import MessageRow
from voicebot.clock import VirtualClock
from voicebot.messages.statistics import Delivered, deliveries, messages_to, outbox_state, recent
from voicebot.messages.tables import DeliveryRow
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

__all__ = ["database_url", "postgresql_url"]

MOSCOW = ZoneInfo("Europe/Moscow")
PHONE = "+79161234567"
NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    upgrade(opened)
    yield opened
    opened.close()


def delivery(
    database: Database, key: str, status: str, at: datetime = NOON, message_id: int | None = None, **more: object
) -> None:
    values: dict[str, object] = {
        "template": "booked", "attempt": 1, "channel": "sms", "address": PHONE, "provider": "main", "price_kopecks": 0,
    }  # fmt: skip
    with database.session() as session:
        session.add(DeliveryRow(key=key, status=status, created_at=at, message_id=message_id, **{**values, **more}))


def test_what_is_counted(database: Database) -> None:
    late = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)  # the next day in Moscow
    delivery(database, "1", "delivered", parts=3, price_kopecks=750, accepted_at=NOON, delivered_at=NOON + timedelta(seconds=4))
    delivery(database, "2", "read", channel="max", provider="bot", accepted_at=NOON, delivered_at=NOON + timedelta(seconds=1.5))
    delivery(database, "3", "undelivered", channel="telegram", provider="tg", template="reminder_day")
    delivery(database, "4", "refused", attempt=2, template="reminder_day", parts=1)
    delivery(database, "5", "unsent", parts=9, price_kopecks=900, attempt=2)
    delivery(database, "6", "accepted", late, parts=1, price_kopecks=250, template="pin")
    delivery(database, "7", "delivered", datetime(2026, 11, 20, tzinfo=UTC), parts=5)
    with database.session(is_readonly=True) as session:
        found = deliveries(session, date(2026, 11, 23), date(2026, 11, 24), MOSCOW)
        one_day = deliveries(session, date(2026, 11, 23), date(2026, 11, 23), MOSCOW)
    sms = found.channels["sms"]
    assert (sms.handed, sms.delivered, sms.read, sms.failed, sms.unsent, sms.waiting) == (3, 1, 0, 1, 1, 1)
    assert (sms.parts, sms.kopecks, sms.delivered_share) == (5, 1000, 0.5)
    assert sms.mean_seconds == pytest.approx(4, abs=0.01)
    assert found.channels["max"].mean_seconds == pytest.approx(1.5, abs=0.01)
    assert set(found.providers) == {("main", "sms"), ("bot", "max"), ("tg", "telegram")}
    assert found.total.handed == 5
    assert {day: sorted(channels) for day, channels in found.days.items()} == {
        date(2026, 11, 23): ["max", "sms", "telegram"], date(2026, 11, 24): ["sms"],
    }  # fmt: skip
    assert one_day.total.handed == 4
    assert dict(found.messages) == {"booked": 2, "reminder_day": 1, "pin": 1}
    assert found.sms_parts["pin"] == 1
    # two "booked" of (3 + 9) / 2 parts, one reminder and one pin of 1 part: 14 parts at 2.50
    assert found.sms_only_kopecks(250) == 3500
    assert Delivered().mean_seconds is None


def test_a_template_that_was_never_an_sms_counts_as_usual(database: Database) -> None:
    delivery(database, "1", "delivered", channel="max", template="visit")
    with database.session(is_readonly=True) as session:
        assert deliveries(session, date(2026, 11, 23), date(2026, 11, 23), MOSCOW).sms_only_kopecks(100) == 200


def test_messages_to_a_patient_and_what_waits(database: Database) -> None:
    clock = VirtualClock(NOON)
    outbox = Outbox(database, clock)
    first = outbox.put("booked", PHONE, {}, "d1", "k1")
    clock.advance(60)
    second = outbox.put("reminder_day", PHONE, {}, "d1", "k2", not_before=clock.now() + timedelta(hours=1))
    outbox.put("booked", "+79990000000", {}, "d2", "k3")
    delivery(database, "1", "undelivered", message_id=first.id, channel="max")
    delivery(database, "2", "delivered", message_id=first.id, attempt=2, delivered_at=clock.now())
    with database.session() as session:
        done = update(MessageRow).where(MessageRow.id == first.id)
        session.execute(done.values(status="delivered", answer="confirmed", done_at=clock.now()))
    found = messages_to(database, (PHONE,), NOON - timedelta(days=1))
    assert [(one.message_id, one.template, one.status) for one in found] == [
        (second.id, "reminder_day", "queued"), (first.id, "booked", "delivered"),
    ]  # fmt: skip
    assert (found[1].channel, found[1].attempts, found[1].answer, found[1].delivered_at) == ("sms", 2, "confirmed", clock.now())
    assert found[0].channel == ""
    assert messages_to(database, (), NOON) == ()
    clock.advance(120)
    with database.session(is_readonly=True) as session:
        state = outbox_state(session, clock.now())
        assert (state.waiting, state.oldest_seconds) == (1, 120), "one is done, one is not due yet"
        hour = recent(session, NOON)
    assert {key: (one.handed, one.delivered, one.failed) for key, one in hour.items()} == {
        ("max", "main"): (1, 0, 1), ("sms", "main"): (1, 1, 0),
    }  # fmt: skip
