"""The supervisor over real processes: tiny scripts stand for line, brains and desk."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from sip_peers import wait_until

from voicebot.errors import ConfigurationError, StorageError
from voicebot.settings import Settings
from voicebot.supervisor import EXIT_CONFIGURATION, Limits, Supervisor

pytestmark = pytest.mark.timeout(60)

_CHILD = """
import json, os, signal, sys, time
name, behaviour, folder = sys.argv[1:4]
run = os.path.join(folder, "run")
if name.startswith("reload"):
    print(json.dumps({"problem": "main.yaml:7: no such word.", "cure": "Correct it."}))
    sys.exit(78 if os.path.exists(os.path.join(folder, "wrong")) else 0)

def note(what):
    descriptor = os.open(os.path.join(folder, "journal"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{name} {what}\\n".encode())
    os.close(descriptor)

def tell():
    draft = os.path.join(run, f"{name}.{os.getpid()}.draft")
    with open(draft, "w") as file:
        json.dump({"pid": os.getpid(), "at": time.time()}, file)
    os.replace(draft, os.path.join(run, f"{name}.json"))

def stop(number, frame):
    note("told")
    if behaviour == "stubborn":
        return
    if name == "line":
        time.sleep(0.3)  # its calls
    note("ended")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
if name != "line":
    signal.signal(signal.SIGHUP, lambda number, frame: note("rereads"))
note("started")
first = not os.path.exists(os.path.join(folder, f"{name}.was"))
open(os.path.join(folder, f"{name}.was"), "w").close()
if behaviour == "misconfigured":
    sys.exit(78)
if behaviour == "dies":
    sys.exit(3)
tell()
if behaviour == "ready-then-misconfigured" and first:
    while not os.path.exists(os.path.join(folder, "ready")):
        tell()
        time.sleep(0.02)
    sys.exit(78)
while True:
    time.sleep(0.05)
    if behaviour != "hangs" or not first:
        tell()
"""


class Stage:
    def __init__(
        self,
        folder: Path,
        stop_seconds: float = 10.0,
        prepare_every_seconds: float = 0.05,
        is_sending: bool = False,
        **behaviours: str,
    ) -> None:
        self.folder = folder
        script = folder / "child.py"
        script.write_text(_CHILD)
        settings = Settings.model_validate(
            {
                "data_dir": folder,
                "brain": {"count": 2},
                "channels": {"is_enabled": False},
                "cascade": {"is_enabled": is_sending},
            }
        )

        def command(*words: str) -> list[str]:
            name = "-".join(words)
            return [sys.executable, "-S", str(script), name, behaviours.get(words[0], "lives"), str(folder)]

        limits = Limits(
            first_pause_seconds=0.05, stop_seconds=stop_seconds, hung_after_seconds=0.5,
            line_hung_after_seconds=0.5, check_seconds=0.05,
            prepare_every_seconds=prepare_every_seconds, prepare_again_seconds=0.05,
        )  # fmt: skip
        self.prepare: Callable[[], None] = lambda: None
        self.supervisor = Supervisor(settings, lambda: self.prepare(), command=command, limits=limits)
        self.is_ready = asyncio.Event()

    def run(self) -> "asyncio.Task[int]":
        return asyncio.create_task(self.supervisor.run(self._ready))

    def _ready(self, facts: dict[str, dict[str, Any]]) -> None:
        (self.folder / "ready").touch()
        self.is_ready.set()

    @property
    def journal(self) -> list[str]:
        file = self.folder / "journal"
        return file.read_text().splitlines() if file.exists() else []

    async def until(self, is_reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not is_reached():  # noqa: ASYNC110 - the journal is a file
                await asyncio.sleep(0.02)


async def test_sigterm_drains_line_before_what_its_calls_need(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    running = stage.run()
    await stage.is_ready.wait()
    await stage.until(lambda: "desk started" in stage.journal)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0
    ends = [entry for entry in stage.journal if not entry.endswith("started")]
    assert ends[:2] == ["line told", "line ended"]
    assert sorted(ends[2:]) == sorted(f"{name} {what}" for name in ("brain-1", "brain-2", "desk") for what in ("told", "ended"))


async def test_what_dies_is_started_again_after_growing_pauses(tmp_path: Path) -> None:
    stage = Stage(tmp_path, desk="dies")
    with structlog.testing.capture_logs() as logged:
        running = stage.run()
        await stage.until(lambda: stage.journal.count("desk started") >= 4)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running == 0
    deaths = [entry for entry in logged if entry["event"] == "process died, starting it again"]
    assert {(entry["name"], entry["exit_status"]) for entry in deaths} == {("desk", 3)}
    assert [entry["pause_seconds"] for entry in deaths][:3] == [0.05, 0.1, 0.2]
    assert stage.journal.count("line started") == 1


async def test_a_wrong_configuration_ends_everything(tmp_path: Path) -> None:
    stage = Stage(tmp_path, brain="misconfigured")
    assert await stage.run() == EXIT_CONFIGURATION
    assert stage.journal.count("brain-1 started") <= 1  # not tried again
    assert all(child.process is None or child.process.returncode is not None for child in stage.supervisor.children)


async def test_once_ready_nothing_is_fatal(tmp_path: Path) -> None:
    stage = Stage(tmp_path, brain="ready-then-misconfigured")
    running = stage.run()
    await stage.until(lambda: stage.journal.count("brain-1 started") >= 2)
    assert not running.done()
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0


async def test_a_line_that_hangs_is_killed_and_started_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, line="hangs")
    with structlog.testing.capture_logs() as logged:
        running = stage.run()
        await stage.until(lambda: stage.journal.count("line started") == 2)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running == 0
    assert [entry["name"] for entry in logged if entry["event"] == "process hangs, killing it"] == ["line"]


async def test_a_process_that_hangs_is_killed_and_started_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path, brain="hangs")
    with structlog.testing.capture_logs() as logged:
        running = stage.run()
        await stage.until(lambda: stage.journal.count("brain-1 started") == stage.journal.count("brain-2 started") == 2)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running == 0
    killed = {entry["name"] for entry in logged if entry["event"] == "process hangs, killing it"}
    assert killed == {"brain-1", "brain-2"}
    assert stage.journal.count("line started") == 1


async def test_what_does_not_end_is_killed(tmp_path: Path) -> None:
    stage = Stage(tmp_path, stop_seconds=1.0, desk="stubborn")
    running = stage.run()
    await stage.is_ready.wait()
    await stage.until(lambda: "desk started" in stage.journal)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0
    process = stage.supervisor.desk.process
    assert process is not None
    assert process.returncode == -signal.SIGKILL


async def test_a_failed_daily_preparation_is_tried_again(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    calls: list[int] = []

    def prepare() -> None:
        calls.append(1)
        if len(calls) in (2, 3):
            raise StorageError("The database is away.") if len(calls) == 2 else RuntimeError

    stage.prepare = prepare
    running = stage.run()
    await stage.until(lambda: len(calls) >= 5)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await running == 0


_RUNNER = """
import asyncio, sys
from pathlib import Path
from voicebot.settings import Settings
from voicebot.supervisor import Supervisor
folder = Path(sys.argv[1])
off = {"is_enabled": False}
settings = Settings.model_validate({"data_dir": folder, "brain": {"count": 1}, "channels": off, "cascade": off})
def command(*words):
    return [sys.executable, "-S", str(folder / "child.py"), "-".join(words), "lives", str(folder)]
asyncio.run(Supervisor(settings, lambda: None, command=command).run(lambda facts: None))
"""


def test_a_killed_supervisor_leaves_nobody_behind(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text(_CHILD)
    journal = tmp_path / "journal"

    def noted(what: str) -> list[str]:
        return [line for line in journal.read_text().splitlines() if line.endswith(what)] if journal.exists() else []

    runner = subprocess.Popen([sys.executable, "-c", _RUNNER, str(tmp_path)])
    try:
        wait_until(lambda: len(noted("started")) == 3, "line, brain and desk live")
        runner.kill()
        wait_until(lambda: sorted(noted("ended")) == ["brain-1 ended", "desk ended", "line ended"], "they end with it")
    finally:
        runner.kill()
        runner.wait()


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
async def test_told_to_reload_it_prepares_first_and_wrong_dialogs_are_nobodys_business(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(os, "isatty", lambda _descriptor: False)
    stage = Stage(tmp_path, prepare_every_seconds=3600)
    with structlog.testing.capture_logs() as logged:
        running = stage.run()
        await stage.is_ready.wait()
        await stage.until(lambda: "desk started" in stage.journal)

        def bad() -> None:
            raise ConfigurationError("main.yaml:7: an unknown word.", "Correct it.")

        stage.prepare = bad
        os.kill(os.getpid(), number)
        await stage.until(lambda: any(entry["event"] == "reload refused" for entry in logged))
        stage.prepare = lambda: None
        (tmp_path / "wrong").touch()
        os.kill(os.getpid(), number)
        await stage.until(lambda: sum(entry["event"] == "reload refused" for entry in logged) == 2)
        (tmp_path / "wrong").unlink()
        os.kill(os.getpid(), number)
        await stage.until(lambda: sum(entry.endswith("rereads") for entry in stage.journal) == 3)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running == 0
    rereads = sorted(entry for entry in stage.journal if entry.endswith("rereads"))
    assert rereads == ["brain-1 rereads", "brain-2 rereads", "desk rereads"]
    refusals = [entry["problem"] for entry in logged if entry["event"] == "reload refused"]
    assert refusals == ["main.yaml:7: an unknown word.", "main.yaml:7: no such word."]
    assert not [entry for entry in logged if entry["event"].startswith("process died")]


async def test_who_writes_to_patients_begins_anew_with_the_new_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "isatty", lambda _descriptor: False)
    stage = Stage(tmp_path, prepare_every_seconds=3600, is_sending=True)
    with structlog.testing.capture_logs() as logged:
        running = stage.run()
        await stage.is_ready.wait()
        await stage.until(lambda: "reminders-run started" in stage.journal)
        os.kill(os.getpid(), signal.SIGUSR1)
        await stage.until(lambda: stage.journal.count("reminders-run started") == 2)
        os.kill(os.getpid(), signal.SIGTERM)
        assert await running == 0
    assert stage.supervisor.reminders[0].restarts == 0
    assert not [entry for entry in logged if entry["event"].startswith("process died")], "nobody is to worry"
