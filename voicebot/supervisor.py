"""`voicebot serve`: prepares the data, starts line, brains, desk and channels, restarts what dies, drains on SIGTERM."""

import asyncio
import ctypes
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from voicebot import status
from voicebot.clock import Clock, SystemClock
from voicebot.errors import VoicebotError
from voicebot.settings import Settings

log = structlog.get_logger(__name__)

EXIT_CONFIGURATION = 78  # sysexits.h EX_CONFIG: starting again would not help
_SILENT_CHECKS = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """How long the supervisor waits for what."""

    first_pause_seconds: float = 0.2
    stop_seconds: float = 10.0
    """From SIGTERM to SIGKILL, for processes without calls."""
    drain_margin_seconds: float = 20.0
    """For line to end by itself, after the longest call and the operator's ringing."""
    hung_after_seconds: float = 30.0
    """A process that says nothing for so long is killed and started again."""
    line_hung_after_seconds: float = 10.0
    """Line is never busy: its callers hear silence, and its brains have given it up by then."""
    check_seconds: float = 1.0
    prepare_every_seconds: float = 24 * 3600.0
    prepare_again_seconds: float = 600.0
    """After a preparation that failed."""


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
    is_renewed: bool = False
    """Told to end so that it begins anew: nobody is to worry."""

    def renew(self) -> None:
        """End it in order; it is started again at once."""
        if self.process is not None and self.process.returncode is None:
            self.is_renewed = True
            self.signal(signal.SIGTERM)

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)


