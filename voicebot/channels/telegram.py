"""Telegram as a messenger (core.telegram.org/bots/api: Update, Message, CallbackQuery, ChatMemberUpdated)."""

from collections.abc import Mapping, Sequence
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
from voicebot.messages.senders.bots import telegram_api
from voicebot.messages.senders.telegram_api import TEXT_LIMIT, TelegramApi

KINDS = ("message", "edited_message", "callback_query", "my_chat_member")
SHARE = "Поделиться моим номером"
_GONE = ("kicked", "left")
#: What a client sends along that is no word of the patient's: pinned messages, a chat's settings.
_SERVICE = (
    "pinned_message",
    "new_chat_members",
    "left_chat_member",
    "message_auto_delete_timer_changed",
    "write_access_allowed",
)


class TelegramMessenger(Messenger):
    channel = "telegram"
    text_limit = TEXT_LIMIT
    secret_header = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - a header's name

    def __init__(self, api: TelegramApi) -> None:
        self._api = api

    def parse(self, raw: Any) -> Update | None:
        number = number_at(raw, "update_id")
        if number is None:
            return None
        key = str(number)
        if (pressed := member(raw, "callback_query")) is not None:
            return _pressed(key, pressed)
        if (changed := member(raw, "my_chat_member")) is not None:
            chat = _chat(changed)
            return Stopped(key, chat) if chat and text_at(changed, "new_chat_member", "status") in _GONE else None
        if (edited := member(raw, "edited_message")) is not None:
            chat = _chat(edited)
            # A place that is shared live is "edited" every few seconds.
            return Edited(key, chat) if chat and text_at(edited, "text") else None
        return _message(key, member(raw, "message"))

    async def send(self, chat: str, text: str, buttons: Sequence[Button] = (), *, wants_phone: bool = False) -> None:
        await self._api.send_message(chat, text, keyboard(buttons, wants_phone=wants_phone))

    async def acknowledge(self, pressed: Pressed) -> None:
        await self._api.answer_callback(pressed.token)

    async def show_typing(self, chat: str) -> None:
        await self._api.show_typing(chat)

    async def fetch(self, spoke: Spoke) -> bytes:
        return await self._api.download(spoke.file)

    async def poll(self, position: Position, wait_seconds: int) -> tuple[Sequence[Any], Position]:
        updates = await self._api.get_updates(position.number, KINDS, wait_seconds=wait_seconds)
        numbers = [number for one in updates if (number := number_at(one, "update_id")) is not None]
        return updates, Position(max(numbers) + 1) if numbers else position

    async def use_webhook(self, url: str, secret: str) -> None:
        await self._api.set_webhook(url, secret, KINDS)

    async def use_polling(self) -> None:
        await self._api.delete_webhook()

    async def close(self) -> None:
        await self._api.close()


def keyboard(buttons: Sequence[Button], *, wants_phone: bool) -> Mapping[str, Any] | None:
    """Buttons under the message; a question for the number takes the keyboard's place, for only there it can be shared."""
    if wants_phone:
        rows = [[{"text": SHARE, "request_contact": True}], *([{"text": button.label}] for button in buttons)]
        return {"keyboard": rows, "one_time_keyboard": True, "resize_keyboard": True}
    if not buttons:
        return None
    return {"inline_keyboard": [[{"text": button.label, "callback_data": button.payload}] for button in buttons]}


def _chat(holder: Any) -> str:
    """The chat's number if it is a private one, else ""."""
    number = number_at(holder, "chat", "id")
    return str(number) if number is not None and text_at(holder, "chat", "type") == "private" else ""


def _pressed(key: str, raw: Any) -> Update | None:
    chat, token, payload = _chat(member(raw, "message")), text_at(raw, "id"), text_at(raw, "data")
    if not (chat and token and payload):
        return None
    number = number_at(raw, "message", "message_id")
    return Pressed(key, chat, payload, token, "" if number is None else str(number))


def _message(key: str, raw: Any) -> Update | None:
    chat = _chat(raw)
    if not chat or member(raw, "from", "is_bot") is not False:
        return None
    if text := text_at(raw, "text"):
        if text == "/start" or text.startswith("/start "):
            return Began(key, chat, text[len("/start ") :].strip())
        number = number_at(raw, "reply_to_message", "message_id")
        return Wrote(key, chat, text, "" if number is None else str(number))
    if member(raw, "contact") is not None:
        own = number_at(raw, "from", "id")
        phone = text_at(raw, "contact", "phone_number")
        return Shared(key, chat, phone, own is not None and number_at(raw, "contact", "user_id") == own)
    for kind in ("voice", "audio"):
        if file := text_at(raw, kind, "file_id"):
            return Spoke(key, chat, file, number_at(raw, kind, "file_size") or 0)
    if any(member(raw, kind) is not None for kind in _SERVICE):
        return None
    return SentOther(key, chat)


def open_door(context: Context) -> Door | None:
    """None: there is no token."""
    settings = context.settings.channels.telegram
    api = telegram_api(settings)
    return None if api is None else bot_door(context, TelegramMessenger(api), settings)
