"""MAX's bot API (dev.max.ru/docs-api, schema 0.0.33): the few methods that are needed, and what its errors mean."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voicebot.messages.senders.bot_http import Answer, BotHttp, Gone
from voicebot.messages.senders.sender import Refused, Throttled, Unavailable, Uncertain

TEXT_LIMIT = 4000  # characters of a message
PAYLOAD_LIMIT = 1024  # characters of a button's payload
VOICE_LIMIT_BYTES = 4 * 1024 * 1024
_GONE = ("chat.denied", "chat.not.found", "dialog.not.found", "dialog.suspended", "error.dialog.suspended", "user.not.found")
_THROTTLED_SECONDS = 2.0
_POLL_MARGIN_SECONDS = 10.0


class MaxApi:
    """Raises Gone, Refused, Throttled, Unavailable, Uncertain."""

    def __init__(
        self, token: str, base_url: str = "https://platform-api2.max.ru", *, ca_file: Path | None = None, proxy: str = ""
    ) -> None:
        # The token goes in the header alone; in addresses it is not accepted any more.
        self._http = BotHttp(base_url, headers={"Authorization": token}, ca_file=ca_file, proxy=proxy)

    async def send_message(self, chat: str, text: str, buttons: Sequence[Sequence[Mapping[str, Any]]] = ()) -> str:
        """Return the message's ID ("mid...")."""
        body: dict[str, Any] = {"text": text, "attachments": [], "link": None}
        if buttons:
            body["attachments"] = [{"type": "inline_keyboard", "payload": {"buttons": [list(row) for row in buttons]}}]
        query = {"chat_id": chat, "disable_link_preview": "true"}
        sent = await self._call("POST", "/messages", query=query, json=body)
        try:
            return str(sent["message"]["body"]["mid"])
        except (KeyError, TypeError):
            raise Uncertain("MAX's answer names no message.", code="no_mid") from None

    async def answer_callback(self, callback_id: str, notification: str = "") -> None:
        """Acknowledge a pressed button; `notification` is shown for a moment. MAX wants one: a space will do."""
        await self._call("POST", "/answers", query={"callback_id": callback_id}, json={"notification": notification or " "})

    async def show_typing(self, chat: str) -> None:
        await self._call("POST", f"/chats/{int(chat)}/actions", json={"action": "typing_on"})

    async def get_updates(
        self, marker: int | None, kinds: Sequence[str], *, wait_seconds: int, limit: int = 100
    ) -> tuple[list[Any], int | None]:
        """Wait for updates after `marker`; return them and the next marker (None: none was given)."""
        query: dict[str, Any] = {"timeout": wait_seconds, "limit": limit, "types": ",".join(kinds)}
        if marker is not None:
            query["marker"] = marker
        found = await self._call("GET", "/updates", query=query, seconds=wait_seconds + _POLL_MARGIN_SECONDS)
        updates, following = found.get("updates"), found.get("marker")
        return (updates if isinstance(updates, list) else []), (following if isinstance(following, int) else None)

    async def subscribe(self, url: str, secret: str, kinds: Sequence[str]) -> None:
        """Have updates posted to `url`; `secret` (5-256 of [A-Za-z0-9_-]) comes in the header X-Max-Bot-Api-Secret."""
        await self._call("POST", "/subscriptions", json={"url": url, "update_types": list(kinds), "secret": secret})

    async def subscriptions(self) -> list[str]:
        """Return the addresses updates are posted to."""
        found = (await self._call("GET", "/subscriptions")).get("subscriptions")
        return [str(one.get("url", "")) for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []

    async def unsubscribe(self, url: str) -> None:
        await self._call("DELETE", "/subscriptions", query={"url": url})

    async def download(self, url: str, limit_bytes: int = VOICE_LIMIT_BYTES) -> bytes:
        """Fetch an attachment from the address that an update names; over TLS, or from the API's own host."""
        if not url.startswith(("https://", f"{self._http.base_url}/")):
            raise Refused("An attachment's address is not https.", code="not_https")
        return await self._http.download(url, limit_bytes)

    async def close(self) -> None:
        await self._http.close()

    async def _call(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, json: Any = None, seconds: float = 10.0
    ) -> Mapping[str, Any]:
        answer = await self._http.request(method, path, query=query, json=json, seconds=seconds)
        if answer.status == 200 and answer.values.get("success", True) is not False:
            return answer.values
        raise _failure(answer)


def _failure(answer: Answer) -> Exception:
    code = str(answer.values.get("code", ""))[:64]
    if code in _GONE:
        return Gone("The patient has stopped the bot, or there is no such chat.", code=code)
    match answer.status:
        case 429:
            return Throttled("MAX wants a pause.", _THROTTLED_SECONDS, code="429")
        case 401:
            return Unavailable("MAX does not know this bot.", "Correct channels.max.token.", code="401")
        case 403:
            return Gone("The patient has stopped the bot.", code=code or "403")
        case 405 | 503:
            return Unavailable("MAX does not take this now.", code=code or str(answer.status))
        case status if status == 200 or 400 <= status < 500:
            return Refused("MAX refused the request.", code=code or str(status))
    return Uncertain("MAX failed over the request.", code=str(answer.status))
