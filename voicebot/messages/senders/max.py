"""Reminders and notices by MAX, to dialogs that patients have opened with the clinic's bot themselves.

As with Telegram, a bot is told neither of delivery nor of reading.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from voicebot.clock import Clock
from voicebot.messages.senders.bot_sender import BotSender, pressed_word
from voicebot.messages.senders.max_api import PAYLOAD_LIMIT, TEXT_LIMIT, MaxApi
from voicebot.messages.senders.sender import Channel, Outgoing


class MaxSender(BotSender):
    """`Sender` of the channel max. `Outgoing.address` is the dialog's chat ID."""

    text_limit = TEXT_LIMIT

    def __init__(self, api: MaxApi, clock: Clock, *, provider: str = "max", accepted_is_delivered: bool = True) -> None:
        super().__init__(provider, Channel.MAX, clock, accepted_is_delivered=accepted_is_delivered)
        self._api = api

    async def _hand_over(self, outgoing: Outgoing) -> str:
        return await self._api.send_message(outgoing.address, outgoing.text, keyboard(outgoing))

    async def _close(self) -> None:
        await self._api.close()


def keyboard(outgoing: Outgoing) -> Sequence[Sequence[Mapping[str, Any]]]:
    """The message's buttons, one a row."""
    rows: list[list[Mapping[str, Any]]] = []
    for button in outgoing.buttons:
        if button.url:
            rows.append([{"type": "link", "text": button.title, "url": button.url}])
        else:
            rows.append([{"type": "callback", "text": button.title, "payload": pressed_word(button, PAYLOAD_LIMIT)}])
    return rows
