"""The managers' figures: shown, exported, and without a patient's words for those who may not read them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from desk_browser import PAGE, actions, browser, desk_app, log_in
from fastapi import FastAPI

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.digest import Digester


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    clock = VirtualClock()
    with desk_app(tmp_path, clock, monkeypatch) as app:
        desk = app.state.desk
        for outcome, target, result in (("booked", "", ""), ("booked", "", ""), ("transferred", "operator", "completed")):
            one = dialog_id.new()
            desk.records.open_dialog(Dialog(id=one))
            desk.records.add_turn(one, Turn(1, Who.ROBOT, "Слушаю.", latency_ms={"total_ms": 500}))
            desk.records.add_turn(one, Turn(2, Who.CALLER, "</script>невнятно", intent="none"))
            desk.records.add_turn(one, Turn(3, Who.CALLER, "звоните 89161234567", intent="none"))
            desk.records.finish_dialog(
                one,
                outcome,
                "requested" if target else "",
                handling_seconds=100,
                transfer_target=target,
                transfer_result=result,
            )
        Digester(desk.database, clock, desk.settings.zoneinfo).run()
        yield app


def test_figures_are_shown_and_exported(app: FastAPI) -> None:
    boss = browser(app)
    assert log_in(boss, "boss") == 303
    text = boss.get("/numbers", headers=PAGE).text
    figures = json.loads(re.findall(r'id="figures">(.*?)</script>', text, re.DOTALL)[0])
    assert figures["outcomes"] == {"записан": 2, "передан человеку": 1}
    assert figures["reasons"] == {"просил человека": 1}
    assert sum(figures["hours"]) == 3
    assert "невнятно" not in text
    table = boss.get("/numbers.csv?step=month")
    # October is a piece of these thirty days, too, though nobody called then.
    header, october, november, total = table.text.splitlines()
    assert header.startswith("\ufeffпериод;обращений")
    assert october == "2026-10-01;0;0;0;0;0;0;0;0;0;0;;;0;0;0;0"
    assert november == "2026-11-01;3;3;0;2;1;2;0;3;6;6;503;503;0;0;0;0"
    assert total == november.replace("2026-11-01", "всего")
    assert actions(app)[0] == "numbers_exported"


def test_each_table_is_exported(app: FastAPI) -> None:
    boss, qa = browser(app), browser(app)
    log_in(boss, "boss")
    log_in(qa, "qa")

    def lines(table: str) -> list[str]:
        return boss.get(f"/numbers.csv?table={table}").text.removeprefix("\ufeff").splitlines()

    assert lines("hours")[1] == "телефон;" + ";".join("3" if hour == 9 else "0" for hour in range(24))
    assert lines("outcomes") == ["итог;обращений", "записан;2", "передан человеку;1"]
    assert lines("reasons") == ["причина передачи;обращений", "просил человека;1"]
    assert boss.get("/numbers.csv?table=phrases").status_code == 403
    assert qa.get("/numbers.csv?table=phrases").text.splitlines()[1:] == ["</script>невнятно;3", "звоните [номер];3"]
    assert boss.get("/numbers.csv?table=secrets").status_code == 422


def test_the_page_of_one_channel_still_offers_the_others(app: FastAPI) -> None:
    boss = browser(app)
    log_in(boss, "boss")
    text = boss.get("/numbers?channel=chat", headers=PAGE).text
    assert '<option value="phone">' in text
    assert '<div class="card tile" data-name="contacts"><b>0</b>' in text


def test_phrases_are_shown_to_those_who_may_read_dialogs(app: FastAPI) -> None:
    qa = browser(app)
    log_in(qa, "qa")
    text = qa.get("/numbers?first=2026-11-01&last=2026-11-30&step=week", headers=PAGE).text
    assert "невнятно" in text
    assert "</script>невнятно" not in text
    assert "× 3" in text
    assert "89161234567" not in text  # QA needs the words around it
    root = browser(app)
    log_in(root, "root")
    assert "89161234567" in root.get("/numbers", headers=PAGE).text


@pytest.mark.parametrize("query", ["first=2026-11-30&last=2026-11-01", "first=2020-01-01&last=2026-11-01", "step=year"])
def test_odd_periods_are_refused(app: FastAPI, query: str) -> None:
    boss = browser(app)
    log_in(boss, "boss")
    assert boss.get(f"/numbers?{query}", headers=PAGE).status_code == 422


def test_an_operator_sees_no_figures(app: FastAPI) -> None:
    oper = browser(app)
    log_in(oper, "oper")
    assert oper.get("/numbers", headers=PAGE).status_code == 403
    assert oper.get("/numbers.csv").status_code == 403
