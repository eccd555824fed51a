"""What is kept of PIN codes goes with the person, and with the day."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from privacy_stage import ANNA, Stage, stage
from sqlalchemy import func, select

from voicebot.clinic.pin_tables import PinRow
from voicebot.clinic.pins import Pins
from voicebot.privacy.erase import Eraser
from voicebot.privacy.patients import Subject
from voicebot.privacy.retention import Purge

OTHER = "+79031112233"


@pytest.fixture
def clinic(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    with stage(database_url, tmp_path) as made:
        yield made


def kept(clinic: Stage) -> int:
    with clinic.database.session(is_readonly=True) as session:
        return session.scalar(select(func.count()).select_from(PinRow)) or 0


def send_two(clinic: Stage) -> None:
    codes = Pins(clinic.database, clinic.clock)
    codes.send(ANNA, "D1", "k1")
    codes.send(OTHER, "D2", "k2")
    assert kept(clinic) == 2


def test_erased_with_the_person(clinic: Stage) -> None:
    send_two(clinic)
    Eraser(clinic.database, clinic.settings, clinic.clock).erase(Subject(ANNA), "tester")
    assert kept(clinic) == 1
    assert [row.phone for row in clinic.database.run(_messages, is_readonly=True)] == [OTHER]


def test_gone_after_a_day(clinic: Stage) -> None:
    send_two(clinic)
    Purge(clinic.database, clinic.settings, clinic.clock).run()
    assert kept(clinic) == 2
    clinic.clock.advance(86_401)
    Purge(clinic.database, clinic.settings, clinic.clock).run()
    assert kept(clinic) == 0


def _messages(session):  # type: ignore[no-untyped-def]
    from voicebot.clinic.tables import MessageRow

    return list(session.scalars(select(MessageRow).where(MessageRow.template == "pin")))
