"""The senders of Telegram and MAX against their APIs on a real socket."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from bot_servers import TOKEN, BotServer, max_server, telegram_server

from voicebot.clock import VirtualClock
from voicebot.messages.senders.bot_http import Gone
from voicebot.messages.senders.bot_sender import BotSender
from voicebot.messages.senders.max import MaxSender
from voicebot.messages.senders.max_api import MaxApi
from voicebot.messages.senders.sender import (
    Button,
    Channel,
    IncomingText,
    Outgoing,
    Receipt,
    ReceiptStatus,
    Refused,
    Sender,
    SendFailure,
    Throttled,
    Unavailable,
    Uncertain,
)
from voicebot.messages.senders.telegram import TelegramSender
from voicebot.messages.senders.telegram_api import TelegramApi

CHAT = "700100200"


@dataclass
class Listening:
    receipts: list[Receipt] = field(default_factory=list)

    async def receipt(self, receipt: Receipt) -> None:
        self.receipts.append(receipt)

    async def answer(self, incoming: IncomingText) -> None:
        raise AssertionError("a sender of a messenger hears nobody: the bot does")


@dataclass
class Case:
    server: BotServer
    make: Callable[..., BotSender]
    throttled: dict[str, Any]
    pause_seconds: float


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, BotServer]]:
    with telegram_server() as telegram, max_server() as of_max:
        yield {"telegram": telegram, "max": of_max}


@pytest.fixture(params=["telegram", "max"])
def case(request: pytest.FixtureRequest, servers: dict[str, BotServer]) -> Case:
    clock = VirtualClock()
    server = servers[request.param]
    server.forget()

    def telegram(token: str = TOKEN, url: str = server.url, **options: Any) -> BotSender:
        return TelegramSender(TelegramApi(token, url), clock, **options)

    def of_max(token: str = TOKEN, url: str = server.url, **options: Any) -> BotSender:
        return MaxSender(MaxApi(token, url), clock, **options)

    if request.param == "max":
        return Case(server, of_max, {"code": "too.many.requests", "message": "limit"}, 2.0)
    body = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 17}}
    return Case(server, telegram, body, 17.0)


def reminder(**changes: Any) -> Outgoing:
    buttons = (
        Button("Подтверждаю", "подтверждаю"),
        Button("Перенести", "перенести"),
        Button("Как доехать", url="https://clinic.example/"),
    )
    usual = Outgoing("r-17-day", CHAT, "Завтра в 10:30 вас ждут в клинике.", Channel.TELEGRAM, buttons)
    return replace(usual, **changes)


async def test_a_reminder_arrives_with_its_buttons_and_its_receipt_names_it(case: Case) -> None:
    sender: Sender = case.make()
    listening = Listening()
    await sender.open(listening)
    accepted = await sender.send(reminder())
    await sender.close()
    sent = case.server.sent[0]
    assert (sent.chat, sent.text) == (CHAT, "Завтра в 10:30 вас ждут в клинике.")
    assert accepted.provider_id == f"{CHAT}:{sent.number}"
    assert [one.status for one in listening.receipts] == [ReceiptStatus.DELIVERED]
    assert listening.receipts[0].provider_id == accepted.provider_id
    assert listening.receipts[0].key == "r-17-day"
    flat = str(sent.markup)
    assert "reply:подтверждаю" in flat
    assert "reply:перенести" in flat
    assert "https://clinic.example/" in flat


async def test_where_the_clinic_wants_it_an_acceptance_is_only_sent(case: Case) -> None:
    sender = case.make(accepted_is_delivered=False)
    listening = Listening()
    await sender.open(listening)
    await sender.send(reminder(buttons=()))
    await sender.close()
    assert [one.status for one in listening.receipts] == [ReceiptStatus.SENT]


async def test_a_patient_who_blocked_the_bot_is_gone(case: Case) -> None:
    case.server.blocked.add(CHAT)
    sender = case.make()
    with pytest.raises(Gone):
        await sender.send(reminder())
    await sender.close()
    assert not case.server.sent


@pytest.mark.parametrize(
    ("status", "body", "failure"),
    [
        (400, {"ok": False, "description": "Bad Request: chat not found", "code": "dialog.not.found"}, Gone),
        (400, {"ok": False, "description": "Bad Request: something", "code": "proto.payload"}, Refused),
        (401, {"ok": False, "description": "Unauthorized", "code": "verify.token"}, Unavailable),
        (503, {}, Unavailable),
        (500, {"ok": False, "description": "Internal Server Error"}, Uncertain),
        (502, {}, Uncertain),
        (200, {"nothing": "known"}, Uncertain),
    ],
)
async def test_each_error_asks_for_its_own_answer(
    case: Case, status: int, body: dict[str, Any], failure: type[SendFailure]
) -> None:
    case.server.fail_sends.append((status, body))
    sender = case.make()
    with pytest.raises(failure) as caught:
        await sender.send(reminder())
    await sender.close()
    assert type(caught.value) is failure
    assert CHAT not in str(caught.value)
    assert TOKEN not in str(caught.value)


async def test_too_fast_says_for_how_long(case: Case) -> None:
    case.server.fail_sends.append((429, case.throttled))
    sender = case.make()
    with pytest.raises(Throttled) as caught:
        await sender.send(reminder())
    assert caught.value.after_seconds == case.pause_seconds
    await sender.send(reminder())
    await sender.close()
    assert len(case.server.sent) == 1


async def test_a_server_that_is_not_there_has_surely_taken_nothing(case: Case) -> None:
    with socket.socket() as hole:
        hole.bind(("127.0.0.1", 0))
        sender = case.make(url=f"http://127.0.0.1:{hole.getsockname()[1]}")
        with pytest.raises(Unavailable):
            await sender.send(reminder())
        await sender.close()


async def test_a_connection_that_breaks_off_leaves_it_uncertain(case: Case) -> None:
    async def take_and_drop(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    listener = await asyncio.start_server(take_and_drop, "127.0.0.1", 0)
    sender = case.make(url=f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    with pytest.raises(Uncertain):
        await sender.send(reminder())
    await sender.close()
    listener.close()


@pytest.mark.parametrize("changes", [{"address": "+79161234567"}, {"address": ""}, {"text": ""}, {"text": "я" * 5000}])
async def test_what_can_never_be_sent_is_refused_before_it_leaves(case: Case, changes: dict[str, Any]) -> None:
    sender = case.make()
    with pytest.raises(Refused):
        await sender.send(reminder(**changes))
    await sender.close()
    assert not case.server.calls


async def test_a_long_payload_is_cut_to_what_the_messenger_takes(case: Case) -> None:
    sender = case.make()
    await sender.send(reminder(buttons=(Button("Да", "щ" * 2000),)))
    await sender.close()
    assert len(case.server.sent) == 1


async def test_files_are_fetched_with_a_limit_and_without_our_token_in_a_header(case: Case) -> None:
    case.server.files["v1"] = b"OggS" + bytes(5000)
    if isinstance(case.make(), TelegramSender):
        api: Any = TelegramApi(TOKEN, case.server.url)
        name = "v1"
    else:
        api, name = MaxApi(TOKEN, case.server.url), f"{case.server.url}/files/v1"
    assert await api.download(name, 10_000) == case.server.files["v1"]
    with pytest.raises(Refused):
        await api.download(name, 1000)
    await api.close()
    assert all(asked.get("authorization", "") == "" for method, asked in case.server.calls if method == "file")


async def test_max_fetches_only_over_tls() -> None:
    api = MaxApi(TOKEN, "https://platform.example")
    for url in ("http://127.0.0.1:8080/admin", "file:///etc/passwd", "ftp://x/"):
        with pytest.raises(Refused):
            await api.download(url)
    await api.close()
