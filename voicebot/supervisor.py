"""`voicebot serve`: prepares the data, starts line, brains and desk, restarts what dies, drains on SIGTERM."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from voicebot import status
from voicebot.clock import Clock, SystemClock
from voicebot.errors import ConfigurationError
from voicebot.settings import Settings

log = structlog.get_logger(__name__)

EXIT_CONFIGURATION = 78  # sysexits.h EX_CONFIG: starting again would not help
_DAY_SECONDS = 24 * 3600
_DRAIN_SECONDS = 240.0
_STOP_SECONDS = 10.0


@dataclass(slots=True)
class Backoff:
    """How long to wait before starting a process again: doubles on quick deaths, forgets after a healthy while."""

    first_seconds: float = 0.2
    limit_seconds: float = 30.0
    healthy_seconds: float = 60.0
    _next_seconds: float = 0.0

    def after(self, lived_seconds: float) -> float:
        """Return the pause before the next start of a process that lived for `lived_seconds`."""
        if lived_seconds >= self.healthy_seconds or self._next_seconds == 0.0:
            self._next_seconds = self.first_seconds
        pause = self._next_seconds
        self._next_seconds = min(self.limit_seconds, self._next_seconds * 2)
        return pause


@dataclass(slots=True)
class Child:
    """A process that is kept running."""

    name: str
    arguments: list[str]
    backoff: Backoff = field(default_factory=Backoff)
    process: asyncio.subprocess.Process | None = None
    restarts: int = 0

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)


def brain_count(settings: Settings) -> int:
    """One brain a core, less one for line; at least one."""
    return settings.brain.count or max(1, (os.cpu_count() or 2) - 1)


class Supervisor:
    """Keeps the processes of one machine running."""

    def __init__(self, settings: Settings, prepare: Callable[[], None], clock: Clock | None = None) -> None:
        self._settings = settings
        self._prepare = prepare
        self._clock = clock or SystemClock()
        command = [sys.executable, "-m", "voicebot.cli"]
        self.line = Child("line", [*command, "line"])
        self.brains = [Child(f"brain-{n}", [*command, "brain", str(n)]) for n in range(1, brain_count(settings) + 1)]
        self.desk = Child("desk", [*command, "desk"])
        self._stopping = asyncio.Event()
        self._fatal: str = ""
        self._was_ready = False  # once it has worked, it is worth trying again

    async def run(self, on_ready: Callable[[dict[str, dict[str, object]]], None]) -> int:
        """Run until SIGTERM or SIGINT; returns the exit status."""
        await asyncio.to_thread(self._prepare)
        self._settings.run_dir.mkdir(parents=True, exist_ok=True)
        for stale in self._settings.run_dir.glob("*.json"):
            stale.unlink(missing_ok=True)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        children = [self.line, *self.brains, self.desk]
        keepers = [asyncio.create_task(self._keep(child), name=child.name) for child in children]
        helpers = [asyncio.create_task(self._announce(on_ready)), asyncio.create_task(self._prepare_daily())]
        await self._stopping.wait()
        for task in helpers:
            task.cancel()
        await self._drain()
        await asyncio.gather(*keepers, *helpers, return_exceptions=True)
        if self._fatal:
            log.error("stopped", because=self._fatal)
            return EXIT_CONFIGURATION
        return 0

    async def _keep(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            began = loop.time()
            # A group of its own: Ctrl-C reaches us alone, and we drain in order.
            child.process = await asyncio.create_subprocess_exec(*child.arguments, start_new_session=True)
            code = await child.process.wait()
            if self._stopping.is_set():
                return
            if code == EXIT_CONFIGURATION and not self._was_ready:
                self._fatal = f"{child.name} cannot run with this configuration"
                self._stopping.set()
                return
            pause = child.backoff.after(loop.time() - began)
            child.restarts += 1
            log.error("process died, starting it again", name=child.name, exit_status=code, pause_seconds=pause)
            await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _drain(self) -> None:
        """Line first: it refuses new calls and lets current ones end; then what they needed."""
        if self._fatal:
            limits = _STOP_SECONDS
        else:
            limits = _DRAIN_SECONDS
            log.info("draining", limit_seconds=limits)
        await self._end([self.line], limits)
        await self._end([*self.brains, self.desk], _STOP_SECONDS)

    @staticmethod
    async def _end(children: list[Child], limit_seconds: float) -> None:
        for child in children:
            child.signal(signal.SIGTERM)
        waits = [child.process.wait() for child in children if child.process is not None]
        try:
            async with asyncio.timeout(limit_seconds):
                await asyncio.gather(*waits)
        except TimeoutError:
            for child in children:
                child.signal(signal.SIGKILL)

    async def _announce(self, on_ready: Callable[[dict[str, dict[str, object]]], None]) -> None:
        wanted = {"line", *(child.name for child in self.brains)}
        while True:
            facts = status.read(self._settings.run_dir, self._clock)
            if wanted <= {name for name, fact in facts.items() if fact["is_alive"]}:
                self._was_ready = True
                on_ready(facts)
                return
            await asyncio.sleep(0.2)

    async def _prepare_daily(self) -> None:
        while True:
            await asyncio.sleep(_DAY_SECONDS)
            try:
                await asyncio.to_thread(self._prepare)
            except ConfigurationError as error:
                log.error("daily preparation failed", problem=error.message)
