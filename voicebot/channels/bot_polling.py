"""Long polling: updates are asked for, done, and only then let go of, so that a crash loses none and doubles none.

One process of all polls a bot (a lease in the database); the others wait for their turn.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from voicebot.channels.bot import Bot
from voicebot.channels.bot_store import BotStore
from voicebot.errors import StorageError
from voicebot.messages.senders.sender import SendFailure, Throttled

log = structlog.get_logger(__name__)

_WAIT_SECONDS = 25
_LEASE_SECONDS = 90.0
_TURN_SECONDS = 5.0  # between two looks whether the other poller has gone
_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_GIVE_UP_AFTER = 6  # tries of a batch whose answers cannot be sent: others wait behind it
_AT_ONCE = 16
_FORGET_EVERY = 500  # rounds


class Poller:
    """Polls one bot until it is cancelled. `sleep`: for tests."""

    def __init__(self, bot: Bot, store: BotStore, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._bot = bot
        self._store = store
        self._sleep = sleep
        self._holder = secrets.token_hex(8)
        self._failures = 0
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def run(self) -> None:
        """Never returns; raises nothing but CancelledError."""
        is_ready = False
        rounds = 0
        try:
            while True:
                try:
                    if not is_ready:
                        await self._bot.messenger.use_polling()
                        is_ready = True
                    await self.round()
                    rounds += 1
                    if rounds % _FORGET_EVERY == 1:
                        await asyncio.to_thread(self._store.forget_old)
                except (StorageError, SendFailure) as error:
                    await self._pause(error)
        finally:
            await asyncio.shield(asyncio.to_thread(self._release))

    async def round(self) -> None:
        """Take one batch and do it. Raises StorageError, SendFailure: the same batch comes again."""
        position = await asyncio.to_thread(self._store.hold, self._holder, _LEASE_SECONDS)
        if position is None:
            await self._sleep(_TURN_SECONDS)
            return
        updates, following = await self._bot.messenger.poll(position, _WAIT_SECONDS)
        await self._do(updates)
        if following != position:
            await asyncio.to_thread(self._store.move, self._holder, following)
        self._failures = 0

    async def _do(self, updates: Sequence[Any]) -> None:
        """Chats go side by side; the updates of one chat in their order, none before the one that has to come again."""
        chats: dict[str, list[Any]] = {}
        for raw in updates:
            update = self._bot.messenger.parse(raw)
            if update is not None:
                chats.setdefault(update.chat, []).append(raw)
        done = await asyncio.gather(*(self._chat(of_chat) for of_chat in chats.values()), return_exceptions=True)
        failures = [result for result in done if isinstance(result, BaseException)]
        if not failures:
            return
        worst = next((one for one in failures if isinstance(one, StorageError)), failures[0])
        if not isinstance(worst, StorageError) and self._failures >= _GIVE_UP_AFTER:
            log.error("bot_answers_given_up", channel=self._bot.messenger.channel, count=len(failures))
            return
        raise worst

    async def _chat(self, updates: Sequence[Any]) -> None:
        async with self._at_once:
            for raw in updates:
                await self._bot.handle(raw)

    async def _pause(self, error: StorageError | SendFailure) -> None:
        self._failures += 1
        seconds = min(_FIRST_PAUSE_SECONDS * 2 ** min(self._failures - 1, 10), _LONGEST_PAUSE_SECONDS)
        if isinstance(error, Throttled):
            seconds = max(seconds, error.after_seconds)
        log.warning(
            "bot_poller_waits",
            channel=self._bot.messenger.channel,
            problem=type(error).__name__,
            code=getattr(error, "code", ""),
            again_in_seconds=seconds,
        )
        await self._sleep(seconds)

    def _release(self) -> None:
        try:
            self._store.release(self._holder)
        except StorageError as error:
            log.warning("bot_lease_not_released", problem=type(error).__name__)
