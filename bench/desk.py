"""How fast the desk's pages open with many dialogs in the database: `python -m bench.desk --dialogs 100000`.

Fills a SQLite database (or VOICEBOT_DATABASE__URL) with made-up dialogs, digests them, and asks each page many times through
the whole application (guard, session, query, template), without the network. Prints p50, p95 and the aim.
"""

import argparse
import random
import re
import statistics
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from sqlalchemy import insert

from voicebot import dialog_id
from voicebot.accounts.roles import Role
from voicebot.clock import SystemClock
from voicebot.desk.app import create_app
from voicebot.records.digest import Digester
from voicebot.records.tables import DialogRow, TurnRow
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

AIM_SECONDS = 0.5
_PASSWORD = "made up phrase 12345"
_BATCH = 2000
_ROBOT = (
    ("request.wish", "Чем могу помочь?"),
    ("booking.when", "На какой день и время вам удобно?"),
    ("booking.choice", "Завтра. Первый вариант: в десять часов утра, врач Орлов. Второй: в полдень. Что выбираете?"),
    ("booking.patient", "Назовите, пожалуйста, фамилию и имя пациента."),
    ("booking.confirm", "Проверим. Завтра, в десять часов утра. Врач Орлов. Всё верно?"),
)
_CALLER = (
    "запишите к терапевту пожалуйста", "завтра после обеда", "давайте первый вариант", "смирнова анна", "да всё верно",
    "сколько стоит приём кардиолога", "где вы находитесь", "у меня болит спина", "соедините с оператором", "а можно пораньше",
    "мне нужна справка в бассейн", "как подготовиться к анализу крови", "хочу перенести запись на пятницу", "нет спасибо",
)  # fmt: skip
_OUTCOMES = (("booked", "", ""), ("informed", "", ""), ("transferred", "requested", "completed"), ("abandoned", "caller", ""),
             ("moved", "", ""), ("off_topic", "", ""), ("transferred", "nomatch", "completed"), ("lost", "", ""))  # fmt: skip
_WEIGHTS = (40, 25, 12, 8, 6, 4, 4, 1)


def fill(database: Database, count: int, seed: int = 1) -> list[str]:
    """Make `count` dialogs of the last 90 days; return some of their IDs."""
    rng = random.Random(seed)
    now = SystemClock().now()
    ids: list[str] = []
    drawn: set[str] = set()
    for start in range(0, count, _BATCH):
        dialogs, turns = [], []
        for _ in range(min(_BATCH, count - start)):
            one = dialog_id.new()
            while one in drawn:  # among a hundred thousand it happens; the robot then draws again, too
                one = dialog_id.new()
            drawn.add(one)
            ids.append(one)
            at = now - timedelta(seconds=rng.uniform(60, 90 * 86400))
            outcome, reason, transfer = rng.choices(_OUTCOMES, _WEIGHTS)[0]
            exchanges = rng.randint(2, 9)
            seconds = exchanges * rng.uniform(6, 14)
            dialogs.append(
                {
                    "id": one, "channel": rng.choices(("phone", "chat", "alice"), (80, 15, 5))[0], "started_at": at,
                    "ended_at": at + timedelta(seconds=seconds), "caller_phone": f"+79{rng.randrange(10**9):09d}",
                    "called": "100", "sip_call_id": one, "dialplan": "demo", "outcome": outcome, "reason": reason,
                    "ended_by": "robot", "notice_version": "bench", "recording_path": "", "recording_started_ms": None,
                    "handling_seconds": seconds, "transfer_target": "operator" if transfer else "",
                    "transfer_result": transfer, "summary": {}, "versions": {}, "digested_at": None,
                }
            )  # fmt: skip
            for number in range(exchanges):
                prompt, text = rng.choice(_ROBOT)
                turns.append(_turn(one, 2 * number + 1, at, "robot", text, prompt=prompt, total_ms=rng.gauss(550, 120)))
                is_unclear = rng.random() < 0.07
                said = rng.choice(_CALLER)
                turns.append(_turn(one, 2 * number + 2, at, "caller", said, intent="none" if is_unclear else "book",
                                   confidence=rng.random()))  # fmt: skip
        with database.session() as session:
            session.connection().execute(insert(DialogRow.__table__), dialogs)
            session.connection().execute(insert(TurnRow.__table__), turns)
        print(f"\r{start + len(dialogs)} of {count} dialogs made", end="", flush=True)
    print()
    return ids


