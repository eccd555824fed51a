"""Telegram's Bot API (core.telegram.org/bots/api): the few methods that are needed, and what its errors mean."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voicebot.messages.senders.bot_http import BotHttp, Gone
from voicebot.messages.senders.sender import Refused, Throttled, Unavailable, Uncertain

TEXT_LIMIT = 4096  # characters of a message
DATA_LIMIT_BYTES = 64  # of a button's callback_data
VOICE_LIMIT_BYTES = 2 * 1024 * 1024  # about ten minutes of Opus
_GONE = ("chat not found", "user not found", "peer_id_invalid", "bot was kicked")
_THROTTLED_SECONDS = 3.0  # when it says "too many" and not for how long
_POLL_MARGIN_SECONDS = 10.0


class TelegramApi:
    """Raises Gone, Refused, Throttled, Unavailable, Uncertain."""

    def __init__(
        self, token: str, base_url: str = "https://api.telegram.org", *, ca_file: Path | None = None, proxy: str = ""
    ) -> None:
        self._token = token
        self._http = BotHttp(base_url, ca_file=ca_file, proxy=proxy)

    async def send_message(self, chat: str, text: str, markup: Mapping[str, Any] | None = None) -> int:
        """Return the message's number within the chat."""
        asked: dict[str, Any] = {"chat_id": int(chat), "text": text, "link_preview_options": {"is_disabled": True}}
        if markup is not None:
            asked["reply_markup"] = markup
        sent = await self._call("sendMessage", asked)
        if not isinstance(sent, Mapping) or not isinstance(sent.get("message_id"), int):
            raise Uncertain("Telegram's answer names no message.", code="no_message_id")
        return int(sent["message_id"])

    async def answer_callback(self, callback_id: str, text: str = "") -> None:
        """Stop the button's waiting sign; `text` is shown for a moment."""
        await self._call("answerCallbackQuery", {"callback_query_id": callback_id, **({"text": text} if text else {})})

    async def show_typing(self, chat: str) -> None:
        await self._call("sendChatAction", {"chat_id": int(chat), "action": "typing"})

    async def get_updates(self, offset: int | None, kinds: Sequence[str], *, wait_seconds: int, limit: int = 100) -> list[Any]:
        """Wait for updates from `offset` on; all before it are forgotten by Telegram."""
        asked: dict[str, Any] = {"timeout": wait_seconds, "limit": limit, "allowed_updates": list(kinds)}
        if offset is not None:
            asked["offset"] = offset
        found = await self._call("getUpdates", asked, seconds=wait_seconds + _POLL_MARGIN_SECONDS)
        return found if isinstance(found, list) else []

    async def set_webhook(self, url: str, secret: str, kinds: Sequence[str]) -> None:
        await self._call("setWebhook", {"url": url, "secret_token": secret, "allowed_updates": list(kinds)})

    async def delete_webhook(self) -> None:
        """Needed before get_updates: Telegram gives updates one way only."""
        await self._call("deleteWebhook", {"drop_pending_updates": False})

    async def download(self, file_id: str, limit_bytes: int = VOICE_LIMIT_BYTES) -> bytes:
        """Fetch a file; only what is surely no longer than the limit."""
        found = await self._call("getFile", {"file_id": file_id})
        path = found.get("file_path") if isinstance(found, Mapping) else None
        if not isinstance(path, str) or not path:
            raise Unavailable("Telegram gave no file.", code="no_file_path")
        return await self._http.download(f"{self._http.base_url}/file/bot{self._token}/{path.lstrip('/')}", limit_bytes)

    async def close(self) -> None:
        await self._http.close()

    async def _call(self, method: str, asked: Mapping[str, Any], *, seconds: float = 10.0) -> Any:
        answer = await self._http.request("POST", f"/bot{self._token}/{method}", json=asked, seconds=seconds)
        if answer.values.get("ok") is True and "result" in answer.values:
            return answer.values["result"]
        told = str(answer.values.get("description", "")).lower()
        match answer.status:
            case 429:
                raise Throttled("Telegram wants a pause.", _pause(answer.values), code="429")
            case 403:
                raise Gone("The patient has stopped the bot.", code="403")
            case 400 if any(sign in told for sign in _GONE):
                raise Gone("There is no such chat.", code="400")
            case 401 | 404:
                raise Unavailable(
                    "Telegram does not know this bot.", "Correct channels.telegram.token.", code=str(answer.status)
                )
            case 409:
                raise Unavailable("Somebody else takes this bot's updates.", "One poller a bot; no webhook.", code="409")
            case status if 400 <= status < 500:
                raise Refused("Telegram refused the request.", code=str(status))
            case 503:
                raise Unavailable("Telegram does not work now.", code="503")
        raise Uncertain("Telegram failed over the request.", code=str(answer.status))


def _pause(values: Mapping[str, Any]) -> float:
    parameters = values.get("parameters")
    seconds = parameters.get("retry_after") if isinstance(parameters, Mapping) else None
    return float(seconds) if isinstance(seconds, int | float) and seconds >= 0 else _THROTTLED_SECONDS
