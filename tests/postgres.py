"""A private PostgreSQL server for tests, where one is installed: own folder, unix socket only, stopped at the end.

Use it from a conftest.py: put this folder on sys.path, then `from postgres import database_url, postgresql_url`.
"""

import atexit
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

_numbers = count(1)


def _end_with_parent() -> None:
    """Let Linux stop the server when the tests are killed: prctl(PR_SET_PDEATHSIG, SIGQUIT)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    initdb = shutil.which("initdb")
    if initdb is None:
        pytest.skip("no PostgreSQL server here (Debian: apt-get install postgresql)")
    return Path(initdb).parent


class Server:
    """A PostgreSQL server of the tests' own, that may be stopped, frozen and started again."""

    def __init__(self) -> None:
        binaries = _binaries()
        self.folder = tempfile.mkdtemp(prefix="voicebot-pg-")
        self._user: str | None = None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            names = {entry.pw_name for entry in pwd.getpwall()}
            self._user = "postgres" if "postgres" in names else "nobody"
            shutil.chown(self.folder, self._user)
        self._data = f"{self.folder}/data"
        self._environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
        self._binaries = binaries
        self._run(str(binaries / "initdb"), "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.remove)
        self.start()

    def start(self) -> None:
        command = [str(self._binaries / "postgres"), "-D", self._data, "-k", self.folder]
        for option in ("listen_addresses=", "fsync=off", "max_connections=80"):
            command += ["-c", option]
        with Path(f"{self.folder}/log").open("w") as output:
            self._process = subprocess.Popen(
                command,
                user=self._user,
                cwd=self.folder,
                env=self._environment,
                stdout=output,
                stderr=output,
                preexec_fn=_end_with_parent,
            )
        deadline = time.monotonic() + 60
        ready = [str(self._binaries / "pg_isready"), "-q", "-h", self.folder]
        while subprocess.run(ready, env=self._environment).returncode:
            if self._process.poll() is not None or time.monotonic() > deadline:
                pytest.skip(f"PostgreSQL does not start here: {Path(self.folder, 'log').read_text()[-500:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """At once, as if the power had gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)

    def freeze(self, is_frozen: bool = True) -> None:
        """Let all its processes stand still, connections open, or go on."""
        assert self._process is not None
        number = signal.SIGSTOP if is_frozen else signal.SIGCONT
        for pid in (self._process.pid, *_children_of(self._process.pid)):
            os.kill(pid, number)

    def remove(self) -> None:
        atexit.unregister(self.remove)
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def create(self, name: str) -> str:
        """Make an empty database; return its URL."""
        self._administer(f"CREATE DATABASE {name}")
        return self.url(name)

    def drop(self, name: str) -> None:
        self._administer(f"DROP DATABASE {name} WITH (FORCE)")

    def _administer(self, statement: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, user=self._user, cwd=self.folder, env=self._environment, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"PostgreSQL does not start here: {done.stderr.strip() or done.stdout.strip()}")


def _children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@cache
def _server() -> Server:
    return Server()


def need_psycopg() -> None:
    """Skip the test, saying why, where the driver is missing."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed (pip install psycopg[binary])")


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """The URL of an empty PostgreSQL database; the test is skipped where there is no server."""
    need_psycopg()
    name = f"test{next(_numbers)}"
    yield _server().create(name)
    _server().drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'voicebot.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url
