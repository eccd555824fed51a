"""Reading dialogs anew while others go on with the old ones: in a thread, one after another, with what came of it."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import structlog

from voicebot.errors import VoicebotError
from voicebot.trouble import where

log = structlog.get_logger(__name__)

E = TypeVar("E")


class Reloading(Generic[E]):
    """One process's. `load` is run in a thread and changes nothing; `use` then puts what it returned in place, in the loop's
    thread, and returns its version. Whatever `load` raises leaves everything as it is.
    """

    def __init__(self, version: str, load: Callable[[], E], use: Callable[[E], str]) -> None:
        self._load = load
        self._use = use
        self._version = version
        self._count, self._problem = 0, ""
        self._task: asyncio.Task[None] | None = None

    @property
    def facts(self) -> dict[str, object]:
        """What the status file tells; `voicebot reload` waits for it."""
        return {"dialplan": self._version, "reloads": self._count, "reload_problem": self._problem}

    def begin(self) -> None:
        """Read them; from the event loop's thread."""
        self._task = asyncio.create_task(self.run(self._task))

    def cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def run(self, before: "asyncio.Task[None] | None" = None) -> None:
        """Read them after `before` has ended, so that the last one asked for is the one in use."""
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        problem = ""
        try:
            self._version = self._use(await asyncio.to_thread(self._load))
            log.info("dialogs reloaded", version=self._version)
        except VoicebotError as error:
            problem = error.message
            log.error("dialogs not reloaded", problem=error.message, cure=error.cure, version=self._version)
        except Exception as error:  # noqa: BLE001 - calls and chats go on with what there is
            problem = type(error).__name__
            log.error("dialogs not reloaded", problem=problem, where=where(error), version=self._version)
        self._problem = problem
        self._count += 1
