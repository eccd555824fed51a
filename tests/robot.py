"""The whole robot for tests: `voicebot serve` on free ports, with a folder of its own."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sip_peers import free_port, free_rtp_range, to_toml, wait_until

from voicebot import status
from voicebot.clock import SystemClock
from voicebot.records.dialogs import Dialog, Turn
from voicebot.records.store import RecordStore
from voicebot.storage.database import open_database

ROOT = Path(__file__).parents[1]
START_SECONDS = 180.0


class Robot:
    """A running robot. The prompt cache, voices and a native pjsua2 build are shared with the user's cache."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.data_dir = folder / "var"
        merged: dict[str, Any] = {
            "data_dir": str(self.data_dir),
            "sip": {"port": free_port(), "rtp_port_first": free_rtp_range(), "rtp_port_count": 100},
            "http": {"port": free_port()},
            # Processes that a test of calls does not need: two fewer to start on two cores.
            "channels": {"is_enabled": False, "port": free_port()},
            "cascade": {"is_enabled": False},
            "dialog": {"folder": str(ROOT / "dialplans" / "demo")},
            "brain": {"count": 1},
            "admission": {"is_measured": False},  # a busy machine of tests must not send callers into the queue
            "recordings": {"minimum_free_mb": 10},
        }
        for section, values in (settings or {}).items():
            merged[section] = {**merged.get(section, {}), **values} if isinstance(values, Mapping) else values
        self.database_url = merged.get("database", {}).get("url") or f"sqlite:///{self.data_dir / 'voicebot.db'}"
        self.port = merged["sip"]["port"]
        self.http_port = merged["http"]["port"]
        self.config = folder / "voicebot.toml"
        self.config.write_text(to_toml(merged))
        self.environment = {**os.environ, **(environment or {}), "VOICEBOT_CONFIG": str(self.config)}
        self.log_file = folder / "robot.log"
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-u", "-m", "voicebot.cli", "serve"],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=folder,
            )
        self._store: RecordStore | None = None

    @property
    def uri(self) -> str:
        return f"sip:100@127.0.0.1:{self.port}"

    @property
    def database_file(self) -> Path:
        return self.data_dir / "voicebot.db"

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def status(self) -> dict[str, dict[str, Any]]:
        return status.read(self.data_dir / "run", SystemClock())

    def wait_ready(self, seconds: float = START_SECONDS) -> None:
        def is_ready() -> bool:
            if self.process.poll() is not None:
                pytest.fail(f"the robot ended with {self.process.returncode}:\n{self.log}")
            facts = self.status()
            alive = {name for name, fact in facts.items() if fact["is_alive"]}
            return "line" in alive and bool(facts["line"]["brains"]) and "brain-1" in alive

        wait_until(is_ready, f"the robot is ready\n{self.log}", seconds)

    def pid_of(self, name: str) -> int:
        return int(self.status()[name]["pid"])

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        os.kill(self.pid_of(name), number)

    @property
    def store(self) -> RecordStore:
        if self._store is None:
            self._store = RecordStore(open_database(self.database_url), self.folder / "reader-spool", SystemClock())
        return self._store

    def dialogs(self) -> list[Dialog]:
        return self.store.find()

    def dialog(self, dialog_id: str) -> Dialog:
        found = self.store.get(dialog_id)
        assert found is not None
        return found

    def turns(self) -> list[Turn]:
        """All turns of the newest dialog."""
        heads = self.dialogs()
        return list(self.dialog(heads[0].id).turns) if heads else []

    def wait_finished(self, seconds: float = 30.0) -> Dialog:
        """Wait until the newest dialog has an outcome; return it with its turns."""

        def finished() -> Dialog | None:
            heads = self.dialogs()
            return self.dialog(heads[0].id) if heads and heads[0].outcome else None

        found = wait_until(finished, f"a finished dialog\n{self.log[-6000:]}", seconds)
        assert found is not None
        return found

    def appointments(self) -> list[dict[str, Any]]:
        with sqlite3.connect(self.database_file) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute("SELECT * FROM appointments")]

    def stop(self, seconds: float = 20.0) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            for facts in self.status().values():
                os.kill(facts["pid"], signal.SIGKILL)
            self.process.kill()
            self.process.wait()
            pytest.fail(f"the robot did not end:\n{self.log[-6000:]}")


@contextmanager
def running_robot(
    folder: Path,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    environment: Mapping[str, str] | None = None,
    start_seconds: float = START_SECONDS,
) -> Iterator[Robot]:
    """A robot that is ready, and that must end in order."""
    robot = Robot(folder, settings, environment)
    try:
        robot.wait_ready(start_seconds)
        yield robot
    except BaseException:
        sys.stderr.write(robot.log[-12000:])
        _end_hard(robot)
        raise
    assert robot.stop() == 0, robot.log


def _end_hard(robot: Robot) -> None:
    for facts in robot.status().values():
        try:
            os.kill(facts["pid"], signal.SIGKILL)
        except ProcessLookupError:
            continue
    robot.process.kill()
    robot.process.wait()


def transcript(turns: list[Turn]) -> str:
    """For failure messages."""
    return "\n".join(
        f"{t.who}: {t.text or t.digits} [{t.intent} {json.dumps(dict(t.slots), ensure_ascii=False)}]" for t in turns
    )
