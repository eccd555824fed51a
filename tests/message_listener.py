"""Keeps what a sender tells of, for tests to wait for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from voicebot.messages.senders.sender import IncomingText, Receipt


@dataclass
class Heard:
    """A Listener. `failures`: how many times it does not take what it is told, as a database that is down."""

    failures: int = 0
    receipts: list[Receipt] = field(default_factory=list)
    answers: list[IncomingText] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def receipt(self, receipt: Receipt) -> None:
        self._fail()
        self.receipts.append(receipt)
        self._news.set()

    async def answer(self, incoming: IncomingText) -> None:
        self._fail()
        self.answers.append(incoming)
        self._news.set()

    async def until(self, receipts: int = 0, answers: int = 0) -> None:
        """Wait until so many have come."""
        async with asyncio.timeout(10):
            while len(self.receipts) < receipts or len(self.answers) < answers:
                self._news.clear()
                await self._news.wait()

    def _fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("the database is away")


async def wait_for(holds: Callable[[], object]) -> None:
    """Wait until something that only the other side of a socket changes holds."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - nobody tells when
            await asyncio.sleep(0.01)
