"""What changes on a page while it is open, as server-sent events (WHATWG HTML, 9.2): looked for once for all who watch."""

import asyncio
from collections.abc import AsyncIterator, Callable

import structlog
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from voicebot.errors import StorageError

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.4
_COMMENT_SECONDS = 15.0  # keeps proxies from closing, and finds browsers that are gone


class Watched:
    """A fragment that many may watch: rendered by one task while anybody does."""

    def __init__(self, render: Callable[[], str]) -> None:
        self._render = render
        self._text = ""
        self._changed = asyncio.Condition()
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        self._watchers += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look())
        seen: str | None = None
        try:
            while True:
                async with self._changed:
                    if self._text == seen or (seen is None and not self._text):
                        try:
                            await asyncio.wait_for(self._changed.wait(), _COMMENT_SECONDS)
                        except TimeoutError:
                            yield ""
                            continue
                    seen = self._text
                yield seen
        finally:
            self._watchers -= 1
            if self._watchers == 0 and self._task is not None:
                self._task.cancel()
                self._task = None
                self._text = ""

    async def _look(self) -> None:
        while True:
            try:
                text = await run_in_threadpool(self._render)
            except StorageError:
                text = self._text  # what is shown stays; the next look may succeed
            except Exception as error:  # noqa: BLE001 - nor may one odd row freeze the queue of all who watch
                log.error("fragment_not_rendered", problem=type(error).__name__)
                text = self._text
            if text != self._text:
                async with self._changed:
                    self._text = text
                    self._changed.notify_all()
            await asyncio.sleep(LOOK_SECONDS)


def as_events(fragments: AsyncIterator[str]) -> StreamingResponse:
    """Send fragments of HTML as events; "" is a comment that only keeps the line open."""

    async def lines() -> AsyncIterator[str]:
        async for fragment in fragments:
            if not fragment:
                yield ": still here\n\n"
                continue
            body = "\n".join(f"data: {line}" for line in fragment.splitlines() if line.strip())
            yield f"{body}\n\n"

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(lines(), media_type="text/event-stream", headers=headers)