def _end_with_supervisor() -> None:
    """Let Linux tell the process to end when the supervisor was killed: nobody would start it again, or free its ports.

    prctl(2), PR_SET_PDEATHSIG; runs in the new process before it becomes ours.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # "read your dialogs again": nobody is to die of it who does not listen yet
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _behind_all_others() -> None:
    _end_with_supervisor()
    os.nice(10)


def voicebot_command(*words: str) -> list[str]:
    """Return the arguments that start one of our processes."""
    return [sys.executable, "-m", "voicebot.cli", *words]


class Supervisor:
    """Keeps the processes of one machine running."""

    def __init__(
        self,
        settings: Settings,
        prepare: Callable[[], None],
        clock: Clock | None = None,
        command: Callable[..., list[str]] = voicebot_command,
        limits: Limits | None = None,
    ) -> None:
        self._settings = settings
        self._prepare = prepare
        self._clock = clock or SystemClock()
        self._limits = limits or Limits()
        brains = range(1, settings.brain.processes + 1)
        self.line = self._child("line", command("line"))
        self.brains = [self._child(f"brain-{n}", command("brain", str(n))) for n in brains]
        self.desk = self._child("desk", command("desk"))
        several = range(1, settings.channels.processes + 1) if settings.channels.is_enabled else ()
        self.channels = [self._child(f"channels-{n}", command("channels", str(n))) for n in several]
        is_sending = settings.cascade.is_enabled
        self._check = command("reload", "--check", "--json")
        self.reminders = [self._child("reminders", command("reminders", "run"))] if is_sending else []
        self._stopping = asyncio.Event()
        self._fatal: str = ""
        self._was_ready = False  # once it has worked, it is worth trying again
        self._silent_checks: Counter[str] = Counter()
        self._told_to_reload = asyncio.Event()
        self._reloads, self._reload_problem = 0, ""

    def _child(self, name: str, arguments: list[str]) -> Child:
        return Child(name, arguments, Backoff(self._limits.first_pause_seconds))

    @property
    def children(self) -> list[Child]:
        return [self.line, *self.brains, self.desk, *self.channels, *self.reminders]

    async def run(self, on_ready: Callable[[dict[str, dict[str, object]]], None]) -> int:
        """Run until SIGTERM or SIGINT; returns the exit status."""
        loop = asyncio.get_running_loop()
        # On a terminal SIGHUP says that the terminal is gone; `voicebot reload` sends SIGUSR1.
        loop.add_signal_handler(signal.SIGUSR1, self._told_to_reload.set)
        loop.add_signal_handler(signal.SIGHUP, self._told_to_stop if os.isatty(0) else self._told_to_reload.set)
        await asyncio.to_thread(self._prepare)
        self._settings.run_dir.mkdir(parents=True, exist_ok=True)
        for stale in self._settings.run_dir.glob("*.json"):
            stale.unlink(missing_ok=True)
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self._told_to_stop)
        keepers = [asyncio.create_task(self._keep(child), name=child.name) for child in self.children]
        work = (self._announce(on_ready), self._prepare_daily(), self._watch(), self._reload_when_told())
        helpers = [asyncio.create_task(one) for one in work]
        await self._stopping.wait()
        for task in helpers:
            task.cancel()
        await self._drain()
        await asyncio.gather(*keepers, *helpers, return_exceptions=True)
        for number in (*signals, signal.SIGUSR1, signal.SIGHUP):
            loop.remove_signal_handler(number)
        status.withdraw(self._settings.run_dir, "supervisor")
        if self._fatal:
            log.error("stopped", because=self._fatal)
            return EXIT_CONFIGURATION
        return 0

    def _told_to_stop(self) -> None:
        if self._stopping.is_set():
            self.line.signal(signal.SIGTERM)  # told twice: line then ends the calls that are left
        self._stopping.set()

    async def _keep(self, child: Child) -> None:
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            began = loop.time()
            code = await self._live(child)
            if self._stopping.is_set():
                return
            if child.is_renewed:
                child.is_renewed = False
                continue
            if code == EXIT_CONFIGURATION and not self._was_ready:
                self._fatal = f"{child.name} cannot run with this configuration"
                self._stopping.set()
                return
            pause = child.backoff.after(loop.time() - began)
            child.restarts += 1
            log.error("process died, starting it again", name=child.name, exit_status=code, pause_seconds=pause)
            await self._pause(pause)

    async def _live(self, child: Child) -> int | None:
        """Start a process and wait for its end; return its exit status, None where it could not be started."""
        try:
            # A group of its own: Ctrl-C reaches us alone, and we drain in order.
            child.process = await asyncio.create_subprocess_exec(
                *child.arguments, start_new_session=True, preexec_fn=_end_with_supervisor
            )
        except OSError as error:
            log.error("process not started", name=child.name, problem=error.strerror)
            return None
        if self._stopping.is_set():
            child.signal(signal.SIGKILL)  # it came up while all others were told to end
        return await child.process.wait()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _drain(self) -> None:
        """Line first: it refuses new calls and lets current ones end; then what they needed."""
        limit_seconds = self._limits.stop_seconds
        if not self._fatal:
            settings = self._settings
            limit_seconds = settings.dialog.budget_seconds + settings.transfer.ring_seconds + self._limits.drain_margin_seconds
            log.info("draining", limit_seconds=limit_seconds)
        await self._end([self.line], limit_seconds)
        await self._end([*self.brains, self.desk, *self.channels, *self.reminders], self._limits.stop_seconds)

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
        pause_seconds = self._limits.prepare_every_seconds
        while True:
            await asyncio.sleep(pause_seconds)
            try:
                await asyncio.to_thread(self._prepare)
                pause_seconds = self._limits.prepare_every_seconds
            except Exception as error:  # noqa: BLE001 - tried again: without new days in the diary nobody could book
                pause_seconds = self._limits.prepare_again_seconds
                problem = error.message if isinstance(error, VoicebotError) else type(error).__name__
                log.error("daily preparation failed", problem=problem, again_in_seconds=pause_seconds)

    async def _reload_when_told(self) -> None:
        """Find out whether the dialogs as they are on disk now could be used; then those who use them read them again."""
        while True:
            await self._told_to_reload.wait()
            self._told_to_reload.clear()
            problem = cure = ""
            try:
                await asyncio.to_thread(self._prepare)
                problem, cure = await self._checked()
            except VoicebotError as error:
                problem, cure = error.message, error.cure
            except Exception as error:  # noqa: BLE001 - everything goes on as it was
                problem = type(error).__name__
            self._reload_problem = problem
            if problem:
                log.error("reload refused", problem=problem, cure=cure)
            else:
                log.info("reloading dialogs")
                for child in (*self.brains, *self.channels, self.desk):
                    child.signal(signal.SIGHUP)
                for child in self.reminders:  # they talk to nobody, and share their work through the database
                    child.renew()
            self._reloads += 1

    async def _checked(self) -> tuple[str, str]:
        """Return what is wrong with the dialogs and what to do about it, "" if nothing.

        A process of its own at low priority: learning and speaking take long, and calls are going on beside it.
        """
        process = await asyncio.create_subprocess_exec(
            *self._check, stdout=asyncio.subprocess.PIPE, start_new_session=True, preexec_fn=_behind_all_others
        )
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        if process.returncode == 0:
            return "", ""
        try:
            told = json.loads(output.splitlines()[-1])
            return str(told["problem"]), str(told["cure"])
        except (ValueError, LookupError, TypeError):
            return f"The check ended with status {process.returncode}.", "Run `voicebot reload --check`."

    async def _watch(self) -> None:
        """Tell how we are, and kill what hangs: it lives, but has long stopped telling how it is."""
        while True:
            try:
                restarts = {child.name: child.restarts for child in self.children}
                status.publish(
                    self._settings.run_dir,
                    "supervisor",
                    self._clock,
                    restarts=restarts,
                    reloads=self._reloads,
                    reload_problem=self._reload_problem,
                )
                self._kill_hung()
            except OSError as error:
                # Where we cannot write, the others cannot either: their silence proves nothing.
                log.error("status not written", problem=error.strerror, cure="Free the disk of data_dir.")
                self._silent_checks.clear()
            await asyncio.sleep(self._limits.check_seconds)

    def _kill_hung(self) -> None:
        facts = status.read(self._settings.run_dir, self._clock)
        for child in (self.line, *self.brains):
            fact = facts.get(child.name, {})
            is_its_own = child.process is not None and fact.get("pid") == child.process.pid  # not its predecessor's
            limits = self._limits
            limit_seconds = limits.line_hung_after_seconds if child is self.line else limits.hung_after_seconds
            is_silent = is_its_own and status.age_seconds(fact, self._clock) > limit_seconds
            # Seen several times: after a machine's sleep all files are old for a moment.
            self._silent_checks[child.name] = self._silent_checks[child.name] + 1 if is_silent else 0
            if self._silent_checks[child.name] >= _SILENT_CHECKS:
                log.error("process hangs, killing it", name=child.name)
                child.signal(signal.SIGKILL)
                self._silent_checks[child.name] = 0
