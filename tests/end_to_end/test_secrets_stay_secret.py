"""Secrets of every kind in a robot that works, fails to register and to send, and logs all it can: none is written."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, SecretStr
from robot import Robot, running_robot
from sip_peers import Baresip, RawSip, free_port, wait_until

from voicebot.settings import Settings
from voicebot.settings.messages import HttpProvider, SmppProvider

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(300)]

_MARK = "hushhush"
#: Files whose content is secret; certificates are not, and a key that opens recordings is no use without a format.
_SECRET_FILES = ("password_file", "secret_file", "token_file", "key_file", "webhook_secret_file")
_NOT_HERE = {"recordings.key_file", "http.private_key", "sip.private_key"}


def secrets_of(model: type[BaseModel], path: str = "") -> Iterator[tuple[str, bool]]:
    """Yield every setting that holds a secret, and whether it names a file."""
    for name, info in model.model_fields.items():
        where = f"{path}.{name}" if path else name
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from secrets_of(kind, where)
        elif kind is SecretStr:
            yield where, False
        elif name.endswith(_SECRET_FILES) and where not in _NOT_HERE:
            yield where, True


class Secrets:
    """A secret of its own for each setting: given as a value, or as a file where there is no value."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.words: dict[str, str] = {}

    def word(self, where: str) -> str:
        """Return the secret of a setting: letters and digits, as bots and Alice want them."""
        return self.words.setdefault(where, f"{_MARK}{len(self.words):02}{where.replace('.', '').replace('_', '')}end")

    def file(self, where: str) -> str:
        path = self._folder / where
        path.write_text(self.word(where) + "\n")
        path.chmod(0o600)
        return str(path)

    def all_of(self, model: type[BaseModel], path: str = "") -> dict[str, Any]:
        """Return nested settings with every secret of a model; a file only where there is no value for it."""
        found = dict(secrets_of(model, path))
        given: dict[str, Any] = {}
        for where, is_file in found.items():
            if is_file and where.removesuffix("_file") in found:
                continue
            place = given
            *outer, last = where.removeprefix(f"{path}." if path else "").split(".")
            for name in outer:
                place = place.setdefault(name, {})
            place[last] = self.file(where) if is_file else self.word(where)
        return given

    def found_in(self, text: str) -> list[str]:
        return [where for where, word in self.words.items() if word in text]


def environment(settings: dict[str, Any], path: str = "VOICEBOT") -> dict[str, str]:
    """Return settings as variables."""
    found: dict[str, str] = {}
    for name, value in settings.items():
        where = f"{path}{'_' if path == 'VOICEBOT' else '__'}{name.upper()}"
        if isinstance(value, dict) and name != "providers":
            found |= environment(value, where)
        else:
            found[where] = json.dumps(value) if isinstance(value, dict) else str(value)
    return found


def output_of(robot: Robot, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "voicebot.cli", *arguments],
        env=robot.environment, capture_output=True, text=True, timeout=120, check=False, cwd=robot.folder,
    )  # fmt: skip
    return done.stdout + done.stderr


def command_lines(robot: Robot) -> str:
    """Return how the robot's processes were started, as `ps` shows it to everybody."""
    return "".join(Path(f"/proc/{facts['pid']}/cmdline").read_text() for facts in robot.status().values() if facts["is_alive"])


