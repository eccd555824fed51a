"""Reminders and notices by Telegram, to chats that patients have opened with the clinic's bot themselves.

Telegram tells a bot neither of delivery nor of reading. Its acceptance means that the chat exists and the bot is welcome
in it; whether that counts as delivered is the clinic's choice (`accepted_is_delivered`).
"""

from collections.abc import Mapping
from typing import Any

from voicebot.clock import Clock
from voicebot.messages.senders.bot_sender import BotSender, pressed_word
from voicebot.messages.senders.sender import Channel, Outgoing
from voicebot.messages.senders.telegram_api import DATA_LIMIT_BYTES, TEXT_LIMIT, TelegramApi


class TelegramSender(BotSender):
    """`Sender` of the channel telegram. `Outgoing.address` is the chat's ID."""

    text_limit = TEXT_LIMIT

    def __init__(
        self, api: TelegramApi, clock: Clock, *, provider: str = "telegram", accepted_is_delivered: bool = True
    ) -> None:
        super().__init__(provider, Channel.TELEGRAM, clock, accepted_is_delivered=accepted_is_delivered)
        self._api = api

    async def _hand_over(self, outgoing: Outgoing) -> str:
        return str(await self._api.send_message(outgoing.address, outgoing.text, keyboard(outgoing)))

    async def _close(self) -> None:
        await self._api.close()


def keyboard(outgoing: Outgoing) -> Mapping[str, Any] | None:
    """The message's buttons, one a row: their titles are sentences of a few words."""
    rows: list[list[dict[str, str]]] = []
    for button in outgoing.buttons:
        if button.url:
            rows.append([{"text": button.title, "url": button.url}])
        else:
            rows.append([{"text": button.title, "callback_data": pressed_word(button, DATA_LIMIT_BYTES)}])
    return {"inline_keyboard": rows} if rows else None
