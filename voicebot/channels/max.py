"""MAX as a messenger (dev.max.ru/docs-api: Update, Message, Callback; schema 0.0.33)."""

import re
from collections.abc import Sequence
from typing import Any

from voicebot.channels.bot_door import bot_door
from voicebot.channels.contact import Button
from voicebot.channels.door import Context, Door
from voicebot.channels.messenger import (
    Began,
    Edited,
    Messenger,
    Position,
    Pressed,
    SentOther,
    Shared,
    Spoke,
    Stopped,
    Update,
    Wrote,
    member,
    number_at,
    text_at,
)
from voicebot.messages.senders.bots import max_api
from voicebot.messages.senders.max_api import TEXT_LIMIT, MaxApi

KINDS = (
    "message_created", "message_callback", "message_edited", "bot_started", "bot_stopped", "dialog_removed",
)  # fmt: skip
SHARE = "Поделиться моим номером"
_PHONE = re.compile(r"^TEL[^:\r\n]*:([^\r\n]+)", re.IGNORECASE | re.MULTILINE)


class MaxMessenger(Messenger):
    channel = "max"
    text_limit = TEXT_LIMIT
    secret_header = "X-Max-Bot-Api-Secret"  # noqa: S105 - a header's name

    def __init__(self, api: MaxApi) -> None:
        self._api = api

    def parse(self, raw: Any) -> Update | None:
        match text_at(raw, "update_type"):
            case "message_created":
                return _message(member(raw, "message"))
            case "message_callback":
                return _pressed(raw)
            case "message_edited":
                message = member(raw, "message")
                chat, mid = _chat(message), text_at(message, "body", "mid")
                is_ours = member(message, "sender", "is_bot") is not False
                return None if is_ours or not chat or not mid else Edited(f"edited {mid} {_at(raw)}", chat)
            case "bot_started":
                chat = _event_chat(raw)
                return Began(f"began {chat} {_at(raw)}", chat, text_at(raw, "payload")) if chat else None
            case "bot_stopped" | "dialog_removed":
                chat = _event_chat(raw)
                return Stopped(f"stopped {chat} {_at(raw)}", chat) if chat else None
        return None

    async def send(self, chat: str, text: str, buttons: Sequence[Button] = (), *, wants_phone: bool = False) -> None:
        rows: list[list[dict[str, Any]]] = [
            [{"type": "callback", "text": button.label, "payload": button.payload}] for button in buttons
        ]
        if wants_phone:
            rows.insert(0, [{"type": "request_contact", "text": SHARE}])
        await self._api.send_message(chat, text, rows)

    async def acknowledge(self, pressed: Pressed) -> None:
        await self._api.answer_callback(pressed.token)

    async def show_typing(self, chat: str) -> None:
        await self._api.show_typing(chat)

    async def fetch(self, spoke: Spoke) -> bytes:
        return await self._api.download(spoke.file)

    async def poll(self, position: Position, wait_seconds: int) -> tuple[Sequence[Any], Position]:
        updates, following = await self._api.get_updates(position.number, KINDS, wait_seconds=wait_seconds)
        return updates, position if following is None else Position(following)

    async def use_webhook(self, url: str, secret: str) -> None:
        for old in await self._api.subscriptions():
            if old != url:
                await self._api.unsubscribe(old)  # every subscription gets every update: each would be answered twice
        await self._api.subscribe(url, secret, KINDS)

    async def use_polling(self) -> None:
        for old in await self._api.subscriptions():
            await self._api.unsubscribe(old)

    async def close(self) -> None:
        await self._api.close()


def _at(raw: Any) -> int:
    return number_at(raw, "timestamp") or 0


def _event_chat(raw: Any) -> str:
    number = number_at(raw, "chat_id")
    return "" if number is None or member(raw, "is_channel") is True else str(number)


def _chat(message: Any) -> str:
    """The dialog's number, "" for groups and channels."""
    number = number_at(message, "recipient", "chat_id")
    return str(number) if number is not None and text_at(message, "recipient", "chat_type") == "dialog" else ""


def _pressed(raw: Any) -> Update | None:
    message = member(raw, "message")
    chat, token = _chat(message), text_at(raw, "callback", "callback_id")
    payload = text_at(raw, "callback", "payload")
    if not (chat and token and payload):
        return None
    # The callback's ID names the keyboard: pressed again, it is the same; the time tells the presses apart.
    moment = number_at(raw, "callback", "timestamp") or _at(raw)
    return Pressed(f"pressed {token[:64]} {moment}", chat, payload, token, text_at(message, "body", "mid"))


def _message(raw: Any) -> Update | None:
    chat, mid = _chat(raw), text_at(raw, "body", "mid")
    if not chat or not mid or member(raw, "sender", "is_bot") is not False:
        return None
    attachments = member(raw, "body", "attachments")
    for one in attachments if isinstance(attachments, list) else ():
        match text_at(one, "type"):
            case "contact":
                return _shared(mid, chat, raw, member(one, "payload"))
            case "audio" if url := text_at(one, "payload", "url"):
                return Spoke(mid, chat, url)
    if text := text_at(raw, "body", "text").strip():
        if text == "/start" or text.startswith("/start "):
            return Began(mid, chat, text[len("/start ") :].strip())
        is_reply = text_at(raw, "link", "type") == "reply"
        return Wrote(mid, chat, text, text_at(raw, "link", "message", "mid") if is_reply else "")
    return SentOther(mid, chat)


def _shared(mid: str, chat: str, message: Any, payload: Any) -> Update:
    """`max_info` is filled in by MAX: the card is the sender's own where it names the sender."""
    found = _PHONE.search(text_at(payload, "vcf_info"))
    own = number_at(message, "sender", "user_id")
    is_own = own is not None and number_at(payload, "max_info", "user_id") == own
    return Shared(mid, chat, found[1].strip() if found else "", is_own)


def open_door(context: Context) -> Door | None:
    """None: there is no token."""
    settings = context.settings.channels.max
    api = max_api(settings)
    return None if api is None else bot_door(context, MaxMessenger(api), settings)
