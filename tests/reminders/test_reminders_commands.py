"""`voicebot reminders due` and `explain` over the demonstration clinic."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from reminder_world import World
from typer.testing import CliRunner

from voicebot import reminders_commands
from voicebot.clock import VirtualClock
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade


@pytest.fixture
def visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("VOICEBOT_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("VOICEBOT_CASCADE__DAY", "00:00-23:59:59.999999")
    database = open_database(f"sqlite:///{tmp_path / 'voicebot.db'}")
    upgrade(database)
    now = datetime.now(UTC)
    world = World(database, VirtualClock(now), random.Random(1), {}, {})
    one, _ = world.visits([(now + timedelta(hours=hours), now - timedelta(days=2), "lesnaya") for hours in (10, 90)])
    database.close()
    return one


def say(*words: str, expect: int = 0) -> str:
    done = CliRunner().invoke(reminders_commands.app, list(words))
    assert done.exit_code == expect, done.output
    return " ".join(done.output.split())


def test_due_and_explain(visit: int) -> None:
    told = say("due", "--hours", "12")
    assert f"visit {visit} of" in told
    assert "3h before (reminder_hours): due" in told
    assert told.count("visit ") == 1  # the other one is far away
    assert "Nothing is due" in say("due", "--hours", "0")
    story = say("explain", f"v{visit}")
    assert "at branch lesnaya, booked" in story
    assert "+7916" not in story.replace(" ", "")
    assert "no message 999" in say("explain", "999", expect=1)
    assert "visit 99" in say("explain", "v99", expect=1)
    assert say("explain", "someone", expect=2)
