"""Webhooks of bots: only the messenger itself is heard, nothing it may send breaks them, what was not done comes again."""

import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from bot_servers import TOKEN, BotServer, max_server, telegram_server
from bot_stage import BotStage, Patient, messenger_of, simple_dialogs
from chat_stage import DemoDialogs
from demo_clinic import MONDAY_NINE
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.channels.bot_text import join, parts
from voicebot.channels.bot_webhook import Subscription, router, secret_of
from voicebot.channels.messenger import Update
from voicebot.clock import VirtualClock
from voicebot.errors import StorageError
from voicebot.storage.database import open_database

__all__ = ["simple_dialogs"]

SECRET = secret_of(TOKEN)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, BotServer]]:
    with telegram_server() as telegram, max_server() as of_max:
        yield {"telegram": telegram, "max": of_max}


@pytest.fixture(params=["telegram", "max"])
async def stage(
    request: pytest.FixtureRequest, servers: dict[str, BotServer], simple_dialogs: DemoDialogs, tmp_path: Path
) -> AsyncIterator[BotStage]:
    server = servers[request.param]
    server.forget()
    shutil.copy(simple_dialogs.diary, tmp_path / "bots.db")
    database = open_database(f"sqlite:///{tmp_path / 'bots.db'}")
    one = BotStage(request.param, server, simple_dialogs, database, VirtualClock(MONDAY_NINE))
    yield one
    await one.close()
    database.close()


@pytest.fixture
async def http(stage: BotStage) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(router(stage.bot, SECRET))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bots") as client:
        yield client


async def post(stage: BotStage, http: httpx.AsyncClient, update: Any, secret: str = SECRET) -> int:
    answer = await http.post(f"/bots/{stage.channel}", json=update, headers={stage.messenger.secret_header: secret})
    return answer.status_code


async def test_an_update_is_answered_and_comes_no_more(stage: BotStage, http: httpx.AsyncClient) -> None:
    patient = Patient(stage.channel, stage.server)
    update = patient.write("сколько стоит приём кардиолога")
    assert [await post(stage, http, update) for _ in range(3)] == [200, 200, 200]
    assert len(patient.own) == 1
    assert "2\u00a0400" in patient.last.text


@pytest.mark.parametrize("secret", ["", "guess", SECRET[:-1], SECRET.upper(), "я"])
async def test_whoever_has_no_secret_is_not_heard(stage: BotStage, http: httpx.AsyncClient, secret: str) -> None:
    update = Patient(stage.channel, stage.server).write("адрес")
    headers = {stage.messenger.secret_header.encode(): secret.encode()}
    answer = await http.post(f"/bots/{stage.channel}", json=update, headers=headers)
    assert answer.status_code == 403
    assert not stage.server.sent


async def test_rubbish_is_refused_cleanly(stage: BotStage, http: httpx.AsyncClient) -> None:
    headers = {stage.messenger.secret_header: SECRET}
    for content, status in ((b"{", 400), (b"", 400), (b"[" * 100_000, 400), (b" " * 1_100_000, 413), (b"\xff\xfe", 400)):
        answer = await http.post(f"/bots/{stage.channel}", content=content, headers=headers)
        assert answer.status_code == status


async def test_what_could_not_be_done_is_to_come_again(
    stage: BotStage, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> bool:
        raise StorageError("away", "")

    patient = Patient(stage.channel, stage.server)
    update = patient.write("сколько стоит приём кардиолога")
    with monkeypatch.context() as patch:
        patch.setattr(stage.store, "is_answered", away)
        assert await post(stage, http, update) == 503
    stage.server.fail_sends.extend([(500, {})] * 4)
    assert await post(stage, http, update) == 503
    assert await post(stage, http, update) == 200
    assert len(patient.own) == 1


async def test_the_webhook_is_set_again_and_again(stage: BotStage) -> None:
    url = f"https://chat.clinic.example/bots/{stage.channel}"
    naps: list[float] = []

    class Enough(Exception):
        pass

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        stage.server.webhook = None
        if len(naps) == 3:
            raise Enough

    stage.server.fail_next.append((503, {}))
    with pytest.raises(Enough):
        await Subscription(stage.bot, stage.store, url, SECRET, sleep=nap).run()
    assert naps[0] < naps[1] == naps[2]
    told = json.dumps([asked for _, asked in stage.server.calls])
    assert told.count(url) >= 2
    assert SECRET in told


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
_PARTS = (
    "message", "chat", "from", "body", "recipient", "sender", "callback", "callback_query", "contact", "text", "voice",
    "attachments", "payload", "update_id", "id", "type", "user_id", "message_id", "data", "mid", "link", "timestamp",
)  # fmt: skip


def _spoil(value: Any, path: list[str], new: Any) -> Any:
    """Put something else where the first of the names stands."""
    if isinstance(value, dict):
        return {key: new if key in path[:1] else _spoil(one, path, new) for key, one in value.items()}
    if isinstance(value, list):
        return [_spoil(one, path, new) for one in value]
    return value


@settings(max_examples=200, deadline=None)
@given(
    channel=st.sampled_from(["telegram", "max"]), raw=_json, part=st.sampled_from(_PARTS), new=_json, which=st.integers(0, 7)
)
def test_whatever_comes_is_an_update_or_nothing(channel: str, raw: Any, part: str, new: Any, which: int) -> None:
    messenger = messenger_of(channel, BotServer(url="http://127.0.0.1:9"))
    patient = Patient(channel, BotServer(url="http://127.0.0.1:9"))
    real = (
        patient.write("да"), patient.start("x"), patient.share(), patient.speak(b"x"), patient.send_sticker(),
        patient.edit("нет"), patient.block(), patient.reply("да", "5"),
    )[which]  # fmt: skip
    assert isinstance(messenger.parse(real), Update)
    for one in (raw, _spoil(real, [part], new), {**real, part: new}):
        update = messenger.parse(one)
        assert update is None or (update.key and update.chat.lstrip("-").isdecimal())


@pytest.mark.parametrize("channel", ["telegram", "max"])
def test_groups_channels_and_bots_are_not_listened_to(channel: str) -> None:
    messenger = messenger_of(channel, BotServer(url="http://127.0.0.1:9"))
    real = Patient(channel, BotServer()).write("да")
    for path, new in (("type", "supergroup"), ("chat_type", "chat"), ("is_bot", True)):
        spoilt = _spoil(real, [path], new)
        assert spoilt == real or messenger.parse(spoilt) is None


@given(text=st.text(alphabet="абв .\n!", max_size=300), limit=st.integers(5, 60))
def test_long_texts_are_cut_and_nothing_is_lost(text: str, limit: int) -> None:
    found = parts(text, limit)
    assert all(len(part) <= limit for part in found)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert join(["а", "", " б "]) == "а\nб"
