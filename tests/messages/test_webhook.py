"""Webhooks: only from the provider, and whatever the body is."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import ConfigurationError
from voicebot.messages.senders.sender import Channel, ReceiptStatus
from voicebot.messages.webhook import NotGenuine, NotUnderstood, Webhook
from voicebot.settings import HttpProvider

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SECRET = "0123456789abcdef0123"


@pytest.fixture(scope="module")
def secret_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("secret") / "webhook"
    file.write_text(SECRET + "\n")
    return file


def webhook(secret_file: Path, **changed: Any) -> Webhook:
    return Webhook("main", HttpProvider(kind="http", url="http://127.0.0.1/", webhook_secret_file=secret_file, **changed))


def body(content: Any) -> bytes:
    return json.dumps(content).encode()


def test_by_a_secret_in_the_address(secret_file: Path) -> None:
    hook = webhook(secret_file)
    hook.check(SECRET, {}, b"{}")
    for wrong in ("", SECRET[:-1], SECRET + "x", "секрет"):
        with pytest.raises(NotGenuine):
            hook.check(wrong, {}, b"{}")


def test_by_a_signature_of_the_body(secret_file: Path) -> None:
    hook = webhook(secret_file, webhook_signature="X-Signature")
    content = body({"id": "1", "status": "delivered"})
    right = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    hook.check("", {"x-signature": right}, content)
    hook.check("", {"x-signature": f"sha256={right.upper()}"}, content)
    with pytest.raises(NotGenuine):
        hook.check("", {"x-signature": right}, content + b" ")
    with pytest.raises(NotGenuine):
        hook.check(SECRET, {}, content)  # knowing the secret is not signing with it


def test_one_receipt_and_a_list(secret_file: Path) -> None:
    hook = webhook(secret_file)
    (one,) = hook.read(body({"id": 7, "status": "Delivered"}), NOW).receipts
    assert (one.provider, one.provider_id, one.status, one.at) == ("main", "7", ReceiptStatus.DELIVERED, NOW)
    several = hook.read(body([{"id": "1", "status": "read"}, {"id": "2", "status": "failed"}, {"id": "3"}, 5]), NOW).receipts
    assert [(one.provider_id, one.status.value) for one in several] == [("1", "read"), ("2", "undelivered")]


def test_a_providers_own_shape(secret_file: Path) -> None:
    hook = webhook(
        secret_file,
        receipts_path="data.reports",
        receipt_id_path="msg.id",
        receipt_status_path="msg.state",
        receipt_time_path="when",
        receipt_key_path="ref",
        statuses={"DOSTAVLENO": "delivered"},
    )
    at = NOW - timedelta(minutes=3)
    content = {"data": {"reports": [{"msg": {"id": "A", "state": "dostavleno"}, "when": at.timestamp() * 1000, "ref": "k1"}]}}
    (one,) = hook.read(body(content), NOW).receipts
    assert (one.provider_id, one.status, one.at, one.key) == ("A", ReceiptStatus.DELIVERED, at, "k1")


@pytest.mark.parametrize("when", ["yesterday", -5, 10**30, None, "2020-01-01T00:00:00", True])
def test_times_that_nobody_believes(secret_file: Path, when: Any) -> None:
    hook = webhook(secret_file, receipt_time_path="at")
    (one,) = hook.read(body({"id": "1", "status": "sent", "at": when}), NOW).receipts
    assert one.at == NOW


def test_answers_of_patients(secret_file: Path) -> None:
    hook = webhook(secret_file, answer_from_path="from", answer_text_path="text", answer_id_path="id")
    told = hook.read(body({"from": "79161234567", "text": " ДА ", "id": "x1"}), NOW)
    assert told.receipts == ()
    (answer,) = told.answers
    assert (answer.address, answer.text, answer.channel) == ("+79161234567", "ДА", Channel.SMS)
    later = hook.read(body({"from": "+7 916 123-45-67", "text": "ДА", "id": "x1"}), NOW + timedelta(hours=1)).answers[0]
    assert later.key == answer.key  # told twice
    assert hook.read(body({"from": "CLINIC", "text": "ДА", "id": "x2"}), NOW).answers == ()


@pytest.mark.parametrize("octets", [b"", b"not json", b"\xff\xfe", b"[" * 100_000])
def test_no_json(secret_file: Path, octets: bytes) -> None:
    with pytest.raises(NotUnderstood):
        webhook(secret_file).read(octets, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "status", "from", "text", "a"]), inner),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read(secret_file: Path, content: Any) -> None:
    hook = webhook(secret_file, answer_from_path="from", receipt_time_path="a", receipt_key_path="text")
    told = hook.read(body(content), NOW)
    assert all(one.provider_id or one.key for one in told.receipts)


def test_wrong_settings_are_told(secret_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'arrived' is no status"):
        webhook(secret_file, statuses={"OK": "arrived"})
    short = tmp_path / "short"
    short.write_text("1234")
    with pytest.raises(ConfigurationError, match="shorter than 16"):
        webhook(short)