def _turn(
    one: str,
    number: int,
    began: datetime,
    who: str,
    text: str,
    *,
    prompt: str = "",
    intent: str = "",
    confidence: float | None = None,
    total_ms: float | None = None,
) -> dict[str, Any]:
    """A row of `turns`: one every three seconds."""
    return {
        "dialog_id": one,
        "number": number,
        "who": who,
        "at": began + timedelta(seconds=3 * number),
        "offset_start_ms": 3000 * number,
        "offset_end_ms": 3000 * number + 2000,
        "text": text,
        "played_text": text if who == "robot" else None,
        "played_ms": 2000,
        "alternatives": [],
        "confidence": confidence,
        "intent": intent,
        "slots": {"x": "y"} if intent == "book" else {},
        "prompt": prompt,
        "latency_ms": {} if total_ms is None else {"total_ms": max(1.0, total_ms)},
        "is_bargein": False,
        "digits": "",
    }


def digest(database: Database, settings: Settings) -> None:
    """Take all of them into the figures and the search."""
    digester = Digester(database, SystemClock(), settings.zoneinfo)
    began, done = time.process_time(), 0
    while taken := digester.run(500):
        done += taken
        print(f"\r{done} digested", end="", flush=True)
    print(f": {(time.process_time() - began) * 1000 / max(1, done):.1f} ms of processor a dialog")


def measure(client: TestClient, path: str, times: int) -> tuple[list[float], list[float]]:
    """Return how long a page takes, and how much of the processor: seconds, sorted.

    The second does not depend on what else the machine does. A search is told by its fields: the form is sent first, as a
    browser would, and is part of the time.
    """
    lasted, spent = [], []
    for _ in range(times):
        began, used = time.perf_counter(), time.process_time()
        where = path
        if path.startswith("words="):
            sent = client.post("/dialogs", data={"words": path.removeprefix("words=")}, follow_redirects=False)
            where = sent.headers["location"]
        answer = client.get(where, headers={"accept": "text/html"})
        lasted.append(time.perf_counter() - began)
        spent.append(time.process_time() - used)
        assert answer.status_code == 200, (path, answer.status_code)
    return sorted(lasted), sorted(spent)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--dialogs", type=int, default=100_000)
    options.add_argument("--times", type=int, default=20)
    options.add_argument("--folder", type=Path, help="keep the database here, and use it again")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        settings = Settings(data_dir=folder)
        database = open_database(settings.database_url)
        upgrade(database)
        app = create_app(settings, SystemClock(), database)
        desk = app.state.desk
        if desk.records.count() == 0:
            fill(database, chosen.dialogs)
            desk.users.add("bench", Role.ADMIN, _PASSWORD)
        digest(database, settings)
        some = desk.records.find()[0].id
        client = TestClient(app)
        login = {"name": "bench", "password": _PASSWORD}
        assert client.post("/login", data=login, headers={"sec-fetch-site": "same-origin"}).status_code == 200
        csrf = re.findall(r'name="csrf" value="([^"]+)"', client.get("/password", headers={"accept": "text/html"}).text)[0]
        client.headers.update({"sec-fetch-site": "same-origin", "x-csrf-token": csrf})
        pages = {
            "list": "/dialogs",
            "list, far page": "/dialogs?page=100",
            "list, filtered": "/dialogs?outcome=transferred&reason=nomatch&seconds_from=40",
            "search, frequent words": "words=записи терапевтам",
            "search, rare combination": "words=справки спина бассейна",
            "numbers, 30 days": "/numbers",
            "numbers, 90 days by week": f"/numbers?step=week&first={(SystemClock().now() - timedelta(days=89)).date()}",
            "a dialog": f"/dialogs/{some}",
        }
        print(f"{desk.records.count()} dialogs, {database.url.get_backend_name()}")
        for name, path in pages.items():
            lasted, spent = measure(client, path, chosen.times)
            p95 = lasted[max(0, round(0.95 * len(lasted)) - 1)]
            verdict = "ok" if p95 <= AIM_SECONDS else "TOO SLOW"
            figures = f"p50 {statistics.median(lasted) * 1000:6.0f} ms  p95 {p95 * 1000:6.0f} ms"
            figures += f"  processor {statistics.median(spent) * 1000:6.0f} ms"
            print(f"{name:28} {figures}  aim {AIM_SECONDS * 1000:.0f}  {verdict}")
        database.close()


if __name__ == "__main__":
    main()
