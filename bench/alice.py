"""How quickly Alice's skill answers over a slow database: `python -m bench.alice [--sessions 40] [--delay 0.15]`.

The real dialogs, the real webhook, SQLite behind a wrapper that sleeps before each transaction, and now and then for
seconds. Prints percentiles of the time to the whole HTTP answer, and how often the patient was asked to wait.
"""

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy.orm import Session

from voicebot import logs
from voicebot.channels.alice import RULES
from voicebot.channels.alice_skill import AliceSkill
from voicebot.channels.alice_webhook import router
from voicebot.channels.alice_words import AliceWords
from voicebot.channels.clinic import TextClinic
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.setup import prepare
from voicebot.clock import SystemClock
from voicebot.settings import Settings, load
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

ALLOWED_SECONDS = 2.5
SECRET = "bench0bench0bench0"
TURNS = ("", "запиши к терапевту", "завтра утром", "первый", "иванов петр", "8 916 123 45 67", "да", "нет")


class Slow(Database):
    """Sleeps `delay_seconds` on average before each transaction, in one of `hangs_every` for `hang_seconds`."""

    def __init__(self, database: Database, delay_seconds: float, hangs_every: int, hang_seconds: float) -> None:
        super().__init__(database.engine, database.busy_seconds, database.retry_seconds)
        self._delay_seconds = delay_seconds
        self._hangs_every = hangs_every
        self._hang_seconds = hang_seconds
        self._chance = random.Random(1)

    @contextmanager
    def session(self, *, is_readonly: bool = False) -> Iterator[Session]:
        hangs = self._hangs_every and self._chance.randrange(self._hangs_every) == 0
        time.sleep(
            self._hang_seconds if hangs else self._chance.expovariate(1 / self._delay_seconds) if self._delay_seconds else 0
        )
        with super().session(is_readonly=is_readonly) as session:
            yield session


async def talk(http: httpx.AsyncClient, number: int, taken: list[float], held: list[bool]) -> None:
    """One patient books a visit; «дальше» wherever asked to wait."""
    state: dict[str, Any] = {}
    message = 0
    for said in TURNS:
        words = said
        for _ in range(8):
            body = {
                "version": "1.0",
                "request": {"type": "SimpleUtterance", "command": words, "original_utterance": words},
                "session": {"session_id": f"s{number}", "message_id": message, "skill_id": "bench", "new": message == 0,
                            "application": {"application_id": f"device{number}"}},
                "state": {"session": state},
            }  # fmt: skip
            message += 1
            began = time.perf_counter()
            answer = await http.post(f"/alice/{SECRET}", json=body)
            taken.append(time.perf_counter() - began)
            reply = answer.json()
            state = reply.get("session_state", {})
            held.append("late" in state)
            if reply["response"]["end_session"]:
                return
            if not held[-1]:
                break
            words = "дальше"
        await asyncio.sleep(0.05)


async def measure(app: FastAPI, sessions: int, at_once: int) -> tuple[list[float], list[bool]]:
    taken: list[float] = []
    held: list[bool] = []
    gate = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with gate:
            await talk(http, number, taken, held)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://alice", timeout=60) as http:
        await asyncio.gather(*(one(number) for number in range(sessions)))
    return taken, held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=40)
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--delay", type=float, default=0.15, help="seconds before a transaction, on average")
    parser.add_argument("--hang-every", type=int, default=40, help="transactions; 0: none hangs")
    parser.add_argument("--hang", type=float, default=6.0, help="seconds of such a hang")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    logs.quiet()
    with tempfile.TemporaryDirectory() as folder:
        usual = load()
        settings = Settings(data_dir=Path(folder), cache_dir=usual.cache, dialog=usual.dialog.model_dump())
        catalogue = load_catalogue(settings.dialog.folder / "clinic")
        clock = SystemClock()
        database = open_database(f"sqlite:///{folder}/bench.db")
        upgrade(database)
        prepare(database, catalogue, clock, days=35)
        slow = Slow(database, asked.delay, asked.hang_every, asked.hang)
        clinic = TextClinic(settings, clock, slow, catalogue)
        conversations = clinic.conversations({"alice": RULES})
        skill = AliceSkill(
            conversations, AliceWords(catalogue.clinic.name), answer_seconds=settings.channels.alice.answer_seconds
        )
        app = FastAPI()
        app.include_router(router(skill, SECRET))
        taken, held = asyncio.run(measure(app, asked.sessions, asked.at_once))
        conversations.close()
        database.close()
    cuts = statistics.quantiles(taken, n=1000, method="inclusive")
    figures = {
        "requests": len(taken),
        "p50_seconds": round(cuts[499], 3),
        "p95_seconds": round(cuts[949], 3),
        "p99_seconds": round(cuts[989], 3),
        "longest_seconds": round(max(taken), 3),
        "asked_to_wait_share": round(sum(held) / len(held), 3),
        "allowed_seconds": ALLOWED_SECONDS,
        "over_allowed": sum(second > ALLOWED_SECONDS for second in taken),
    }
    print(json.dumps(figures, indent=1) if asked.json else "\n".join(f"{name:>22}  {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
