"""The chat on the clinic's pages, served for tests: an application on a port of its own, and a browser's side of the wire."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo_clinic import CACHE, DAYS, DEMO, MONDAY_NINE
from desk_server import served
from fastapi import FastAPI
from websockets.sync.client import ClientConnection, connect

from voicebot.channels.app import create_app
from voicebot.channels.clinic import TextClinic
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.setup import prepare
from voicebot.clock import VirtualClock
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

FOREIGN = "https://clinic.example"


@dataclass(frozen=True)
class WebStage:
    app: FastAPI
    url: str
    database: Database
    clock: VirtualClock

    @property
    def socket_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/chat/socket"


@contextmanager
def web_stage(folder: Path, **web: Any) -> Iterator[WebStage]:
    """Serve the demo clinic's chat; `web`: settings of [channels.web]."""
    clock = VirtualClock(MONDAY_NINE)
    database = open_database(f"sqlite:///{folder / 'chat.db'}")
    upgrade(database)
    catalogue = load_catalogue(DEMO / "clinic")
    prepare(database, catalogue, clock, days=DAYS)
    settings = Settings(
        data_dir=folder,
        cache_dir=CACHE,
        dialog={"folder": DEMO},
        channels={"web": {"origins": [FOREIGN], **web}, "poll_seconds": 0.1, "messages_per_minute": 60},
    )
    app = create_app(TextClinic(settings, clock, database, catalogue))
    with served(app) as url:
        yield WebStage(app, url, database, clock)
    database.close()


@dataclass
class Window:
    """A patient's window of the chat over a WebSocket."""

    socket: ClientConnection
    welcome: dict[str, Any] = field(default_factory=dict)
    whole: dict[str, Any] = field(default_factory=dict)

    def next(self, kind: str = "update") -> dict[str, Any]:
        while True:
            message: dict[str, Any] = json.loads(self.socket.recv(timeout=30))
            if message["t"] == kind:
                return message

    def send(self, **message: Any) -> str:
        body = {"id": secrets.token_hex(8), **message}
        self.socket.send(json.dumps(body))
        return str(body["id"])

    def say(self, text: str, **more: Any) -> dict[str, Any]:
        asked = self.send(t="say", text=text, **more)
        while True:
            update = self.next()
            if update.get("to") == asked:
                return update

    def press(self, update: dict[str, Any], label: str) -> dict[str, Any]:
        button = next(one["button"] for one in update["buttons"] if one["label"].startswith(label))
        asked = self.send(t="press", button=button)
        while True:
            update = self.next()
            if update.get("to") == asked:
                return update


@contextmanager
def window(stage: WebStage, token: str, origin: str | None = "") -> Iterator[Window]:
    """Open the chat as the browser of a page does. `origin`: of the page; "": ours; None: no browser."""
    with connect(stage.socket_url, origin=stage.url if origin == "" else origin) as socket:  # type: ignore[arg-type]
        own = Window(socket)
        socket.send(json.dumps({"t": "hello", "token": token}))
        own.welcome = own.next("welcome")
        own.whole = own.next("update")
        yield own


def words(update: dict[str, Any]) -> str:
    return " ".join(line["text"] for line in update["lines"])


def new_token() -> str:
    return secrets.token_urlsafe(32)
