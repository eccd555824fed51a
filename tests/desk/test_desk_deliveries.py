"""The page of messages and reminders: what arrives, what it costs, who comes; the same as CSV; a patient's messages."""

import csv
import io
from datetime import timedelta

import pytest
from desk_browser import PAGE, actions, browser, log_in
from desk_clinic import PHONE, handed_over, slots_of, with_clinic
from fastapi import FastAPI
from fastapi.testclient import TestClient

from voicebot import status
from voicebot.clinic.outbox import Outbox
from voicebot.clinic.tables import AppointmentRow
from voicebot.clock import VirtualClock
from voicebot.messages.tables import DeliveryRow
from voicebot.reminders.tables import ReminderRow
from voicebot.russian.names import PersonName


@pytest.fixture
def app(app: FastAPI) -> FastAPI:
    with_clinic(app, days=2)
    return app


def logged_in(app: FastAPI, name: str) -> TestClient:
    client = browser(app)
    assert log_in(client, name) == 303
    return client


def table(client: TestClient, name: str) -> list[list[str]]:
    answer = client.get("/deliveries.csv", params={"table": name})
    assert answer.status_code == 200
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))


def fill(app: FastAPI, clock: VirtualClock) -> None:
    """Two messages by SMS, one by a messenger; four visits: two reminded."""
    desk = app.state.desk
    now = clock.now()
    with desk.database.session() as session:
        for number, (channel, state, kopecks) in enumerate(
            (("sms", "delivered", 500), ("sms", "undelivered", 250), ("max", "read", 0))
        ):
            session.add(
                DeliveryRow(
                    key=f"k{number}", message_id=None, template="reminder_day", attempt=1, channel=channel, address="",
                    provider="=main" if channel == "sms" else "bot", status=state, parts=2, price_kopecks=kopecks,
                    created_at=now, accepted_at=now,
                    delivered_at=now + timedelta(seconds=3) if state != "undelivered" else None,
                )
            )  # fmt: skip
    bookings = app.state.clinic.bookings
    slots = slots_of(app.state.clinic, "sokolova")[5:9]
    visits = [bookings.book(one, "d", PersonName(f"Ветров{one}"), PHONE, None, f"b{one}").id for one in slots]
    clock.advance(86400)
    with desk.database.session() as session:
        for place, one in enumerate(visits):
            row = session.get_one(AppointmentRow, one)
            row.status = "noshow" if place == 3 else "arrived"
            if place < 2:
                for step, answer in (("24h", "confirmed" if place == 0 else ""), ("3h", "")):
                    values = {"step": step, "start": row.start, "planned_at": now, "created_at": now, "answer": answer}
                    session.add(ReminderRow(appointment_id=one, answered_at=now if answer else None, **values))


def test_the_page(app: FastAPI, clock: VirtualClock) -> None:
    boss = logged_in(app, "boss")
    assert "Сообщений в эти дни не было" in boss.get("/deliveries", headers=PAGE).text
    fill(app, clock)
    boss = logged_in(app, "boss")
    status.publish(app.state.desk.settings.run_dir, "reminders", clock, providers={"=main": "open", "bot": "closed"})
    text = boss.get("/deliveries", headers=PAGE).text
    for part in (
        'data-name="handed"><b>3<', 'data-name="delivered"><b>2<', 'data-name="cost"><b>7,50\u00a0₽<',
        'data-name="confirmed"><b>1<', 'data-name="silent"><b>1<', 'data-name="missed_reminded"><b>0 %<',
        'data-name="missed_other"><b>50 %<', "не работает", "MAX",
        "3,0\u00a0с",
    ):  # fmt: skip
        assert part in text, part
    assert boss.get("/deliveries", params={"first": "2026-11-25", "last": "2026-11-24"}, headers=PAGE).status_code == 422


def test_as_tables(app: FastAPI, clock: VirtualClock) -> None:
    fill(app, clock)
    boss = logged_in(app, "boss")
    channels = table(boss, "channels")
    assert channels[0][:3] == ["канал", "отправлено", "доставлено"]
    assert channels[1:] == [
        ["MAX", "1", "1", "1", "0", "0", "2", "0,00", "3,0"],
        ["СМС", "2", "1", "0", "1", "0", "4", "7,50", "3,0"],
        ["всего", "3", "2", "1", "1", "0", "6", "7,50", "3,0"],
    ]
    assert table(boss, "providers")[1][0] == "'=main", "no spreadsheet runs a provider's name"
    assert [row[:2] for row in table(boss, "days")[1:]] == [["2026-11-23", "MAX"], ["2026-11-23", "СМС"]]
    assert table(boss, "attendance")[1:] == [["2026-11-23", "2", "0", "1", "1"], ["всего", "2", "0", "1", "1"]]
    assert actions(app)[0] == "numbers_exported"


def test_a_patients_messages_are_on_the_contacts_page(app: FastAPI, clock: VirtualClock) -> None:
    desk = app.state.desk
    one = handed_over(app)
    message = Outbox(desk.database, clock).put("booked", PHONE, {"secret": "тайна"}, one, "k1")
    with desk.database.session() as session:
        session.add(
            DeliveryRow(
                key="k", message_id=message.id, template="booked", attempt=1, channel="telegram", address="chat-17",
                provider="tg", status="delivered", created_at=clock.now(), delivered_at=clock.now(),
            )
        )  # fmt: skip
    text = logged_in(app, "oper").get(f"/d/{one}", headers=PAGE).text
    assert "Сообщения пациенту за месяц: 1" in text
    assert "подтверждение записи" in text
    assert "Telegram" in text
    assert "chat-17" not in text
    assert "тайна" not in text