def test_no_secret_is_written_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets, nobody, chat_port = Secrets(tmp_path), free_port(), free_port()
    with RawSip(0) as registrar:
        given = secrets.all_of(Settings)
        given["sip"]["registrar"] = f"sip:127.0.0.1:{registrar.port}"
        given["recordings"] = {}  # its store would want a bucket
        secrets.words = {where: word for where, word in secrets.words.items() if not where.startswith("recordings.")}
        for bot in ("telegram", "max"):
            given["channels"][bot] |= {"base_url": f"http://127.0.0.1:{nobody}", "updates": "polling"}
        given["messages"] = {
            "providers": {
                "smpp": {"kind": "smpp", "host": "127.0.0.1", "port": nobody, "system_id": "robot", "source": "Clinic"}
                | secrets.all_of(SmppProvider, "smpp"),
                "http": {
                    "kind": "http",
                    "channel": "push",
                    "url": f"http://user:{secrets.word('http.url')}@127.0.0.1:{nobody}/",
                    "headers": {"Authorization": "Bearer {secret}", "X-Api-Key": secrets.word("http.headers")},
                }
                | secrets.all_of(HttpProvider, "http"),
            }
        }
        for name, value in environment(given).items():
            monkeypatch.setenv(name, value)
        settings: dict[str, Any] = {
            "log_level": "debug", "channels": {"is_enabled": True, "port": chat_port}, "cascade": {"is_enabled": True},
        }  # fmt: skip
        with running_robot(tmp_path, settings, start_seconds=200) as robot, Baresip(tmp_path) as patient:
            registrar.far_port = robot.port
            refuse_registration(registrar)
            patient.dial(robot.uri)
            patient.wait_for("CALL_ESTABLISHED")
            wait_until(lambda: len(patient.heard()) > 32_000, "the robot greets")
            knock(chat_port, secrets)
            patient.hang_up()
            robot.wait_finished()
            told = {
                "settings show": output_of(robot, "settings", "show"),
                "doctor": output_of(robot, "doctor", "--json"),
                "command lines": command_lines(robot),
                "pages": "".join(
                    httpx.get(f"http://127.0.0.1:{robot.http_port}/{page}", timeout=20).text
                    for page in ("health", "ready", "metrics", "login")
                ),
                "registration": "".join(registrar.receive(0.2)),
            }
            told["status"] = "".join(file.read_text() for file in (robot.data_dir / "run").glob("*.json"))
        told["log"] = robot.log
    assert "channels" in told["status"], "the chat's process did not run"
    assert "sip.password = " in told["settings show"]
    assert '"subject": "pbx"' in told["doctor"]
    assert "is_registered" in told["log"], "the wrong registration was not logged"
    assert {where: words for where, text in told.items() if (words := secrets.found_in(text))} == {}
    assert _MARK not in "".join(told.values())
    assert len(secrets.words) >= 10


def refuse_registration(registrar: RawSip) -> None:
    first = registrar.wait_for("REGISTER ")
    registrar.reply(first, "401 Unauthorized", 'WWW-Authenticate: Digest realm="clinic", nonce="47ebe028cda119c3"')
    registrar.reply(registrar.wait_for("REGISTER "), "403 Forbidden")


def knock(port: int, secrets: Secrets) -> None:
    """Come to the webhooks whose addresses hold a secret, with a body that nobody understands."""
    for where in ("channels.alice.secret", "channels.telegram.token", "http.webhook_secret_file"):
        for place in ("alice", "telegram", "deliveries/http"):
            url = f"http://127.0.0.1:{port}/{place}/{secrets.word(where)}"
            assert httpx.post(url, content=b"{", timeout=20).status_code >= 200


@pytest.mark.parametrize("command", [("doctor", "--json"), ("settings", "show"), ("dialogs", "list"), ("serve",)])
def test_the_databases_password_is_not_told_when_it_is_wrong(tmp_path: Path, command: tuple[str, ...]) -> None:
    address = f"postgresql+psycopg://robot:{_MARK}@127.0.0.1:{free_port()}/voicebot"
    variables = {"VOICEBOT_DATABASE__URL": address, "VOICEBOT_DATA_DIR": str(tmp_path / "var"), "VOICEBOT_LOG_LEVEL": "debug"}
    done = subprocess.run(
        [sys.executable, "-m", "voicebot.cli", *command],
        env={**os.environ, **variables}, capture_output=True, text=True, timeout=150, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert done.stdout + done.stderr
    assert _MARK not in done.stdout + done.stderr
