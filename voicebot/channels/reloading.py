"""New dialogs for text while others go on: read in a thread, then used for the dialogs that begin."""

import asyncio
import gc
from collections.abc import Callable

import structlog

from voicebot.channels.clinic import TextClinic
from voicebot.channels.door import Context
from voicebot.errors import VoicebotError
from voicebot.talk.trouble import where

log = structlog.get_logger(__name__)


class Reloading:
    """One process's. `begin` is for the event loop's thread."""

    def __init__(self, clinic: TextClinic, context: Context, settle: Callable[[], None] = lambda: None) -> None:
        """`settle` is called when a new edition is in use: what is to stay may be put out of the collector's way."""
        self._settle = settle
        self.clinic = clinic
        """The one whose conversations go on."""
        self._context = context
        self._version = clinic.version
        self._count, self._problem = 0, ""
        self._task: asyncio.Task[None] | None = None

    @property
    def facts(self) -> dict[str, object]:
        """What the status file tells."""
        return {"dialplan": self._version, "reloads": self._count, "reload_problem": self._problem}

    def begin(self) -> None:
        self._task = asyncio.create_task(self.run(self._task))

    async def run(self, before: "asyncio.Task[None] | None" = None) -> None:
        """Read the files; what is wrong leaves everything as it is."""
        if before is not None:
            await asyncio.gather(before, return_exceptions=True)
        problem = ""
        try:
            newer = await asyncio.to_thread(self.clinic.newer)
            self.clinic.thinkers.renew(newer.version, newer.thinker())
            self._context.renew(newer.catalogue, newer.dialplans, newer.understanding, newer.texts)
            self._version = newer.version
            gc.unfreeze()  # the edition before may go
            self._settle()
            log.info("dialogs reloaded", version=newer.version)
        except VoicebotError as error:
            problem = error.message
            log.error("dialogs not reloaded", problem=error.message, cure=error.cure, version=self._version)
        except Exception as error:  # noqa: BLE001 - patients are answered with what there is
            problem = type(error).__name__
            log.error("dialogs not reloaded", problem=problem, where=where(error), version=self._version)
        self._problem = problem
        self._count += 1
