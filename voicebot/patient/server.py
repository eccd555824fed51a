"""A robot for the demo: the one that runs already, else one started for as long as it is needed."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from voicebot import status
from voicebot.clock import Clock
from voicebot.errors import LineError
from voicebot.settings import Settings

START_SECONDS = 120.0
_END_SECONDS = 20.0


def is_serving(settings: Settings, clock: Clock) -> bool:
    """Whether line and at least one brain of this installation live."""
    alive = {name for name, facts in status.read(settings.run_dir, clock).items() if facts["is_alive"]}
    return "line" in alive and any(name.startswith("brain") for name in alive)


def local_target(settings: Settings) -> str:
    """The address of this installation's robot."""
    host = settings.sip.bind_host
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    transport = ";transport=tcp" if settings.sip.transport == "tcp" else ""
    return f"sip:100@{host}:{settings.sip.port}{transport}"


@contextmanager
def running_robot(settings: Settings, clock: Clock, log_file: Path) -> Iterator[bool]:
    """Make sure that a robot serves; yields True if it was started here. It is ended with the block."""
    if is_serving(settings, clock):
        yield False
        return
    log_file.parent.mkdir(parents=True, exist_ok=True)
    with log_file.open("wb") as log:
        # A group of its own: Ctrl-C ends the call first, then we end the robot.
        process = subprocess.Popen(
            [sys.executable, "-m", "voicebot.cli", "serve"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_ready(process, settings, clock, log_file)
        yield True
    finally:
        _end(process)


def _wait_ready(process: "subprocess.Popen[bytes]", settings: Settings, clock: Clock, log_file: Path) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while not is_serving(settings, clock):
        if process.poll() is not None:
            last = log_file.read_text(errors="replace").strip().splitlines()[-3:]
            raise LineError(f"The robot did not start (status {process.returncode}). " + " ".join(last), f"See {log_file}.")
        if time.monotonic() > give_up_at:
            raise LineError(f"The robot was not ready within {START_SECONDS:.0f} s.", f"See {log_file}.")
        time.sleep(0.2)


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()  # its children notice: line ends without a supervisor's status, brains without line
        process.wait()
