"""A provider by JSON over HTTP: SMS, Viber, push. What goes where is settings, so a new provider needs no code."""

import asyncio
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import structlog

from voicebot.clock import Clock
from voicebot.errors import ConfigurationError
from voicebot.messages.senders.json_paths import fill, placeholders, text_at
from voicebot.messages.senders.pace import BackOff, Pace
from voicebot.messages.senders.sender import (
    Accepted,
    Channel,
    Listener,
    Outgoing,
    Refused,
    Throttled,
    Unavailable,
    Uncertain,
)
from voicebot.messages.sms_text import count_parts
from voicebot.settings import HttpProvider

log = structlog.get_logger(__name__)

_KNOWN = frozenset(
    {"phone", "digits", "address", "text", "key", "link", "template", "source", "ttl_seconds", "buttons", "values", "dialog_id"}
)
_DAY_SECONDS = 86_400
_LONGEST_WAIT_SECONDS = 3600.0
#: The request never reached the program behind the address, or it says that it does not work.
_NOT_TAKEN = frozenset({401, 402, 403, 404, 405, 407, 410, 415, 501, 503, 505})
_OF_THE_ADDRESS = frozenset({400, 422})


class HttpSender:
    """A Sender. Whether a repetition is safe depends on the provider's knowing our key."""

    def __init__(self, provider: str, settings: HttpProvider, clock: Clock) -> None:
        """Raises ConfigurationError."""
        self.provider = provider
        self.channel = Channel(settings.channel)
        self.is_idempotent = bool(settings.key_header)
        self._settings = settings
        self._clock = clock
        self._pace = Pace(settings.per_second)
        self._throttling = BackOff(1.0, 60.0)
        self._client: httpx.AsyncClient | None = None
        unknown = placeholders(settings.body) - _KNOWN
        if unknown:
            names = ", ".join(sorted(unknown))
            raise ConfigurationError(
                f"messages.providers.{provider}.body names {names}, which nobody fills in.",
                f"Known: {', '.join(sorted(_KNOWN))}.",
            )

    async def open(self, listener: Listener) -> None:
        """Receipts come by the webhook, in another process."""
        del listener
        secret = self._settings.secret_file.read_text().strip() if self._settings.secret_file else ""
        headers = {name: value.replace("{secret}", secret) for name, value in self._settings.headers.items()}
        context = ssl.create_default_context(cafile=self._settings.ca_file)
        self._client = httpx.AsyncClient(
            headers=headers, timeout=self._settings.timeout_seconds, verify=context, follow_redirects=False, trust_env=False
        )

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def send(self, outgoing: Outgoing) -> Accepted:
        if self._client is None:
            raise Unavailable(f"{self.provider} is not opened.")
        await self._pace.wait()
        headers = {self._settings.key_header: outgoing.key} if self._settings.key_header else {}
        body = fill(self._settings.body, self._values(outgoing))
        try:
            # A server may go on sending a little for ever: each read is in time, the whole is not.
            async with asyncio.timeout(self._settings.timeout_seconds * 1.5):
                answer = await self._client.request(self._settings.method, self._settings.url, json=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol):
            raise Unavailable(f"{self.provider} cannot be reached.", code="unreachable") from None
        except (httpx.HTTPError, TimeoutError) as error:
            raise Uncertain(f"{self.provider} did not answer.", code=type(error).__name__) from None
        return self._read(answer, outgoing)

    def _read(self, answer: httpx.Response, outgoing: Outgoing) -> Accepted:
        status, code = answer.status_code, str(answer.status_code)
        try:
            content: Any = answer.json()
        except ValueError:
            content = None
        if status == 429:
            after = _retry_after(answer.headers.get("Retry-After", ""), self._clock.now()) or self._throttling.fail()
            raise Throttled(f"{self.provider} asks to send slower.", min(after, _LONGEST_WAIT_SECONDS), code=code)
        message_id = text_at(content, self._settings.id_path)
        if 200 <= status < 300 or (status == 409 and message_id):  # 409: it knows our key
            return self._taken(content, message_id, outgoing)
        if code in self._settings.refused_codes or status in _OF_THE_ADDRESS:
            raise Refused(f"{self.provider} refuses the message.", code=code)
        if status in _NOT_TAKEN or 300 <= status < 400:
            raise Unavailable(f"{self.provider} answered {code}.", "Look at its settings and the account.", code=code)
        raise Uncertain(f"{self.provider} answered {code}.", code=code)

    def _taken(self, content: Any, message_id: str, outgoing: Outgoing) -> Accepted:
        error = text_at(content, self._settings.error_path) if self._settings.error_path else ""
        if error not in ("", "0"):
            if error in self._settings.refused_codes:
                raise Refused(f"{self.provider} refuses the message.", code=error[:32])
            raise Unavailable(f"{self.provider} answered an error.", "Look at its settings and the account.", code=error[:32])
        if not message_id:
            raise Uncertain(f"{self.provider} gave no ID.", f"Correct id_path of {self.provider}.", code="no_id")
        self._throttling.reset()
        parts = count_parts(outgoing.text) if self.channel is Channel.SMS else 1
        return Accepted(self.provider, message_id, parts)

    def _values(self, outgoing: Outgoing) -> dict[str, Any]:
        ttl = int((outgoing.expires_at - self._clock.now()).total_seconds()) if outgoing.expires_at else _DAY_SECONDS
        return {
            "phone": outgoing.address,
            "digits": outgoing.address.removeprefix("+"),
            "address": outgoing.address,
            "text": outgoing.text,
            "key": outgoing.key,
            "link": outgoing.link,
            "template": outgoing.template,
            "values": dict(outgoing.values),
            "source": self._settings.source,
            "ttl_seconds": max(60, ttl),
            "dialog_id": outgoing.dialog_id,
            "buttons": [
                {name: value for name, value in (("title", one.title), ("payload", one.payload), ("url", one.url)) if value}
                for one in outgoing.buttons
            ],
        }


def _retry_after(header: str, now: datetime) -> float:
    """RFC 9110, 10.2.3: seconds, or a date; 0 for nonsense."""
    if header.strip().isdigit():
        return float(min(int(header.strip()), _DAY_SECONDS))
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - now).total_seconds())
