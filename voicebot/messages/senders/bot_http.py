"""HTTPS requests to a messenger's bot API: what a broken connection means for the message that was on its way.

The token stands in addresses or headers: nothing of a request is ever logged, and httpx is told not to.
"""

import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx

from voicebot.errors import ConfigurationError
from voicebot.messages.senders.sender import Refused, Unavailable, Uncertain

ANSWER_LIMIT_BYTES = 8 * 1024 * 1024
_CONNECT_SECONDS = 5.0


class Gone(Refused):
    """This chat takes nothing from us any more: the bot was blocked, or there is no such chat."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API answered. `values` is {} where the body is no JSON object."""

    status: int
    values: Mapping[str, Any]


class BotHttp:
    """One API. `ca_file`: certificates trusted besides the usual ones; `proxy`: "http://host:port", "" for none."""

    def __init__(
        self, base_url: str, *, headers: Mapping[str, str] | None = None, ca_file: Path | None = None, proxy: str = ""
    ) -> None:
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log addresses, and with them the token
        self.base_url = base_url.rstrip("/")
        self._client = httpx.AsyncClient(
            headers=dict(headers or {}),
            verify=_trust(ca_file),
            proxy=proxy or None,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
        )

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json: Any = None,
        seconds: float = 10.0,
    ) -> Answer:
        """Raises Unavailable (surely not taken), Uncertain (perhaps taken)."""
        try:
            answer = await self._client.request(
                method,
                f"{self.base_url}{path}",
                params=dict(query or {}),
                json=json,
                timeout=httpx.Timeout(seconds, connect=_CONNECT_SECONDS),
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
            raise Unavailable("The messenger cannot be reached.", code=type(error).__name__) from None
        except httpx.HTTPError as error:
            raise Uncertain("The messenger did not answer.", code=type(error).__name__) from None
        return Answer(answer.status_code, _values(answer))

    async def download(self, url: str, limit_bytes: int, *, seconds: float = 10.0) -> bytes:
        """Fetch a file by its whole address, without our headers. Raises Refused if it is too long, Unavailable."""
        pieces: list[bytes] = []
        size = 0
        try:
            request = self._client.build_request("GET", url, timeout=httpx.Timeout(seconds, connect=_CONNECT_SECONDS))
            request.headers.pop("Authorization", None)  # of the API alone; files lie elsewhere
            answer = await self._client.send(request, stream=True)
            try:
                if answer.status_code != httpx.codes.OK:
                    raise Unavailable("A file could not be fetched.", code=str(answer.status_code))
                async for piece in answer.aiter_bytes():
                    size += len(piece)
                    if size > limit_bytes:
                        raise Refused("A file is too long.", code="too_long")
                    pieces.append(piece)
            finally:
                await answer.aclose()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise Unavailable("A file could not be fetched.", code=type(error).__name__) from None
        return b"".join(pieces)

    async def close(self) -> None:
        await self._client.aclose()


def _values(answer: httpx.Response) -> Mapping[str, Any]:
    if len(answer.content) > ANSWER_LIMIT_BYTES:
        return {}
    try:
        values = answer.json()
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


@lru_cache(maxsize=4)  # reading all authorities takes a third of a second
def _trust(ca_file: Path | None) -> ssl.SSLContext:
    context = httpx.create_ssl_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=str(ca_file))
        except OSError:
            raise ConfigurationError(f"{ca_file} holds no certificates.", "Give a PEM file, or leave ca_file out.") from None
    return context
