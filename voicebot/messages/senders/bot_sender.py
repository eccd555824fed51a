"""What the senders of messengers have in common: a chat's ID is checked, an acceptance becomes a receipt."""

import asyncio
import re
from abc import ABC, abstractmethod

from voicebot.clock import Clock
from voicebot.messages.senders.sender import (
    Accepted,
    Button,
    Channel,
    Listener,
    Outgoing,
    Receipt,
    ReceiptStatus,
    Refused,
)

_CHAT = re.compile(r"-?\d{1,19}")
#: What a button sends back begins so: a reply to a message of ours, not an answer within the running dialog.
REPLY = "reply:"


class BotSender(ABC):
    """One bot. `provider_id` of what it sends is "chat:message", for messages are counted within a chat."""

    text_limit: int
    is_idempotent = False  # the same again is a second message

    def __init__(self, provider: str, channel: Channel, clock: Clock, *, accepted_is_delivered: bool) -> None:
        self._provider = provider
        self._channel = channel
        self._clock = clock
        self._accepted = ReceiptStatus.DELIVERED if accepted_is_delivered else ReceiptStatus.SENT
        self._listener: Listener | None = None
        self._telling: set[asyncio.Task[None]] = set()

    @property
    def provider(self) -> str:
        return self._provider

    @property
    def channel(self) -> Channel:
        return self._channel

    async def open(self, listener: Listener) -> None:
        self._listener = listener

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Raises Gone (the chat is no more), Refused, Throttled, Unavailable, Uncertain."""
        if _CHAT.fullmatch(outgoing.address) is None:
            raise Refused("A chat's address is a number.", code="bad_chat")
        if not outgoing.text or len(outgoing.text) > self.text_limit:
            raise Refused("The text does not fit into one message.", code="text_length")
        found = Accepted(self._provider, f"{outgoing.address}:{await self._hand_over(outgoing)}")
        if self._listener is not None:
            receipt = Receipt(self._provider, found.provider_id, self._accepted, self._clock.now(), key=outgoing.key)
            task = asyncio.create_task(self._listener.receipt(receipt))
            self._telling.add(task)  # a task that nobody holds may be collected
            task.add_done_callback(self._telling.discard)
        return found

    async def close(self) -> None:
        await asyncio.gather(*self._telling, return_exceptions=True)
        await self._close()

    @abstractmethod
    async def _hand_over(self, outgoing: Outgoing) -> str:
        """Send; return the message's name within its chat."""

    @abstractmethod
    async def _close(self) -> None: ...


def pressed_word(button: Button, limit_bytes: int) -> str:
    """What a button of a notice sends back when it is pressed."""
    word = f"{REPLY}{button.payload or button.title}"
    while len(word.encode()) > limit_bytes:
        word = word[:-1]
    return word
