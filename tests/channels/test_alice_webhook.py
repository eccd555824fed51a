"""The webhook of Alice over the real dialogs: replayed requests, a database that stands still, and bodies of all kinds."""

import asyncio
import json
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from alice_rules import broken_rules, requests
from bot_stage import simple_dialogs
from chat_stage import HOURS, TEXTS, DemoDialogs
from demo_clinic import MONDAY_NINE
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.channels.alice import RULES
from voicebot.channels.alice_skill import AliceSkill
from voicebot.channels.alice_webhook import router
from voicebot.channels.alice_words import AliceWords
from voicebot.channels.conversations import TextConversations
from voicebot.channels.thinking import Thinker
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.services import ClinicServices
from voicebot.clinic.tables import AppointmentRow, MessageRow
from voicebot.clock import VirtualClock
from voicebot.records.tables import DialogRow
from voicebot.storage.database import Database, open_database

__all__ = ["simple_dialogs"]

SECRET = "k9f2mmq8z7x1c5v3"
WORDS = AliceWords("Д+обрый д+октор", "+7 (495) 000-00-00", "восемь, четыреста девяносто пять")
RECORDED = requests()
SKILL = RECORDED["utterance"]["session"]["skill_id"]


class Gate(Database):
    """A database that can be made to stand still: whoever opens it waits until the gate is open again."""

    def __init__(self, database: Database) -> None:
        super().__init__(database.engine, database.busy_seconds, database.retry_seconds)
        self.is_open = threading.Event()
        self.is_open.set()
        self.waiting = 0

    @contextmanager
    def session(self, *, is_readonly: bool = False) -> Iterator[Session]:
        self.waiting += 1
        assert self.is_open.wait(60)
        self.waiting -= 1
        with super().session(is_readonly=is_readonly) as session:
            yield session


class Clinic:
    """The skill behind its webhook, and a device that talks with it."""

    def __init__(self, dialogs: DemoDialogs, database: Database, answer_seconds: float = 20.0) -> None:
        self.database = Gate(database)
        clock = VirtualClock(MONDAY_NINE)
        services = ClinicServices(Bookings(self.database, dialogs.catalogue, clock), dialogs.catalogue, clock)
        thinker = Thinker(dialogs.engine, services, clock, dialogs.catalogue.zone, HOURS)
        self.conversations = TextConversations(thinker, self.database, {"alice": RULES}, TEXTS, "demo")
        self.skill = AliceSkill(
            self.conversations, WORDS, answer_seconds=answer_seconds, chat_url="https://clinic.example/chat"
        )
        app = FastAPI()
        app.include_router(router(self.skill, SECRET, {SKILL}))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://alice")
        self.number = 0
        self.state: dict[str, Any] = {}

    async def say(self, said: str, *, session: str = "s1") -> dict[str, Any]:
        body = json.loads(json.dumps(RECORDED["utterance"]))
        body["session"] |= {"message_id": self.number, "session_id": session, "new": self.number == 0}
        body["request"] |= {"command": said, "original_utterance": said}
        body["state"] = {"session": self.state}
        self.number += 1
        answer = await self.http.post(f"/alice/{SECRET}", json=body)
        assert answer.status_code == 200
        reply = answer.json()
        assert broken_rules(reply) == []
        self.state = reply.get("session_state", {})
        response: dict[str, Any] = reply["response"]
        return response

    async def close(self) -> None:
        self.database.is_open.set()
        await self.skill.close()
        await self.http.aclose()
        await asyncio.to_thread(self.conversations.close)


@pytest.fixture
async def clinic(simple_dialogs: DemoDialogs, tmp_path: Path) -> AsyncIterator[Clinic]:
    shutil.copy(simple_dialogs.diary, tmp_path / "alice.db")
    database = open_database(f"sqlite:///{tmp_path / 'alice.db'}")
    one = Clinic(simple_dialogs, database)
    yield one
    await one.close()
    database.close()


def rows(clinic: Clinic, table: Any) -> list[Any]:
    return clinic.database.run(lambda session: list(session.scalars(select(table))), is_readonly=True)


async def test_every_recorded_request_is_answered_by_the_rules(clinic: Clinic) -> None:
    for name, body in RECORDED.items():
        answer = await clinic.http.post(f"/alice/{SECRET}", json=body)
        assert answer.status_code == 200, name
        assert broken_rules(answer.json()) == [], name


async def test_a_visit_is_booked_by_voice(clinic: Clinic) -> None:
    first = await clinic.say("")
    assert "Чем могу помочь?" in first["text"]
    for said in ("запиши к терапевту на завтра утром", "первый", "иванов петр", "8 916 123 45 67"):
        reply = await clinic.say(said)
    assert "+7 (916) 123-45-67" in reply["text"]
    assert "дев" in reply["tts"]  # and spoken in words
    reply = await clinic.say("да")
    assert "записала" in reply["text"]
    assert len(rows(clinic, AppointmentRow)) == 1
    assert (await clinic.say("нет"))["end_session"]
    (dialog,) = rows(clinic, DialogRow)
    assert (dialog.channel, dialog.outcome) == ("alice", "booked")


