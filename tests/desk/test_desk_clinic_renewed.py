"""The desk shows the clinic's files as they are after a reload; wrong ones change nothing. Who waits on the line is told."""

import json
import shutil
from pathlib import Path

import pytest
from demo_clinic import DEMO
from desk_browser import browser, log_in
from fastapi import FastAPI

from voicebot import status
from voicebot.clock import VirtualClock
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
