"""Calls that the robot made or is to make: handed out, erased, purged."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from privacy_stage import ANNA, BORN, Stage, stage

from voicebot.clinic.outgoing_calls import OutgoingCalls
from voicebot.privacy.erase import Eraser
from voicebot.privacy.export import FolderSink, export
from voicebot.privacy.patients import Subject
from voicebot.privacy.retention import Purge


@pytest.fixture
def clinic(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    with stage(database_url, tmp_path) as made:
        yield made


def call(clinic: Stage, visit: int, key: str = "k1") -> None:
    """Queue a call about a visit."""
    now = clinic.clock.now()
    calls = OutgoingCalls(clinic.database, clinic.clock)
    calls.put(key, ANNA, "reminder", {"appointment_id": visit}, now, now + timedelta(hours=1))


def test_handed_out_and_erased(clinic: Stage, tmp_path: Path) -> None:
    call(clinic, clinic.visit(clinic.call()))
    export(clinic.database, clinic.settings, clinic.store, clinic.clock, Subject(ANNA), FolderSink(tmp_path / "out"))
    facts = json.loads((tmp_path / "out" / "patient.json").read_text())
    assert [(row["phone"], row["form"]) for row in facts["outgoing_calls"]] == [(ANNA, "reminder")]
    done = Eraser(clinic.database, clinic.settings, clinic.clock).erase(Subject(ANNA), "tester", with_visits=True)
    assert done.removed["outgoing_calls"] == 1
    assert OutgoingCalls(clinic.database, clinic.clock).get("k1") is None


def test_the_call_about_another_persons_visit_stays(clinic: Stage) -> None:
    call(clinic, clinic.visit(clinic.call()), "hers")
    call(clinic, clinic.visit(clinic.call(), surname="Кукушкин", born=BORN.replace(year=2019)), "theirs")
    Eraser(clinic.database, clinic.settings, clinic.clock).erase(Subject(ANNA, BORN), "tester")
    assert set(OutgoingCalls(clinic.database, clinic.clock).of(["hers", "theirs"])) == {"theirs"}


def test_the_purge_takes_old_ones(clinic: Stage) -> None:
    call(clinic, clinic.visit(clinic.call()))
    purge = Purge(clinic.database, clinic.settings, clinic.clock, between=lambda: None)
    assert purge.run().outgoing_calls == 0
    clinic.clock.advance((clinic.settings.retention.messages_days + 1) * 86400)
    assert purge.run().outgoing_calls == 1
    assert OutgoingCalls(clinic.database, clinic.clock).get("k1") is None
