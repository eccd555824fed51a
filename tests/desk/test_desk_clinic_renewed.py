"""The desk shows the clinic's files as they are after a reload; wrong ones change nothing. Who waits on the line is told."""

import asyncio
import json
import shutil
import threading
import time
from pathlib import Path

import pytest
from demo_clinic import DEMO
from desk_browser import browser, log_in
from fastapi import FastAPI

from voicebot import status
from voicebot.clock import VirtualClock
from voicebot.desk import process
from voicebot.desk.clinic import Clinic
from voicebot.desk.pages.operator import on_hold
from voicebot.errors import ConfigurationError
from voicebot.storage.database import open_database


def test_an_open_desk_takes_new_files_and_refuses_wrong_ones(tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("conversations", "patients"))
    file = folder / "clinic" / "clinic.yaml"
    clinic = Clinic(folder, open_database(f"sqlite:///{tmp_path}/desk.db"), VirtualClock())
    catalogue, services, forms = clinic.catalogue, clinic.services, clinic.forms
    old = file.read_text()
    assert "Добрый доктор" in old
    file.write_text(old.replace("Добрый доктор", "Новый доктор"))
    assert clinic.catalogue is catalogue  # until it is told
    clinic.renew()
    assert (catalogue.clinic.name, clinic.catalogue.clinic.name) == ("Добрый доктор", "Новый доктор")
    assert clinic.services is not services
    assert clinic.forms.keys() == forms.keys()

    renewed = clinic.catalogue
    main = folder / "dialplans" / "main.yaml"
    main.write_text(main.read_text().replace("type: request", "type: reqest", 1))
    with pytest.raises(ConfigurationError, match=r"main\.yaml:\d+"):
        clinic.renew()
    assert clinic.catalogue is renewed
    assert clinic.forms


def test_who_is_told_last_reads_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two reloads at once: the first, which has read the old files, must not be done after the second."""
    clinic = Clinic(DEMO, open_database(f"sqlite:///{tmp_path}/desk.db"), VirtualClock())
    running, most = 0, 0

    def load(_folder: Path, _services: object) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.1)
        running -= 1

    monkeypatch.setattr("voicebot.desk.clinic.load_dialplans", load)
    monkeypatch.setattr("voicebot.desk.clinic._READ_ONCE", ())
    threads = [threading.Thread(target=clinic.renew) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


async def test_nothing_ends_the_digest(monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[int] = []
    again, loop = asyncio.Event(), asyncio.get_running_loop()

    class Broken:
        def run(self) -> int:
            tries.append(1)
            if len(tries) == 1:
                raise ValueError("an odd dialog")
            loop.call_soon_threadsafe(again.set)
            return 0

    monkeypatch.setattr(process, "_DIGEST_SECONDS", 0.0)
    task = asyncio.create_task(process._digest(Broken()))  # type: ignore[arg-type]
    waiting = asyncio.create_task(again.wait())
    done, _ = await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    assert done == {waiting}
    task.cancel()


def test_the_queue_of_a_full_robot_is_shown_while_its_line_lives(app: FastAPI, clock: VirtualClock) -> None:
    operator = browser(app)
    assert log_in(operator, "oper") == 303
    run_dir = app.state.desk.settings.run_dir
    assert "on-hold" not in operator.get("/operator").text
    status.publish(run_dir, "line", clock, calls=4, waiting=3)
    assert on_hold(app.state.desk) == 3
    assert "Ждут на линии: 3." in operator.get("/operator").text
    dead = json.loads((run_dir / "line.json").read_text()) | {"pid": 2**22 + 1}
    (run_dir / "line.json").write_text(json.dumps(dead))
    assert on_hold(app.state.desk) == 0
