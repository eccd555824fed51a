"""A brain's side of the link, for asyncio.

A task of its own reads, and answers each Ping: heavy work in other threads does not make the brain look dead. A brain
whose consumer is stuck stops answering on purpose, so that line can hand its callers to a human.
"""

import asyncio
import contextlib
from collections import deque
from pathlib import Path
from typing import Self

import structlog

from voicebot.clock import Clock, SystemClock
from voicebot.link.framing import LinkClosed, LinkError, encode, reader_of_line
from voicebot.link.messages import FromBrain, FromLine, Hello, Ping, Pong

log = structlog.get_logger(__name__)

_READ_BYTES = 256 * 1024
SEND_LIMIT_BYTES = 16 * 1024 * 1024


class LineLink:
    """An open link to line. `receive` (or `async for`) gives messages; `send` only buffers."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        clock: Clock,
        *,
        dead_after_seconds: float,
        stuck_after_seconds: float,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._dead_after_seconds = dead_after_seconds
        self._stuck_after_seconds = stuck_after_seconds
        self._inbox: deque[tuple[float, FromLine]] = deque()
        self._news = asyncio.Event()
        self._closed_because = ""
        self._is_stuck = False
        self._last_heard_seconds = clock.monotonic_seconds()
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._watch())]

    @classmethod
    async def connect(
        cls,
        path: Path,
        hello: Hello,
        clock: Clock | None = None,
        *,
        patience_seconds: float = 30.0,
        dead_after_seconds: float = 3.0,
        stuck_after_seconds: float = 5.0,
    ) -> Self:
        """Connect, trying again for `patience_seconds`, and say `hello`. Raise LinkError when line does not come up."""
        clock = clock or SystemClock()
        give_up_at = clock.monotonic_seconds() + patience_seconds
        pause_seconds = 0.05
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(str(path))
                break
            except OSError as error:
                if clock.monotonic_seconds() + pause_seconds > give_up_at:
                    raise LinkError(
                        f"Line does not answer at {path}: {error.strerror or error}.", "Start `voicebot line`, same data_dir."
                    ) from None
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(1.0, pause_seconds * 2)
        link = cls(reader, writer, clock, dead_after_seconds=dead_after_seconds, stuck_after_seconds=stuck_after_seconds)
        link.send(hello)
        return link

    @property
    def is_closed(self) -> bool:
        return bool(self._closed_because)

    async def receive(self) -> FromLine:
        """Return the next message (Pings are answered inside). Raise LinkClosed when line is gone."""
        while not self._inbox:
            if self._closed_because:
                raise LinkClosed(f"The link to line is closed: {self._closed_because}.", "Connect again.")
            self._news.clear()
            await self._news.wait()
        return self._inbox.popleft()[1]

    def receive_now(self) -> FromLine | None:
        """Return the next message if one is here already."""
        return self._inbox.popleft()[1] if self._inbox else None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> FromLine:
        try:
            return await self.receive()
        except LinkClosed:
            raise StopAsyncIteration from None

    def send(self, message: FromBrain) -> None:
        """Buffer a message for line; on a closed link it is dropped (`receive` tells). Call from the loop's thread."""
        if self._closed_because:
            return
        self._writer.write(encode(message))
        if self._writer.transport.get_write_buffer_size() > SEND_LIMIT_BYTES:
            self._close("line does not read")

    async def close(self) -> None:
        """Flush what the socket takes within a second, and close."""
        if not self._closed_because:
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(self._writer.drain(), 1.0)
        self._close("closed by us")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), 1.0)

    def _close(self, reason: str) -> None:
        if not self._closed_because:
            self._closed_because = reason
            self._writer.close()
        self._news.set()

    async def _read(self) -> None:
        frames = reader_of_line()
        try:
            while data := await self._reader.read(_READ_BYTES):
                now = self._clock.monotonic_seconds()
                self._last_heard_seconds = now
                for message in frames.feed(data):
                    if isinstance(message, Ping):
                        if not self._is_consumer_stuck(now):
                            self.send(Pong(sequence=message.sequence))
                    else:
                        self._inbox.append((now, message))
                if self._inbox:
                    self._news.set()
            self._close("line closed it")
        except LinkError as error:
            log.error("line_sent_garbage", problem=error.message)
            self._close("garbage")
        except OSError as error:
            self._close(error.strerror or "broken")

    def _is_consumer_stuck(self, now: float) -> bool:
        is_stuck = bool(self._inbox) and now - self._inbox[0][0] > self._stuck_after_seconds
        if is_stuck and not self._is_stuck:
            log.error("brain_is_stuck", waiting=len(self._inbox))
        self._is_stuck = is_stuck
        return is_stuck

    async def _watch(self) -> None:
        """Close when no Ping came for long; a pause of this whole process does not count."""
        period_seconds = self._dead_after_seconds / 4
        last_seconds = self._clock.monotonic_seconds()
        while not self._closed_because:
            await asyncio.sleep(period_seconds)
            now = self._clock.monotonic_seconds()
            if now - last_seconds > 2 * period_seconds:
                self._last_heard_seconds += now - last_seconds
            last_seconds = now
            if now - self._last_heard_seconds > self._dead_after_seconds:
                self._close("line is silent")
