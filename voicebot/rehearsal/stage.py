"""The robot of a rehearsal: a line process of its own, and a brain in this process whose engine is watched."""

import asyncio
import os
import random
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from voicebot import settings as settings_module
from voicebot import status
from voicebot.brain import Brain
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.services import ClinicServices
from voicebot.clinic.setup import prepare
from voicebot.clock import SystemClock
from voicebot.dialog.conversation_files import Conversation
from voicebot.dialog.conversation_world import World
from voicebot.dialog.engine import Engine, Step
from voicebot.dialog.state import State
from voicebot.dialog.talking import Event
from voicebot.errors import LineError
from voicebot.rehearsal.clock import StageClock
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade
from voicebot.talk.clinic_calls import ClinicCalls

Watch = Callable[[Event, Step], None]
_READY_SECONDS = 60.0
_DIARY_DAYS = 35
NEVER: dict[str, str] = {}  # no hours: closed


class WatchedEngine(Engine):
    """An engine that tells what it does. `step` runs in a thread of the brain; so does `watch`."""

    watch: Watch = staticmethod(lambda _event, _step: None)

    def step(self, state: State, event: Event, now: datetime) -> Step:
        step = super().step(state, event, now)
        self.watch(event, step)
        return step


class Stage:
    """One robot; `set` arranges it for a conversation."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self._folder = folder
        self._clock = StageClock()
        self.brain = Brain(settings, "brain-1", self._clock)
        self._diaries: dict[datetime, Path] = {}
        self._open: Database | None = None

    @property
    def target(self) -> str:
        return f"sip:100@127.0.0.1:{self.settings.sip.port}"

    def set(self, conversation: Conversation, watch: Watch) -> World:
        """Arrange day, diary, faults and budget of a conversation; the next call is played in them."""
        brain, now = self.brain, (conversation.now or datetime(2026, 11, 23, 6, 0, tzinfo=UTC)).astimezone(UTC)
        self._clock.set(now)
        if self._open is not None:
            self._open.close()
        self._open = self._diary(now)
        services = ClinicServices(Bookings(self._open, brain.catalogue, self._clock), brain.catalogue, self._clock)
        world = World(conversation, services)
        world.prepare()
        engine = WatchedEngine(brain.dialplans, brain.catalogue, brain.understanding, conversation.budget_seconds)
        engine.watch = watch
        hours = NEVER if conversation.operators_closed else self.settings.transfer.hours
        brain.shared = replace(brain.shared, engine=engine, services=ClinicCalls(world), operator_hours=hours)
        return world

    def _diary(self, now: datetime) -> Database:
        """A diary of the day, each conversation's own."""
        if now not in self._diaries:
            filled = self._folder / f"filled-{len(self._diaries)}.db"
            database = open_database(f"sqlite:///{filled}")
            upgrade(database)
            prepare(database, self.brain.catalogue, self._clock, days=_DIARY_DAYS)
            database.close()
            self._diaries[now] = filled
        own = self._folder / "own.db"
        for stale in self._folder.glob("own.db*"):
            stale.unlink()
        own.write_bytes(self._diaries[now].read_bytes())
        return open_database(f"sqlite:///{own}")

    async def wait_ready(self) -> None:
        """Wait until line has taken the brain."""
        clock = SystemClock()
        async with asyncio.timeout(_READY_SECONDS):
            while not status.read(self.settings.run_dir, clock).get("line", {}).get("brains"):  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.1)


@asynccontextmanager
async def open_stage(folder: Path | None) -> AsyncIterator[Stage]:
    """A robot that answers on a free port of loopback; what it records goes to `folder` (None: kept nowhere)."""
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as temporary:
        os.environ |= _environment(Path(temporary), folder)
        settings = settings_module.load()
        _prepare(settings)
        log = (Path(temporary) / "line.log").open("wb")
        line = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "voicebot.cli", "line", stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            stage = Stage(settings, Path(temporary))
            serving = asyncio.create_task(stage.brain.run())
            try:
                await stage.wait_ready()
                yield stage
            except TimeoutError:
                raise LineError("The line of the rehearsal is not ready.", _tail(Path(temporary) / "line.log")) from None
            finally:
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
        finally:
            if line.returncode is None:
                line.kill()
            await line.wait()
            log.close()


def _environment(temporary: Path, folder: Path | None) -> dict[str, str]:
    """Settings of this process and of its line: everything of its own, and nobody but us to call."""
    port = _free_port()
    return {
        "VOICEBOT_DATA_DIR": str(temporary / "var"),
        "VOICEBOT_SIP__BIND_HOST": "127.0.0.1",
        "VOICEBOT_SIP__PORT": str(port),
        "VOICEBOT_SIP__TRANSPORT": "udp",
        "VOICEBOT_SIP__REGISTRAR": "",
        "VOICEBOT_SIP__RTP_PORT_FIRST": str(random.randrange(20000, 33000, 100)),  # noqa: S311 - only to keep apart
        "VOICEBOT_SIP__RTP_PORT_COUNT": "100",
        "VOICEBOT_TRANSFER__TARGETS": f'{{"operator": "sip:200@127.0.0.1:{_free_port()}"}}',  # nobody is there
        "VOICEBOT_DATABASE__URL": "",
        "VOICEBOT_RECORDINGS__IS_ENABLED": "false" if folder is None else "true",
        **({} if folder is None else {"VOICEBOT_RECORDINGS__FOLDER": str(folder.absolute())}),
    }


def _prepare(settings: Settings) -> None:
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    database = open_database(settings.database_url)
    upgrade(database)
    database.close()


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tail(file: Path) -> str:
    return " ".join(file.read_text(errors="replace").strip().splitlines()[-3:])