async def test_the_dead_end_gives_the_number_the_chat_and_a_message_with_the_contact(clinic: Clinic) -> None:
    await clinic.say("")
    reply = await clinic.say("соедини с оператором")
    assert "000-00-00" in reply["text"]
    assert "обращения" in reply["text"]
    assert {"title": "Открыть чат", "url": "https://clinic.example/chat", "hide": True} in reply["buttons"]
    await clinic.say("да")
    reply = await clinic.say("8 903 555 44 33")
    assert reply["end_session"]
    (message,) = rows(clinic, MessageRow)
    (dialog,) = rows(clinic, DialogRow)
    assert (message.template, message.phone, message.dialog_id) == ("alice_dialog_id", "+79035554433", dialog.id)
    assert dialog.outcome == "referred"
    assert dialog.id[:4] in reply["text"]


async def test_enough_ends_the_dialog_too(clinic: Clinic) -> None:
    await clinic.say("")
    await clinic.say("запиши к терапевту")
    assert (await clinic.say("хватит"))["end_session"]
    (dialog,) = rows(clinic, DialogRow)
    assert dialog.outcome == "abandoned"
    assert dialog.ended_at is not None


async def test_a_database_that_stands_still_is_bridged_honestly(clinic: Clinic) -> None:
    await clinic.say("")
    clinic.skill._answer_seconds = 0.05  # nothing is timed here: the gate decides, not the clock
    clinic.database.is_open.clear()
    held = await clinic.say("запиши к терапевту")
    assert "ещё ищу" in held["text"]
    assert "ещё" in (await clinic.say("дальше"))["text"] or "продолжаю" in held["text"]
    clinic.skill._answer_seconds = 20.0
    clinic.database.is_open.set()
    assert "удобно" in (await clinic.say("дальше"))["text"]
    said = [turn for turn in await turns_of(clinic) if turn[0] == "caller"]
    assert [text for _, text in said] == ["запиши к терапевту"]


async def turns_of(clinic: Clinic) -> list[tuple[str, str]]:
    from voicebot.records.tables import TurnRow

    query = select(TurnRow.who, TurnRow.text).order_by(TurnRow.number)
    return clinic.database.run(lambda session: [(who, text) for who, text in session.execute(query)], is_readonly=True)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/alice/guess", RECORDED["utterance"], 404),
        ("/alice/", RECORDED["utterance"], 404),
        (f"/alice/{SECRET}x", RECORDED["utterance"], 404),
        (f"/alice/{SECRET}", {**RECORDED["utterance"], "session": {**RECORDED["utterance"]["session"], "skill_id": "x"}}, 403),
        (f"/alice/{SECRET}", {"version": "1.0"}, 400),
        (f"/alice/{SECRET}", [1, 2], 400),
        (f"/alice/{SECRET}", "text", 400),
        (f"/alice/{SECRET}", {**RECORDED["utterance"], "padding": "я" * 70_000}, 413),
    ],
)
async def test_strangers_and_rubbish_are_turned_away(clinic: Clinic, path: str, body: Any, status: int) -> None:
    answer = await clinic.http.post(path, json=body)
    assert answer.status_code == status
    assert not rows(clinic, DialogRow)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_spoilt = st.tuples(
    st.sampled_from(sorted(RECORDED)), st.sampled_from(["meta", "request", "session", "state", "version"]), _json
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=_json, spoilt=_spoilt)
async def test_any_body_gets_a_valid_reply_or_a_clean_refusal(clinic: Clinic, body: Any, spoilt: tuple[str, str, Any]) -> None:
    name, part, value = spoilt
    other = {**RECORDED[name], part: value}
    nested = json.loads(json.dumps(RECORDED[name]))
    if isinstance(nested.get(part), dict) and nested[part]:
        nested[part][sorted(nested[part])[0]] = value
    with structlog.testing.capture_logs() as events:
        for one in (body, other, nested):
            answer = await clinic.http.post(f"/alice/{SECRET}", json=one)
            assert answer.status_code in (200, 400, 403)
            if answer.status_code == 200:
                assert broken_rules(answer.json()) == []
    assert not any("терапевт" in str(event) for event in events)


async def test_nothing_said_is_logged(clinic: Clinic) -> None:
    with structlog.testing.capture_logs() as events:
        for said in ("", "запиши к терапевту на завтра утром", "первый", "сидоров семен", "8 916 123 45 67", "да"):
            await clinic.say(said)
    told = str(events)
    assert events
    for secret in ("сидоров", "Сидоров", "916", "терапевт", SECRET, RECORDED["utterance"]["session"]["user"]["user_id"]):
        assert secret not in told
