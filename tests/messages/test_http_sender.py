"""The HTTP sender against a provider on a socket that fails, hangs, answers late, too often, twice and nonsense."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from json_provider import Answer, Asked, JsonProvider, accept, always, reply
from message_listener import Heard

from voicebot.clock import VirtualClock
from voicebot.errors import ConfigurationError
from voicebot.messages.senders.http import HttpSender
from voicebot.messages.senders.sender import Button, Outgoing, Refused, SendFailure, Throttled, Unavailable, Uncertain
from voicebot.settings import HttpProvider

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def sms(key: str = "k1", **changed: object) -> Outgoing:
    return Outgoing(key=key, address="+79161234567", text="Ждём вас", **changed)  # type: ignore[arg-type]


async def with_provider(answer: Answer, work: Callable[[JsonProvider, HttpSender], Awaitable[None]], **changed: object) -> None:
    async with JsonProvider(answer) as provider:
        settings = HttpProvider(kind="http", url=provider.url, timeout_seconds=0.5, per_second=1000, **changed)  # type: ignore[arg-type]
        sender = HttpSender("main", settings, VirtualClock(NOW))
        await sender.open(Heard())
        try:
            await work(provider, sender)
        finally:
            await sender.close()


async def test_what_is_sent(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("very-secret\n")

    async def work(provider: JsonProvider, sender: HttpSender) -> None:
        accepted = await sender.send(sms(expires_at=NOW + timedelta(hours=2), buttons=(Button("Да", "да"),)))
        assert (accepted.provider_id, accepted.parts) == ("m1", 1)
        asked = provider.asked[0]
        assert asked.headers["authorization"] == "Bearer very-secret"
        assert asked.headers["idempotency-key"] == "k1"
        assert asked.body == {
            "messages": [{"to": "79161234567", "from": "CLINIC", "body": {"text": "Ждём вас"}, "ttl": 7200}],
            "note": "k1/",
            "keyboard": [{"title": "Да", "payload": "да"}],
        }

    body = {
        "messages": [{"to": "{digits}", "from": "{source}", "body": {"text": "{text}"}, "ttl": "{ttl_seconds}"}],
        "note": "{key}/{link}",
        "keyboard": "{buttons}",
    }
    headers = {"Authorization": "Bearer {secret}"}
    await with_provider(accept, work, headers=headers, secret_file=secret, body=body, source="CLINIC")


async def test_the_same_key_is_the_same_message() -> None:
    async def work(provider: JsonProvider, sender: HttpSender) -> None:
        assert sender.is_idempotent
        first, again = await sender.send(sms("k1")), await sender.send(sms("k1"))
        assert first.provider_id == again.provider_id
        assert len(provider.messages) == 1

    await with_provider(accept, work)


async def test_answered_too_late_but_taken() -> None:
    """The worst: it is taken, and we do not know. The repetition under the same key finds it."""
    is_slow = True

    async def answer(provider: JsonProvider, asked: Asked) -> bytes:
        nonlocal is_slow
        octets = await accept(provider, asked)
        if is_slow:
            is_slow = False
            await asyncio.sleep(2)
        return octets

    async def work(provider: JsonProvider, sender: HttpSender) -> None:
        with pytest.raises(Uncertain):
            await sender.send(sms("k1"))
        assert (await sender.send(sms("k1"))).provider_id == "m1"
        assert len(provider.messages) == 1

    await with_provider(answer, work)


async def test_drips_for_ever() -> None:
    """Every octet is in time, the whole answer never comes."""

    async def answer(_provider: JsonProvider, _asked: Asked) -> bytes:
        return b"HTTP/1.1 200 X\r\ncontent-length: 100000\r\n\r\n{"

    async def work(_provider: JsonProvider, sender: HttpSender) -> None:
        with pytest.raises(Uncertain):
            await sender.send(sms())

    await with_provider(answer, work)


async def test_hangs_up_without_a_word() -> None:
    async def answer(_provider: JsonProvider, _asked: Asked) -> None:
        return None

    async def work(_provider: JsonProvider, sender: HttpSender) -> None:
        with pytest.raises(Uncertain):
            await sender.send(sms())

    await with_provider(answer, work)


async def test_nobody_there() -> None:
    sender = HttpSender("main", HttpProvider(kind="http", url="http://127.0.0.1:9/send"), VirtualClock(NOW))
    await sender.open(Heard())
    with pytest.raises(Unavailable):
        await sender.send(sms())
    await sender.close()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), (format_datetime(NOW + timedelta(seconds=30)), 30.0), ("soon", 1.0), ("", 1.0), ("999999999", 3600.0)],
)
async def test_too_many_requests(header: str, seconds: float) -> None:
    async def work(_provider: JsonProvider, sender: HttpSender) -> None:
        with pytest.raises(Throttled) as raised:
            await sender.send(sms())
        assert raised.value.after_seconds == seconds

    await with_provider(always(429, None, {"retry-after": header} if header else {}), work)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (always(400, {"error": "bad number"}), Refused),
        (always(422), Refused),
        (always(401), Unavailable),
        (always(402), Unavailable),  # no money
        (always(404), Unavailable),
        (always(302, None, {"location": "http://127.0.0.1:9/"}), Unavailable),
        (always(503), Unavailable),
        (always(500), Uncertain),
        (always(502), Uncertain),
        (always(504), Uncertain),
        (always(200, b"<html>Welcome</html>"), Uncertain),
        (always(200, {"id": ""}), Uncertain),
        (always(200, {"id": {"no": "text"}}), Uncertain),
        (always(200, b""), Uncertain),
        (always(409), Uncertain),
    ],
)
async def test_what_statuses_mean(answer: Answer, failure: type[SendFailure]) -> None:
    async def work(_provider: JsonProvider, sender: HttpSender) -> None:
        with pytest.raises(SendFailure) as raised:
            await sender.send(sms())
        assert type(raised.value) is failure
        assert "79161234567" not in str(raised.value)

    await with_provider(answer, work)


async def test_a_duplicate_that_names_its_message_is_taken() -> None:
    async def work(_provider: JsonProvider, sender: HttpSender) -> None:
        assert (await sender.send(sms())).provider_id == "m7"

    await with_provider(always(409, {"id": "m7"}), work)


async def test_errors_inside_of_200() -> None:
    async def answer(_provider: JsonProvider, asked: Asked) -> bytes:
        code = asked.body["text"]
        return reply(200, {"data": [{"message": {"id": 12345}}], "error": {"code": code}})

    async def work(_provider: JsonProvider, sender: HttpSender) -> None:
        taken = await sender.send(Outgoing(key="k", address="+79161234567", text="0"))
        assert taken.provider_id == "12345"
        with pytest.raises(Refused):
            await sender.send(Outgoing(key="k", address="+79161234567", text="201"))
        with pytest.raises(Unavailable):
            await sender.send(Outgoing(key="k", address="+79161234567", text="500"))

    await with_provider(answer, work, id_path="data.0.message.id", error_path="error.code", refused_codes=["201"])


def test_a_body_with_an_unknown_place_is_told_at_the_start() -> None:
    settings = HttpProvider(kind="http", url="http://127.0.0.1/", body={"to": ["{phnoe}"]})
    with pytest.raises(ConfigurationError, match=r"main\.body names phnoe"):
        HttpSender("main", settings, VirtualClock(NOW))


async def test_texts_are_never_read_as_places() -> None:
    """A text that looks like a place stays as it is, and stays one JSON text."""

    async def work(provider: JsonProvider, sender: HttpSender) -> None:
        text = '{phone} "}], {key}'
        await sender.send(Outgoing(key="k", address="+79161234567", text=text))
        assert provider.asked[0].body["text"] == text
        assert json.loads(json.dumps(provider.asked[0].body)) == provider.asked[0].body

    await with_provider(accept, work)
