"""The webhooks' routes: stored, then 204; a stranger gets 404 and soon nothing; told again while the database is away."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from voicebot.channels import deliveries
from voicebot.channels.deliveries import router
from voicebot.channels.door import Door
from voicebot.channels.sms_answers import RULES
from voicebot.clock import VirtualClock
from voicebot.errors import StorageError
from voicebot.messages.providers import webhooks
from voicebot.messages.senders.sender import IncomingText, Receipt
from voicebot.settings import HttpProvider, Messages, Settings

SECRET = "0123456789abcdef0123"


@dataclass
class Taken:
    """What reached the database, which may be away."""

    is_away: bool = False
    receipts: list[Receipt] = field(default_factory=list)
    answers: list[IncomingText] = field(default_factory=list)

    def record(self, receipt: Receipt) -> bool:
        if self.is_away:
            raise StorageError("The database is away.")
        self.receipts.append(receipt)
        return True

    async def take(self, incoming: IncomingText) -> None:
        self.answers.append(incoming)


@pytest.fixture
def taken() -> Taken:
    return Taken()


@pytest.fixture
def browser(tmp_path: Path, taken: Taken) -> TestClient:
    file = tmp_path / "webhook"
    file.write_text(SECRET)
    provider = HttpProvider(
        kind="http", url="http://127.0.0.1/", webhook_secret_file=file, answer_from_path="from", answer_id_path="id"
    )
    known = webhooks(Settings(messages=Messages(providers={"main": provider})))
    app = FastAPI()
    app.include_router(router(known, taken, taken, VirtualClock()))  # type: ignore[arg-type]
    return TestClient(app)


def test_who_answers_by_smpp_has_a_dialog_that_somebody_closes() -> None:
    def opened(**messages: object) -> Door | None:
        return deliveries.open_door(SimpleNamespace(settings=Settings(messages=messages)))  # type: ignore[arg-type]

    assert opened() is None
    door = opened(answered=["sms"])
    assert door is not None
    assert (door.channel, door.rules, door.router) == ("sms", RULES, None)


def test_a_receipt_is_stored(browser: TestClient, taken: Taken) -> None:
    answer = browser.post(f"/deliveries/main/{SECRET}", json=[{"id": "m1", "status": "delivered"}])
    assert answer.status_code == 204
    assert [(one.provider, one.provider_id) for one in taken.receipts] == [("main", "m1")]


def test_an_answer_is_taken(browser: TestClient, taken: Taken) -> None:
    answer = browser.post(f"/deliveries/main/{SECRET}", json={"from": "79161234567", "text": "ДА", "id": "a1"})
    assert answer.status_code == 204
    assert [(one.address, one.text) for one in taken.answers] == [("+79161234567", "ДА")]


def test_it_is_told_again_when_the_database_is_away(browser: TestClient, taken: Taken) -> None:
    taken.is_away = True
    answer = browser.post(f"/deliveries/main/{SECRET}", json={"id": "m1", "status": "delivered"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    taken.is_away = False
    assert browser.post(f"/deliveries/main/{SECRET}", json={"id": "m1", "status": "delivered"}).status_code == 204


def test_strangers_learn_nothing_and_are_soon_not_heard(browser: TestClient, taken: Taken) -> None:
    content = {"id": "m1", "status": "delivered"}
    paths = ["/deliveries/main/wrong", "/deliveries/main", "/deliveries/nobody", f"/deliveries/nobody/{SECRET}"]
    assert [browser.post(path, json=content).status_code for path in paths * 5] == [404] * 20
    assert browser.post(paths[0], json=content).status_code == 429
    assert taken.receipts == []


def test_bodies_that_are_wrong(browser: TestClient, taken: Taken) -> None:
    assert browser.post(f"/deliveries/main/{SECRET}", content=b"no json").status_code == 400
    assert browser.post(f"/deliveries/main/{SECRET}", content=b"x" * 1_000_001).status_code == 404
    assert browser.get(f"/deliveries/main/{SECRET}").status_code == 405
    assert taken.receipts == []
