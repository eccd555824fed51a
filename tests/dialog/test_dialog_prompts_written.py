"""What patients read: every prompt of every conversation, with digits where people write them and no marks of the voice's."""

import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from demo_clinic import DEMO

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue
from voicebot.clinic.services import ClinicServices
from voicebot.clock import VirtualClock
from voicebot.conversation_stage import diary
from voicebot.dialog.conversation_files import load_conversation
from voicebot.dialog.conversations import play
from voicebot.dialog.engine import Engine, Step
from voicebot.dialog.state import State
from voicebot.dialog.talking import Event, Listen, Option, Say, Started
from voicebot.storage.database import open_database

_PHONE = re.compile(r"\+7 \(?\d{3}\)? \d{3}-\d\d-\d\d")
_HOURS_IN_WORDS = re.compile(r"(час|часа|часов) (утра|дня|вечера|ночи)|тысяч|двадцат|тридцат|сорок |пятьдесят|[а-я]адцать")
_LETTERS_SPELLED = re.compile(r"\b(эм|эн|эр|эс|тэ|ка|ха) (эм|эн|эр|эс|тэ|ка|ха)\b")


class ReadingEngine(Engine):
    """The same dialogs for somebody who reads; keeps what they were shown."""

    shown: dict[str, str]
    options: list[Option]

    def step(self, state: State, event: Event, now: datetime) -> Step:
        step = super().step(state, replace(event, channel="web") if isinstance(event, Started) else event, now)
        for act in step.acts:
            if isinstance(act, Say):
                self.shown[act.written] = act.text
            elif isinstance(act, Listen):
                self.options += act.expect.options
        return step


@pytest.fixture(scope="module")
def reader(dialplans, catalogue: Catalogue, understanding, tmp_path_factory: pytest.TempPathFactory) -> ReadingEngine:  # type: ignore[no-untyped-def]
    """All conversations of the demo clinic, once through."""
    engine = ReadingEngine(dialplans, catalogue, understanding)
    engine.shown, engine.options = {}, []
    folder = tmp_path_factory.mktemp("diaries")
    filled: dict[str, Path] = {}
    for file in sorted((DEMO / "conversations").glob("*.yaml")):
        conversation = load_conversation(file)
        clock = VirtualClock(conversation.now.astimezone(UTC)) if conversation.now else VirtualClock()
        day = f"{clock.now():%Y%m%d%H%M}"
        if day not in filled:
            filled[day] = folder / f"{day}.db"
            diary(catalogue, filled[day], clock).close()
        own = shutil.copy(filled[day], folder / "own.db")
        database = open_database(f"sqlite:///{own}")
        services = ClinicServices(Bookings(database, catalogue, clock), catalogue, clock)
        play(conversation, engine, services, clock, catalogue.zone)
        database.close()
    return engine


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_prompt_of_every_conversation_can_be_read(reader: ReadingEngine) -> None:
    assert len(reader.shown) > 150
    wrong = []
    for written, spoken in reader.shown.items():
        plain = _PHONE.sub("номер", written)
        if not written or "+" in plain or "{" in plain or "\u0301" in plain:
            wrong.append(f"marks: {written!r} of {spoken!r}")
        if _HOURS_IN_WORDS.search(plain.lower()):
            wrong.append(f"a number in words: {written!r}")
        if _LETTERS_SPELLED.search(plain):
            wrong.append(f"spelled letters: {written!r}")
        if re.search(r" [,.?!]|\.\.| {2}|,\.", plain):
            wrong.append(f"gaps: {written!r}")
        if not (written[0].isupper() or written[0].isdigit() or written[0] in "«+"):
            wrong.append(f"no beginning of a sentence: {written!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_button_is_short_and_means_something(reader: ReadingEngine) -> None:
    assert len(reader.options) > 100
    for option in reader.options:
        assert option.keys or option.says
        assert 1 <= len(option.label) <= 64
        assert "+" not in option.label
        assert option.label[0].isupper() or option.label[0].isdigit()
