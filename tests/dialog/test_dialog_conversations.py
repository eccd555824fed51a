"""Every conversation file of the demo clinic, in virtual time, against the real services."""

from datetime import UTC
from pathlib import Path

import pytest
from demo_clinic import DEMO, MONDAY_NINE, ServicesAt

from voicebot.clinic.catalogue import Catalogue
from voicebot.clock import VirtualClock
from voicebot.dialog.conversation_files import load_conversation
from voicebot.dialog.conversations import play
from voicebot.dialog.engine import Engine
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.understanding import Understanding

FILES = sorted((DEMO / "conversations").glob("*.yaml"))


def test_there_are_conversations() -> None:
    assert len(FILES) >= 15


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_conversation(
    path: Path, dialplans: Dialplans, catalogue: Catalogue, understanding: Understanding, services_at: ServicesAt
) -> None:
    conversation = load_conversation(path)
    clock = VirtualClock(conversation.now.astimezone(UTC) if conversation.now else MONDAY_NINE)
    engine = Engine(dialplans, catalogue, understanding, conversation.budget_seconds)
    played = play(conversation, engine, services_at(clock), clock, catalogue.zone)
    assert not played.failures, "\n".join([*played.failures, "", *played.lines])
    assert played.seconds <= conversation.budget_seconds + 120  # a request a call, a transfer, a goodbye
