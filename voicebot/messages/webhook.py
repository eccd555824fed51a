"""What HTTP providers tell afterwards: receipts and answers out of the body of their webhook. Pure.

Anybody can reach a webhook, so the sender proves himself by a secret in the address or a signature of the body.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from voicebot.errors import ConfigurationError
from voicebot.messages.senders.json_paths import at_path, text_at
from voicebot.messages.senders.sender import Channel, IncomingText, Receipt, ReceiptStatus
from voicebot.russian.phones import parse_phone_digits
from voicebot.settings import HttpProvider

#: Words that need no setting; small letters.
_WORDS: Mapping[str, ReceiptStatus] = {
    **{status.value: status for status in ReceiptStatus},
    "accepted": ReceiptStatus.QUEUED,
    "pending": ReceiptStatus.QUEUED,
    "enroute": ReceiptStatus.SENT,
    "delivrd": ReceiptStatus.DELIVERED,
    "seen": ReceiptStatus.READ,
    "viewed": ReceiptStatus.READ,
    "undeliv": ReceiptStatus.UNDELIVERED,
    "undeliverable": ReceiptStatus.UNDELIVERED,
    "failed": ReceiptStatus.UNDELIVERED,
    "deleted": ReceiptStatus.UNDELIVERED,
    "rejectd": ReceiptStatus.REJECTED,
    "blocked": ReceiptStatus.REJECTED,
}
_MOST_RECEIPTS = 1000
_MOST_LETTERS = 1000
_LONGEST_DELAY = timedelta(days=7)


class NotGenuine(Exception):
    """The request is not from the provider."""


class NotUnderstood(Exception):
    """The body is no JSON of the shape that the settings say."""


@dataclass(frozen=True, slots=True)
class Told:
    """What one request told."""

    receipts: tuple[Receipt, ...]
    answers: tuple[IncomingText, ...]


class Webhook:
    """Reads one provider's requests."""

    def __init__(self, provider: str, settings: HttpProvider) -> None:
        """Raises ConfigurationError, OSError. Only for providers with a webhook_secret_file."""
        self._provider = provider
        self._settings = settings
        self.channel = Channel(settings.channel)
        assert settings.webhook_secret_file is not None
        self._secret = settings.webhook_secret_file.read_text().strip()
        if len(self._secret) < 16:
            raise ConfigurationError(
                f"The webhook's secret of {provider} is shorter than 16 letters.", "Make one: openssl rand -hex 16."
            )
        known_words = {status.value for status in ReceiptStatus}
        wrong = sorted(set(settings.statuses.values()) - known_words)
        if wrong:
            known = ", ".join(sorted(known_words))
            raise ConfigurationError(f"messages.providers.{provider}.statuses: {wrong[0]!r} is no status.", f"Known: {known}.")
        self._words = {**_WORDS, **{word.lower(): ReceiptStatus(status) for word, status in settings.statuses.items()}}

    @property
    def tells_answers(self) -> bool:
        """Whether patients' answers come this way."""
        return bool(self._settings.answer_from_path)

    def check(self, secret: str, headers: Mapping[str, str], body: bytes) -> None:
        """Raise NotGenuine unless the request proves itself. Header names in small letters."""
        if not self._settings.webhook_signature:
            if not hmac.compare_digest(secret.encode(), self._secret.encode()):
                raise NotGenuine
            return
        given = headers.get(self._settings.webhook_signature.lower(), "").removeprefix("sha256=").strip().lower()
        right = hmac.new(self._secret.encode(), body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(given.encode(), right.encode()):
            raise NotGenuine

    def read(self, body: bytes, now: datetime) -> Told:
        """Return what a genuine request tells; entries that make no sense are left out. Raises NotUnderstood."""
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            raise NotUnderstood from None
        found = at_path(content, self._settings.receipts_path)
        entries = found if isinstance(found, list) else [found if found is not None else content]
        receipts = tuple(one for entry in entries[:_MOST_RECEIPTS] if (one := self._receipt(entry, now)) is not None)
        answers = tuple(self._answers(content, entries[:_MOST_RECEIPTS], now)) if self._settings.answer_from_path else ()
        return Told(receipts, answers)

    def _receipt(self, entry: Any, now: datetime) -> Receipt | None:
        settings = self._settings
        provider_id = text_at(entry, settings.receipt_id_path)
        key = text_at(entry, settings.receipt_key_path) if settings.receipt_key_path else ""
        word = text_at(entry, settings.receipt_status_path)
        status = self._words.get(word.lower())
        if status is None or not (provider_id or key) or len(provider_id) > 128 or len(key) > 128:
            return None
        at = _moment(at_path(entry, settings.receipt_time_path), now) if settings.receipt_time_path else None
        return Receipt(self._provider, provider_id, status, at or now, word[:64], key)

    def _answers(self, content: Any, entries: list[Any], now: datetime) -> Iterator[IncomingText]:
        settings = self._settings
        for entry in entries if any(text_at(one, settings.answer_from_path) for one in entries) else [content]:
            number = parse_phone_digits(text_at(entry, settings.answer_from_path))
            text = text_at(entry, settings.answer_text_path)
            if number is None or not text:
                continue
            own = text_at(entry, settings.answer_id_path) if settings.answer_id_path else ""
            # Without an ID of its own the same text within two minutes is taken for a repetition.
            told = own or f"{number}|{text}|{int(now.timestamp()) // 120}"
            key = hashlib.blake2b(f"{self._provider}|{told}".encode(), digest_size=16).hexdigest()
            yield IncomingText(self._provider, self.channel, number, text[:_MOST_LETTERS], now, key)


def _moment(value: Any, now: datetime) -> datetime | None:
    """ISO 8601 or Unix seconds (or milliseconds); None where it is nonsense or not believable."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value / 1000 if value > 10**11 else value, UTC)
        else:
            at = datetime.fromisoformat(str(value))
    except (ValueError, OverflowError, OSError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return at if now - _LONGEST_DELAY <= at <= now + timedelta(minutes=5) else None
