"""Every conversation file of the demo clinic, in virtual time, against the real services; and what they leave untried."""

import re
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from statistics import mean

import pytest
from demo_clinic import DEMO, MONDAY_NINE, ServicesAt

from voicebot.clinic.catalogue import Catalogue
from voicebot.clock import VirtualClock
from voicebot.dialog.conversation_files import Conversation, load_conversation
from voicebot.dialog.conversations import Played, play
from voicebot.dialog.engine import Engine
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.understanding import Understanding

FILES = sorted((DEMO / "conversations").glob("*.yaml"))
_PROMPT = re.compile(r"\[([a-z_]+)\.([a-z_]+)(?:\.([a-z_]+))?[a-z_.]*\]$")
#: Asked in no conversation, for a reason.
_NOT_ASKED = {
    "unserved": "serves wishes that no other form serves; every wish has its form now",
    "elsewhere": "Alice's alone, which hears neither silence nor noise (conversations alice_*)",
    "identify": "asked where one types alone (tests/channels/test_pin_dialog.py)",
    "reminder_several": "asked where one types alone (tests/channels/test_sms_dialogs.py)",
    "waiting_offer": "asked where one types alone (tests/channels/test_waiting_offer_dialog.py)",
}


@pytest.fixture(scope="module")
def played() -> dict[str, tuple[Conversation, Played]]:
    """What the conversations came to, for the tests of them all."""
    return {}


def test_there_are_conversations() -> None:
    assert len(FILES) >= 80


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_conversation(
    path: Path,
    dialplans: Dialplans,
    catalogue: Catalogue,
    understanding: Understanding,
    services_at: ServicesAt,
    played: dict[str, tuple[Conversation, Played]],
) -> None:
    conversation = load_conversation(path)
    clock = VirtualClock(conversation.now.astimezone(UTC) if conversation.now else MONDAY_NINE)
    engine = Engine(dialplans, catalogue, understanding, conversation.budget_seconds)
    one = play(conversation, engine, services_at(clock), clock, catalogue.zone)
    played[path.stem] = (conversation, one)
    assert not one.failures, "\n".join([*one.failures, "", *one.lines])
    assert one.seconds <= conversation.budget_seconds + 120  # a request a call, a transfer, a goodbye


def _all(played: dict[str, tuple[Conversation, Played]]) -> list[tuple[Conversation, Played]]:
    if len(played) < len(FILES):
        pytest.skip("only some conversations were played")
    return list(played.values())


def test_every_question_meets_silence_and_noise(dialplans: Dialplans, played: dict[str, tuple[Conversation, Played]]) -> None:
    met = {thing for _, one in _all(played) for thing in _met(one.lines)}
    questions = {
        f"{form.form}.{field.field}"
        for form in dialplans.forms.values()
        if form.form not in _NOT_ASKED
        for field in form.fields()
        if field.prompt
    }
    missing = {
        question: [word for word in ("asked", "noinput", "nomatch") if (question, word) not in met] for question in questions
    }
    assert {question: words for question, words in missing.items() if words} == {}


def _met(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Which questions were asked, and what they were answered by."""
    question = ""
    for line in lines:
        found = _PROMPT.search(line)
        if found is not None:
            form, item, word = found.groups()
            if form != "messages" and word in (None, "noinput", "nomatch"):
                question = f"{form}.{item}"
                yield question, word or "asked"
        elif line.endswith("-- silence"):
            yield question, "noinput"
        elif line.endswith("-- noise"):
            yield question, "nomatch"


def test_an_undisturbed_booking_is_short(played: dict[str, tuple[Conversation, Played]]) -> None:
    """Of all calls that book one visit and in which nothing went wrong, corrections included."""
    usual = [
        one
        for conversation, one in _all(played)
        if one.outcome == "booked"
        and not conversation.faults
        and sum(line.endswith("-- book: done") for line in one.lines) == 1
        and not any(turn.noise or turn.silence for turn in conversation.turns)
    ]
    assert len(usual) >= 15
    assert mean(one.caller_turns for one in usual) <= 8
    assert mean(one.seconds for one in usual) <= 120
