"""A desk for tests: users of every role, a quick hasher, a browser that is logged in."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient

from voicebot.accounts.roles import Role
from voicebot.accounts.users import Users
from voicebot.clock import VirtualClock
from voicebot.desk.app import create_app
from voicebot.desk.context import Desk
from voicebot.settings import Settings
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade

PASSWORD = "длинная фраза 7"
PAGE = {"accept": "text/html"}
OURS = {"accept": "text/html", "sec-fetch-site": "same-origin"}
QUICK = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)


@contextmanager
def desk_app(folder: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    """The application on a database of its own; users oper, qa, boss and root."""
    database = open_database(f"sqlite:///{folder / 'desk.db'}")
    upgrade(database)
    monkeypatch.setattr("voicebot.desk.app.Users", lambda database, clock: Users(database, clock, QUICK))
    app = create_app(Settings(data_dir=folder), clock, database)
    for login, role in (("oper", Role.OPERATOR), ("qa", Role.QA), ("boss", Role.MANAGER), ("root", Role.ADMIN)):
        app.state.desk.users.add(login, role, PASSWORD)
    yield app
    database.close()


def browser(app: FastAPI) -> TestClient:
    """A browser that follows no redirection by itself."""
    return TestClient(app, follow_redirects=False)


def log_in(client: TestClient, name: str, password: str = PASSWORD) -> int:
    return client.post("/login", data={"name": name, "password": password}, headers=OURS).status_code


def token(client: TestClient, path: str = "/password") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', client.get(path, headers=PAGE).text)
    assert found is not None
    return found.group(1)


def actions(app: FastAPI) -> list[str]:
    """What the audit has, newest first."""
    desk: Desk = app.state.desk
    return [entry.action for entry in desk.audit.entries()]
