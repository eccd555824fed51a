"""Patients over real WebSockets: a process of its own, so that its work is not counted as the server's."""

import asyncio
import contextlib
import itertools
import json
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect

from bench.chat.patient import Patient

MOST_MESSAGES = 16
PING_SECONDS = 30  # as the widget
_PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class Tally:
    """What the crowd met. `waits_ms`: of answers, while `is_measuring`."""

    is_measuring: bool = False
    waits_ms: list[float] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    late_ms: list[float] = field(default_factory=list)  # how late this process itself came to its work
    connected: int = 0


class Crowd:
    """Keeps so many dialogs going at once."""

    def __init__(self, url: str, origin: str, pace: float) -> None:
        self.url = url
        self.origin = origin
        self.pace = pace
        self.tally = Tally()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sockets: dict[ClientConnection, Patient] = {}
        self._wanted = 0
        self._seeds = 0

    async def grow(self, wanted: int, over_seconds: float) -> None:
        """Let new patients in, evenly, until so many are there; each that leaves is followed by another."""
        joining = max(0, wanted - len(self._tasks))
        self._wanted = wanted
        for _ in range(joining):
            self._admit(first_wait=True)
            await asyncio.sleep(over_seconds / max(1, joining))

    async def close(self) -> None:
        self._wanted = 0
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def watch(self) -> None:
        """Notice when this process is too busy to measure."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.05)
            if self.tally.is_measuring:
                self.tally.late_ms.append(max(0.0, (time.perf_counter() - began - 0.05) * 1000))

    async def ping(self) -> None:
        """Tell for all patients that they are still there, as their browsers do."""
        for second in itertools.count():
            await asyncio.sleep(1)
            for socket in [one for one, patient in self._sockets.items() if (patient.seed - second) % PING_SECONDS == 0]:
                with contextlib.suppress(websockets.WebSocketException):
                    await socket.send('{"t":"ping"}')

    def _admit(self, *, first_wait: bool = False) -> None:
        self._seeds += 1
        task = asyncio.create_task(self._visit(Patient(self._seeds)))
        self._tasks.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and len(self._tasks) < self._wanted:
            self._admit()

    async def _visit(self, patient: Patient) -> None:
        try:
            async with connect(self.url, origin=self.origin, compression=None, open_timeout=60, ping_interval=None) as socket:  # type: ignore[arg-type]
                self.tally.connected += 1
                self._sockets[socket] = patient
                try:
                    await self._talk(socket, patient)
                finally:
                    del self._sockets[socket]
                    self.tally.connected -= 1
        except (OSError, TimeoutError, websockets.WebSocketException) as error:
            self.tally.ends[type(error).__name__] += 1
            await asyncio.sleep(1)

    async def _talk(self, socket: ClientConnection, patient: Patient) -> None:
        await socket.send(json.dumps({"t": "hello", "token": secrets.token_urlsafe(32)}))
        await self._next(socket, "welcome")
        update = await self._next(socket, "update")
        while patient.asked < MOST_MESSAGES:
            answer = patient.answer(
                [line["text"] for line in update["lines"] if line["who"] != "patient"],
                {button["label"]: button["button"] for button in update["buttons"]},
                wants_phone=update.get("wants_phone", False),
            )
            await asyncio.sleep(answer.after_seconds * self.pace)
            message: dict[str, Any] = {"id": secrets.token_hex(12)}
            message |= {"t": "press", "button": answer.button} if answer.button else {"t": "say", "text": answer.text}
            began = time.perf_counter()
            await socket.send(json.dumps(message))
            update = await self._next(socket, "update", message["id"])
            if self.tally.is_measuring:
                self.tally.waits_ms.append((time.perf_counter() - began) * 1000)
            if update["mode"] != "robot":
                break
        self.tally.ends["booked" if patient.is_booked else f"not booked, {update['mode']}"] += 1

    async def _next(self, socket: ClientConnection, kind: str, to: str = "") -> dict[str, Any]:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while True:
                message: dict[str, Any] = json.loads(await socket.recv())
                if message["t"] == "trouble":
                    raise OSError("refused")
                if message["t"] == kind and message.get("to", "") == to:
                    return message
