"""Text dialogs of all channels: a message in, a reply out, everything stored before the reply goes.

One message of a dialog is done at a time (a lock each). Thinking runs in a small pool, writing in one thread (`writer`). The
state is cached; what another process wrote meanwhile is noticed by its version and read again.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import structlog

from voicebot.channels import store
from voicebot.channels.contact import ADDRESS_LENGTH, Incoming, Reply, Said
from voicebot.channels.editions import Thinkers
from voicebot.channels.locks import KeyedLocks
from voicebot.channels.rules import Rules
from voicebot.channels.steps import StepOf, Steps
from voicebot.channels.store import Place, Superseded
from voicebot.channels.texts import Texts
from voicebot.channels.thinking import Thinker
from voicebot.channels.writer import Writer
from voicebot.errors import StorageError
from voicebot.storage.database import Database
from voicebot.trouble import where

log = structlog.get_logger(__name__)

Key = tuple[str, str]

_MOST_TRIES = 4
_MOST_CACHED = 20_000


class TextConversations:
    """All text dialogs of a process. Its methods are for the event loop's thread; none raises on what patients send."""

    def __init__(
        self,
        thinker: Thinker | Thinkers,
        database: Database,
        rules: Mapping[str, Rules],
        texts: Texts,
        dialplan: str,
        *,
        operator_wait_seconds: float = 300,
        threads: int = 2,
    ) -> None:
        self.database = database
        self.texts = texts
        self.steps = Steps(thinker, rules, texts, dialplan, operator_wait_seconds)
        self._clock = thinker.clock
        self._writer = Writer(database)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="thinking")
        self._cache: OrderedDict[Key, Place] = OrderedDict()
        self._locks: KeyedLocks[Key] = KeyedLocks()

    def close(self) -> None:
        """Finish what is under way."""
        self._pool.shutdown(wait=True)
        self._writer.close()

    async def receive(self, incoming: Incoming) -> Reply:
        """Answer a patient's message. On return it is stored; the same message again gets the same reply."""
        if not incoming.address or len(incoming.address) > ADDRESS_LENGTH:
            raise ValueError("an address has 1 to 128 characters")
        try:
            key = (incoming.channel, incoming.address)
            return (await self._change(key, partial(self.steps.receive, incoming), incoming.message_id))[0]
        except Exception as error:  # noqa: BLE001 - a dialplan, a service, the database: the patient is answered all the same
            log.error("message_not_answered", channel=incoming.channel, problem=type(error).__name__, where=where(error))
            return Reply("", (Said(0, "robot", self.texts.unavailable),))

    async def leave(self, channel: str, address: str) -> None:
        """The patient has gone (blocked the bot, told Alice to stop): the dialog ends without words, its result stands."""
        await self._change((channel, address), self.steps.leave)

    async def place(self, channel: str, address: str) -> Place:
        """Return where a dialog stands."""
        async with self._locks.of((channel, address)):
            return await self._place((channel, address))

    def known_version(self, channel: str, address: str) -> int:
        """The newest version of a dialog that this process has written or read; 0: none."""
        place = self._cache.get((channel, address))
        return 0 if place is None else place.version

    def forget(self, channel: str, address: str) -> None:
        """Read a dialog again before its next change: another process has written it."""
        self._cache.pop((channel, address), None)

    async def change(self, key: Key, step: StepOf) -> Reply | None:
        """Do something that the patient did not ask for (an operator came, a time is over); None if nothing changed."""
        reply, is_changed = await self._change(key, step)
        return reply if is_changed else None

    async def _change(self, key: Key, step: StepOf, message_id: str = "") -> tuple[Reply, bool]:
        async with self._locks.of(key):
            for _ in range(_MOST_TRIES):
                place = await self._place(key)
                known = place.answered(message_id)
                if known is not None:
                    return known, False
                try:
                    reply, after = await self._done(place, step)
                    if after is None:
                        return reply, False
                except Superseded:
                    self._cache.pop(key, None)
                    continue
                except BaseException:
                    self._cache.pop(key, None)  # what is cached may not be what is stored
                    raise
                self._remember(after)
                is_kept = bool(after.replies) and after.replies is not place.replies
                return after.replies[0][1] if is_kept else reply, True  # with the numbers of its turns
            raise StorageError("A dialog changes faster than it can be answered.", "Try again.")

    async def _done(self, place: Place, step: StepOf) -> tuple[Reply, Place | None]:
        """Think in the pool, then write; the event loop hears of it once, when all is stored."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[tuple[Reply, Place | None]] = loop.create_future()

        def tell(result: tuple[Reply, Place | None] | None, error: BaseException | None) -> None:
            if future.cancelled():
                return
            if error is not None:
                future.set_exception(error)
            elif result is not None:
                future.set_result(result)

        def think() -> None:
            try:
                reply, change = step(place)
                work = None if change is None else store.prepared(change)
            except BaseException as error:  # noqa: BLE001 - it is the waiting task's
                loop.call_soon_threadsafe(tell, None, error)
                return
            if work is None:
                loop.call_soon_threadsafe(tell, (reply, None), None)
            else:
                written = self._writer.write(work)
                written.add_done_callback(partial(stored, reply))

        def stored(reply: Reply, written: "Future[Place]") -> None:
            error = written.exception()
            loop.call_soon_threadsafe(tell, None if error is not None else (reply, written.result()), error)

        self._pool.submit(think)
        return await future

    async def _place(self, key: Key) -> Place:
        place = self._cache.get(key)
        if place is None:
            loop = asyncio.get_running_loop()
            place = await loop.run_in_executor(self._pool, store.load, self.database, *key)
            self._remember(place)
        return place

    def _remember(self, place: Place) -> None:
        self._cache[place.key] = place
        self._cache.move_to_end(place.key)
        while len(self._cache) > _MOST_CACHED:
            self._cache.popitem(last=False)
