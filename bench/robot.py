"""A robot of the bench's own: `voicebot serve` on free loopback ports, in a folder of its own."""

import ctypes
import json
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from voicebot import settings as settings_module
from voicebot import status
from voicebot.clock import SystemClock
from voicebot.errors import LineError
from voicebot.patient.report import Report
from voicebot.records.dialogs import Dialog, DialogFilter
from voicebot.records.store import RecordStore
from voicebot.storage.database import Database, open_database

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "dialplans" / "demo"
EMBEDDED_MODEL = ROOT / "models" / "vosk-embedded-ru"

_START_SECONDS = 180.0  # with an empty prompt cache all fixed prompts are rendered first
_END_SECONDS = 30.0
_FINISH_SECONDS = 20.0
_RTP_PORTS = 200


class BenchRobot:
    """A robot that runs. `model` None: the one that the robot itself would choose. `more`: settings beside its own."""

    def __init__(self, folder: Path, model: Path | None, more: Mapping[str, Mapping[str, object]] | None = None) -> None:
        self.folder = folder
        self.user_cache = settings_module.load().cache
        self.data_dir = folder / "var"
        self.port = _free_port()
        first = _free_rtp_ports()
        self.rtp_ports = range(first, first + _RTP_PORTS)
        self._log_file = folder / "robot.log"
        config = folder / "voicebot.toml"
        merged = self._settings(model)
        for section, values in (more or {}).items():
            known = merged.get(section)
            merged[section] = {**known, **values} if isinstance(known, Mapping) else values
        config.write_text(_toml(merged))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VOICEBOT_")}
        environment["VOICEBOT_CONFIG"] = str(config)
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "voicebot.cli", "serve"],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                start_new_session=True,  # Ctrl-C ends the calls first
                preexec_fn=end_with_parent,
            )
        self._database: Database | None = None
        self._store: RecordStore | None = None

    def _settings(self, model: Path | None) -> dict[str, Mapping[str, object] | object]:
        hearing = {"model": str(model)} if model is not None else {}
        return {
            "data_dir": str(self.data_dir),
            "cache_dir": str(_cache_without_prompts(self.user_cache, self.folder / "cache")),
            "sip": {"port": self.port, "rtp_port_first": self.rtp_ports[0], "rtp_port_count": _RTP_PORTS},
            "http": {"port": _free_port()},
            "channels": {"port": _free_port()},
            "hearing": hearing,
            "dialog": {"folder": str(DEMO)},
            "brain": {"count": 1},
            "recordings": {"minimum_free_mb": 10},
        }

    @property
    def uri(self) -> str:
        return f"sip:100@127.0.0.1:{self.port}"

    @property
    def recordings(self) -> Path:
        return self.data_dir / "recordings"

    def facts(self) -> dict[str, dict[str, Any]]:
        """What line and brain say of themselves."""
        return status.read(self.data_dir / "run", SystemClock())

    def pid_of(self, name: str) -> int:
        return int(self.facts()[name]["pid"])

    def wait_ready(self) -> None:
        """Raise LineError where it does not start."""
        give_up_at = time.monotonic() + _START_SECONDS
        while True:
            alive = {name: facts for name, facts in self.facts().items() if facts["is_alive"]}
            if "line" in alive and alive["line"].get("brains") and "brain-1" in alive:
                return
            if self._process.poll() is not None:
                raise LineError(f"The robot ended with status {self._process.returncode}.\n{self._last_words()}")
            if time.monotonic() > give_up_at:
                raise LineError(f"The robot was not ready within {_START_SECONDS:.0f} s.\n{self._last_words()}")
            time.sleep(0.2)

    def dialog_of(self, report: Report) -> Dialog | None:
        """Return the dialog of a call with its turns, once it is finished; None if none was stored."""
        if self._store is None:
            self._database = open_database(f"sqlite:///{self.data_dir / 'voicebot.db'}")
            self._store = RecordStore(self._database, self.folder / "reader-spool", SystemClock())
        give_up_at = time.monotonic() + _FINISH_SECONDS
        while True:
            heads = self._store.find(DialogFilter(sip_call_id=report.sip_call_id))
            if heads and (heads[0].outcome or time.monotonic() > give_up_at):
                return self._store.get(heads[0].id)
            if time.monotonic() > give_up_at:
                return None
            time.sleep(0.1)

    def close(self) -> None:
        """End it in order, else by force."""
        if self._store is not None:
            self._store.close()
        if self._database is not None:
            self._database.close()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                for facts in self.facts().values():
                    os.kill(facts["pid"], signal.SIGKILL)
                self._process.kill()
                self._process.wait()

    def _last_words(self) -> str:
        return "\n".join(self._log_file.read_text(errors="replace").splitlines()[-12:])


@contextmanager
def running_robot(
    folder: Path, model: Path | None, more: Mapping[str, Mapping[str, object]] | None = None
) -> Iterator[BenchRobot]:
    """A robot that is ready for calls; ended with the block."""
    with _ended_in_order():
        robot = BenchRobot(folder, model, more)
        try:
            robot.wait_ready()
            yield robot
        finally:
            robot.close()


def end_with_parent() -> None:
    """Let Linux end the process when the bench is killed; for `preexec_fn`. prctl(2), PR_SET_PDEATHSIG."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM leaves the block as Ctrl-C does, so that what was started is ended; elsewhere than in the main thread as ever."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _cache_without_prompts(cache: Path, own: Path) -> Path:
    """Share models, voices and builds, but not rendered prompts: an earlier run must not have spoken them already."""
    own.mkdir(parents=True)
    for entry in cache.iterdir() if cache.is_dir() else ():
        if entry.name != "prompts":
            (own / entry.name).symlink_to(entry)
    return own


def _free_port() -> int:
    return next(port for port in iter(lambda: random.randrange(20000, 30000, 2), None) if are_free(range(port, port + 2)))


def _free_rtp_ports() -> int:
    starts = iter(lambda: random.randrange(10000, 19000, _RTP_PORTS), None)
    return next(first for first in starts if are_free(range(first, first + _RTP_PORTS, 10)))


def are_free(ports: range) -> bool:
    for port in ports:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    return False
    return True


def _toml(settings: Mapping[str, Mapping[str, object] | object]) -> str:
    plain = [f"{key} = {_value(value)}" for key, value in settings.items() if not isinstance(value, Mapping)]
    tables = [
        "\n".join([f"[{key}]", *(f"{name} = {_value(item)}" for name, item in value.items())])
        for key, value in settings.items()
        if isinstance(value, Mapping)
    ]
    return "\n".join([*plain, *tables]) + "\n"


def _value(value: object) -> str:
    """JSON's scalars and lists are TOML's; its objects are not."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)
