"""How the settings open a messenger: off without a token, webhook where there is a public address, else polling."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from bot_servers import TOKEN, BotServer, max_server, telegram_server
from bot_stage import Patient, simple_dialogs
from chat_stage import TEXTS, DemoDialogs
from demo_clinic import MONDAY_NINE
from fastapi import FastAPI

from voicebot.channels import alice, max, telegram
from voicebot.channels.door import Context
from voicebot.channels.voice_notes import NoteLimits, VoiceNotes
from voicebot.clock import VirtualClock
from voicebot.errors import ConfigurationError
from voicebot.messages.senders.bots import open_bot_senders
from voicebot.messages.senders.sender import Channel
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

__all__ = ["simple_dialogs"]

OPENERS = {"telegram": telegram.open_door, "max": max.open_door}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'doors.db'}")
    upgrade(opened)
    yield opened
    opened.close()


def context(dialogs: DemoDialogs, database: Database, folder: Path, **channels: Any) -> Context:
    settings = Settings(data_dir=folder, channels=channels)
    notes = VoiceNotes(lambda: lambda _sound: (), NoteLimits())
    clock = VirtualClock(MONDAY_NINE)
    nothing = cast("Any", None)  # of what doors of bots do not need
    return Context(
        settings=settings, clock=clock, database=database, catalogue=dialogs.catalogue, dialplans=nothing,
        understanding=nothing, texts=TEXTS, voice_notes=notes,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["telegram", "max"])
def test_without_a_token_there_is_no_bot(simple_dialogs: DemoDialogs, database: Database, tmp_path: Path, name: str) -> None:
    assert OPENERS[name](context(simple_dialogs, database, tmp_path)) is None
    assert open_bot_senders(Settings(data_dir=tmp_path), VirtualClock()) == {}


@pytest.mark.parametrize("name", ["telegram", "max"])
def test_a_public_address_means_webhooks(simple_dialogs: DemoDialogs, database: Database, tmp_path: Path, name: str) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    bot = {name: {"token_file": tmp_path / "token"}}
    door = OPENERS[name](context(simple_dialogs, database, tmp_path, public_url="https://chat.clinic.example/", **bot))
    assert door is not None
    assert door.router is not None
    assert door.channel == name
    assert door.rules is not None
    assert door.rules.has_operators
    app = FastAPI()
    app.include_router(door.router)
    assert [str(app.url_path_for("take"))] == [f"/bots/{name}"]
    for wrong in ({}, {"public_url": "http://chat.clinic.example"}):
        with pytest.raises(ConfigurationError):
            OPENERS[name](
                context(simple_dialogs, database, tmp_path, **wrong, **{name: {"token": TOKEN, "updates": "webhook"}})
            )


@pytest.mark.parametrize("name", ["telegram", "max"])
async def test_without_one_the_bot_polls_until_the_process_ends(
    simple_dialogs: DemoDialogs, database: Database, tmp_path: Path, name: str
) -> None:
    with telegram_server() if name == "telegram" else max_server() as server:
        bot = {name: {"token": TOKEN, "base_url": server.url}}
        door = OPENERS[name](context(simple_dialogs, database, tmp_path, **bot))
        assert door is not None
        assert door.router is None
        assert door.run is not None
        await answered(server, Patient(name, server), door.run)


async def answered(server: BotServer, patient: Patient, run: Any) -> None:
    """A sticker needs no dialog, but is answered."""
    patient.send_sticker()
    task = asyncio.create_task(run())
    async with asyncio.timeout(60):
        while not server.sent:  # noqa: ASYNC110 - the server lives in another thread
            await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "понимаю текст" in patient.last.text


def test_senders_of_notices_are_opened_by_the_same_settings(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, channels={"telegram": {"token": TOKEN}, "max": {"token": TOKEN}})
    assert set(open_bot_senders(settings, VirtualClock())) == {Channel.TELEGRAM, Channel.MAX}


@pytest.mark.parametrize("secret", ["short", "with/slash/with/slash/", "пароль-пароль-пароль-пароль"])
def test_alice_wants_a_secret_that_nobody_guesses(
    simple_dialogs: DemoDialogs, database: Database, tmp_path: Path, secret: str
) -> None:
    assert alice.open_door(context(simple_dialogs, database, tmp_path)) is None
    with pytest.raises(ConfigurationError):
        alice.open_door(context(simple_dialogs, database, tmp_path, alice={"secret": secret}))
    door = alice.open_door(context(simple_dialogs, database, tmp_path, alice={"secret": "f3a1" * 8}))
    assert door is not None
    assert door.rules is not None
    assert not door.rules.has_operators
