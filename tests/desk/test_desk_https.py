"""The desk as its own process: HTTPS by certificate files, and behind a proxy that is trusted or not."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from desk_browser import OURS, PASSWORD, QUICK
from sip_peers import free_port, to_toml, wait_until

from voicebot.accounts.audit import Audit
from voicebot.accounts.roles import Role
from voicebot.accounts.users import Users
from voicebot.clock import SystemClock
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade

pytestmark = pytest.mark.slow
_RUN = "import sys; from voicebot.settings import load; from voicebot.desk.process import run; sys.exit(run(load()))"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-made certificate of localhost, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    files = tmp_path / "desk.pem", tmp_path / "desk.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", str(files[0]), "-keyout", str(files[1])],
        check=True, capture_output=True,
    )  # fmt: skip
    return files


@contextmanager
def desk_process(folder: Path, http: Mapping[str, Any]) -> Iterator[int]:
    """A desk on a free port, with the user root."""
    database = open_database(f"sqlite:///{folder / 'voicebot.db'}")
    upgrade(database)
    Users(database, SystemClock(), QUICK).add("root", Role.ADMIN, PASSWORD)
    database.close()
    port, config, log = free_port(), folder / "voicebot.toml", folder / "desk.log"
    config.write_text(to_toml({"data_dir": str(folder), "http": {"port": port, **http}}))
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", _RUN],
            env={**os.environ, "VOICEBOT_CONFIG": str(config)},
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )

    def is_open() -> bool:
        if process.poll() is not None:
            pytest.fail(f"the desk ended with {process.returncode}:\n{log.read_text()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        wait_until(is_open, "the desk listens", 60)
        yield port
    finally:
        process.terminate()
        try:
            status = process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            pytest.fail(f"the desk did not end:\n{log.read_text()}")
    assert status in (0, -signal.SIGTERM), log.read_text()  # uvicorn ends by the signal that asked it to


def addresses(folder: Path) -> list[str]:
    """Where the logins came from, newest first."""
    database = open_database(f"sqlite:///{folder / 'voicebot.db'}")
    try:
        return [entry.address for entry in Audit(database, SystemClock()).entries() if entry.action == "logged_in"]
    finally:
        database.close()


def test_the_desk_speaks_https_by_certificate_files(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    pem, key = certificate
    with desk_process(tmp_path, {"certificate": str(pem), "private_key": str(key)}) as port:
        trusting = ssl.create_default_context(cafile=str(pem))
        with httpx.Client(base_url=f"https://localhost:{port}", verify=trusting, timeout=20) as client:
            answer = client.get("/login", headers={"accept": "text/html"})
            assert answer.status_code == 200
            assert "max-age" in answer.headers["strict-transport-security"]
            assert "server" not in answer.headers
            form = {"name": "root", "password": PASSWORD, "next": "/users"}
            entered = client.post("/login", data=form, headers={**OURS, "origin": f"https://localhost:{port}"})
            assert (entered.status_code, entered.headers["location"]) == (303, "/users")
            assert "secure" in entered.headers["set-cookie"].lower()
            assert client.get("/users", headers={"accept": "text/html"}).status_code == 200
        with pytest.raises(httpx.ConnectError):  # nobody else's certificate would do
            httpx.get(f"https://localhost:{port}/login", timeout=20)
        with pytest.raises(httpx.HTTPError):  # and nothing is told without it
            httpx.get(f"http://localhost:{port}/login", timeout=20)


@pytest.mark.parametrize("is_trusted", [True, False])
def test_what_a_proxy_says_counts_when_it_is_trusted(tmp_path: Path, is_trusted: bool) -> None:
    forwarded = {**OURS, "x-forwarded-for": "198.51.100.7", "x-forwarded-proto": "https"}
    with desk_process(tmp_path, {"trusted_proxies": ["127.0.0.1"]} if is_trusted else {}) as port:
        form = {"name": "root", "password": PASSWORD}
        entered = httpx.post(f"http://127.0.0.1:{port}/login", data=form, headers=forwarded, timeout=20)
        assert entered.status_code == 303
        assert ("secure" in entered.headers["set-cookie"].lower()) == is_trusted
        assert ("strict-transport-security" in entered.headers) == is_trusted
    assert addresses(tmp_path) == ["198.51.100.7" if is_trusted else "127.0.0.1"]
