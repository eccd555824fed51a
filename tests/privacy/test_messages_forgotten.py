"""Addresses, messages and reminders of a patient: handed out, erased, purged; figures stay and name nobody."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from privacy_stage import ANNA, BORN, Stage, stage
from sqlalchemy import select

from voicebot.clinic.contact_points import ContactPoints
from voicebot.clinic.tables import MessageRow
from voicebot.messages.tables import DeliveryRow
from voicebot.privacy.erase import Eraser
from voicebot.privacy.export import FolderSink, export
from voicebot.privacy.patients import Subject
from voicebot.privacy.retention import Purge
from voicebot.reminders.tables import ReminderRow

CHAT = "chat-700"


@pytest.fixture
def clinic(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    with stage(database_url, tmp_path) as made:
        yield made


def remind(clinic: Stage, days_ago: float = 0) -> None:
    """A visit that Anna was reminded of in a chat."""
    dialog = clinic.call(days_ago=days_ago)
    visit = clinic.visit(dialog)
    at = clinic.clock.now() - timedelta(days=days_ago)
    ContactPoints(clinic.database, clinic.clock).link(ANNA, "telegram", CHAT, is_verified=True)
    with clinic.database.session() as session:
        message = MessageRow(
            key=f"reminder/{visit}", dialog_id=dialog, phone=ANNA, template="reminder_day", values={}, created_at=at
        )
        session.add(message)
        session.flush()
        session.add(
            DeliveryRow(
                message_id=message.id, template="reminder_day", attempt=1, channel="telegram", address=CHAT, provider="bot",
                key=f"k{visit}", provider_id=f"{CHAT}:1", status="read", price_kopecks=80, created_at=at,
            )
        )  # fmt: skip
        row = ReminderRow(appointment_id=visit, step="24h", start=at, planned_at=at, message_id=message.id, created_at=at)
        session.add(row)


def figures(clinic: Stage) -> list[tuple[int | None, str, int]]:
    with clinic.database.session(is_readonly=True) as session:
        return [(row.message_id, row.channel, row.price_kopecks) for row in session.scalars(select(DeliveryRow))]


def test_handed_out_and_erased(clinic: Stage, tmp_path: Path) -> None:
    remind(clinic)
    export(clinic.database, clinic.settings, clinic.store, clinic.clock, Subject(ANNA), FolderSink(tmp_path / "out"))
    facts = json.loads((tmp_path / "out" / "patient.json").read_text())
    assert [row["value"] for row in facts["contact_points"]] == [CHAT]
    assert [row["address"] for row in facts["deliveries"]] == [CHAT]
    assert [row["step"] for row in facts["reminders"]] == ["24h"]
    done = Eraser(clinic.database, clinic.settings, clinic.clock).erase(Subject(ANNA), "tester")
    assert (done.removed["contact_points"], done.removed["messages"]) == (1, 1)
    assert clinic.holds(CHAT) == []
    assert figures(clinic) == [(None, "telegram", 80)]


def test_the_chat_of_a_family_stays_with_the_family(clinic: Stage) -> None:
    remind(clinic)
    clinic.visit(clinic.call(), surname="Кукушкин", born=BORN.replace(year=2019))
    done = Eraser(clinic.database, clinic.settings, clinic.clock).erase(Subject(ANNA, BORN), "tester")
    assert done.removed["contact_points"] == 0
    assert clinic.holds(CHAT) == [CHAT]


def test_the_purge_leaves_figures_without_an_address_and_then_none(clinic: Stage) -> None:
    remind(clinic, days_ago=100)
    ContactPoints(clinic.database, clinic.clock).withdraw(ANNA, "telegram", CHAT)
    purge = Purge(clinic.database, clinic.settings, clinic.clock, between=lambda: None)
    assert purge.run().messages == 1
    assert figures(clinic) == [(None, "telegram", 80)]
    with clinic.database.session(is_readonly=True) as session:
        assert session.scalars(select(DeliveryRow.address)).all() == [""]
        assert session.scalars(select(ReminderRow.message_id)).all() == [None]
    clinic.clock.advance(timedelta(days=1900).total_seconds())
    assert purge.run().figures >= 2
    assert figures(clinic) == []
