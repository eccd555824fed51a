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


@cache
def _server() -> str:
    """Start the server; return the folder of its socket."""
    binaries = _binaries()
    folder = tempfile.mkdtemp(prefix="voicebot-pg-")
    user: str | None = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = "postgres" if "postgres" in names else "nobody"
        shutil.chown(folder, user)
    data = f"{folder}/data"

    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}

    def run(*command: str) -> None:
        done = subprocess.run(
            command,
            user=user,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            pytest.skip(f"PostgreSQL does not start here: {done.stderr.strip() or done.stdout.strip()}")

    run(str(binaries / "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
    command = [str(binaries / "postgres"), "-D", data, "-k", folder]
    for option in ("listen_addresses=", "fsync=off", "max_connections=80"):
        command += ["-c", option]
    with Path(f"{folder}/log").open("w") as output:
        server = subprocess.Popen(
            command, user=user, cwd=folder, env=environment, stdout=output, stderr=output, preexec_fn=_end_with_parent
        )

    def stop() -> None:
        server.send_signal(signal.SIGQUIT)  # immediate shutdown
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(stop)
    deadline = time.monotonic() + 60
    while subprocess.run([str(binaries / "pg_isready"), "-q", "-h", folder], env=environment).returncode:
        if server.poll() is not None or time.monotonic() > deadline:
            pytest.skip(f"PostgreSQL does not start here: {Path(folder, 'log').read_text()[-500:]}")
        time.sleep(0.05)
    return folder


def _url(name: str) -> str:
    return f"postgresql+psycopg://postgres@/{name}?host={_server()}"


@pytest.fixture
def postgresql_url() -> Iterator[str]:
    """The URL of an empty PostgreSQL database; the test is skipped where there is no server."""
    pytest.importorskip("psycopg", reason="the PostgreSQL driver is not installed (pip install psycopg[binary])")
    name = f"test{next(_numbers)}"
    administration = create_engine(_url("postgres"), isolation_level="AUTOCOMMIT")
    with administration.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield _url(name)
    with administration.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    administration.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'voicebot.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url
