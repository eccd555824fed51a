"""Real processes, a real HTTP provider on a socket, kill -9 at random moments: each visit is reminded of exactly once."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from reminder_world import World
from sqlalchemy import func, select

from voicebot.clinic.tables import MessageRow
from voicebot.clock import VirtualClock
from voicebot.messages.tables import DeliveryRow
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

VISITS = 120
KILLS = 6
ROOT = Path(__file__).parents[2]


class SmsProvider:
    """Takes messages over HTTP. A key that it knows is the same message: taken once, whatever it is asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.requests: list[tuple[str, str]] = []  # (key, phone)
        self.taken: dict[str, str] = {}  # key -> phone
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                key = self.headers["Idempotency-Key"]
                time.sleep(random.uniform(0.0, 0.06))  # half of the time is before it is taken, half after
                with owner.lock:
                    owner.requests.append((key, body["to"]))
                    owner.taken.setdefault(key, body["to"])
                time.sleep(random.uniform(0.0, 0.06))
                answer = json.dumps({"id": f"id-{key}"}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                return

            def handle(self) -> None:
                try:
                    super().handle()
                except ConnectionError:
                    return  # who asked was killed

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/send"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Robots:
    """`voicebot reminders run`, twice, each started again when it was killed."""

    def __init__(self, config: Path, folder: Path) -> None:
        self.environment = {**os.environ, "VOICEBOT_CONFIG": str(config), "PYTHONPATH": str(ROOT)}
        self.folder = folder
        self.started = 0
        self.running = [self.start(), self.start()]

    def start(self) -> "subprocess.Popen[bytes]":
        self.started += 1
        with (self.folder / f"log-{self.started}").open("wb") as log:
            command = [sys.executable, "-m", "voicebot.cli", "reminders", "run"]
            return subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=log, stderr=log)

    def kill(self, number: int) -> None:
        self.running[number].send_signal(signal.SIGKILL)
        self.running[number].wait(30)
        self.running[number] = self.start()

    def stop(self) -> list[int]:
        for one in self.running:
            one.terminate()
        return [one.wait(60) for one in self.running]

    def busy(self) -> int:
        """How many of the processes have handed something over."""
        logs = [self.folder / f"log-{number + 1}" for number in range(self.started)]
        return sum("message_handed_over" in log.read_text() for log in logs)


@contextmanager
def stage(url: str, folder: Path) -> Iterator[tuple[Database, SmsProvider, Robots]]:
    provider = SmsProvider()
    config = folder / "voicebot.toml"
    config.write_text(
        f"""
        data_dir = "{folder / "var"}"
        [dialog]
        folder = "{ROOT / "dialplans" / "demo"}"
        [database]
        url = "{url}"
        [reminders]
        steps = {{"3h" = "reminder_hours"}}
        [cascade]
        day = "00:00-23:59:59.999999"
        lease_seconds = 10
        send_seconds = 5
        at_once = 4
        [messages.providers.main]
        kind = "http"
        channel = "sms"
        url = "{provider.url}"
        """
    )
    database = open_database(url)
    upgrade(database)
    clock = VirtualClock(datetime.now(UTC))
    world = World(database, clock, random.Random(1), {}, {})
    start = clock.now() + timedelta(minutes=170)
    world.visits([(start, clock.now() - timedelta(days=2), "lesnaya")] * VISITS)
    robots = Robots(config, folder)
    try:
        yield database, provider, robots
    finally:
        for one in robots.running:
            one.kill()
            one.wait(30)
        provider.close()
        database.close()


def wait_until(is_so: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if is_so():
            return True
        time.sleep(0.02)
    return is_so()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_killed_again_and_again(database_url: str, tmp_path: Path) -> None:
    rng = random.Random(11)
    with stage(database_url, tmp_path) as (database, provider, robots):
        for kill in range(KILLS):
            goal = len(provider.taken) + 8
            assert wait_until(lambda goal=goal: len(provider.taken) >= min(goal, VISITS), 120)  # type: ignore[misc]
            time.sleep(rng.uniform(0, 0.2))
            robots.kill(kill % 2)

        def open_messages() -> int:
            def count(session: object) -> int:
                undecided = (
                    select(func.count()).select_from(DeliveryRow).where(DeliveryRow.status.in_(("sending", "uncertain")))
                )
                return session.scalar(undecided)  # type: ignore[attr-defined, no-any-return]

            return database.run(count, is_readonly=True)  # type: ignore[arg-type]

        assert wait_until(lambda: len(set(provider.taken.values())) == VISITS and open_messages() == 0, 200)
        assert robots.stop() == [0, 0]
        assert robots.busy() >= 3
        keys_of = defaultdict(set)
        for key, phone in provider.requests:
            keys_of[phone].add(key)
        assert {phone: len(keys) for phone, keys in keys_of.items() if len(keys) != 1} == {}
        assert len(provider.taken) == VISITS
        with database.session(is_readonly=True) as session:
            assert session.scalar(select(func.count()).select_from(MessageRow)) == VISITS
            assert set(session.scalars(select(DeliveryRow.status))) == {"accepted"}
            assert session.scalar(select(func.count()).select_from(DeliveryRow)) == VISITS
            # Some died before they asked the provider, some after: both were asked again, under the same key.
            assert session.scalar(select(func.sum(DeliveryRow.tries))) >= len(provider.requests) >= VISITS
