"""Many dialogs as a file: what the filter finds, whole, with marks, and without what the role may not see."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from desk_browser import OURS, browser, desk_app, log_in, token
from fastapi import FastAPI
from fastapi.testclient import TestClient

from voicebot.clock import VirtualClock
from voicebot.desk.context import Desk
from voicebot.records import queries
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.digest import Digester
from voicebot.records.marks import Kind, Mark, Marks

DICTATED = "=мой номер восемь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь"
IDS = ("AAAAAAA0", "EEEEEEE0", "KKKKKKK0")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    clock = VirtualClock()
    with desk_app(tmp_path, clock, monkeypatch) as app:
        desk: Desk = app.state.desk
        for place, one in enumerate(IDS):
            at = clock.now() + timedelta(hours=place)
            desk.records.open_dialog(Dialog(id=one, caller_phone="+79161234567", dialplan="demo", started_at=at))
            desk.records.add_turn(one, Turn(1, Who.ROBOT, "Слушаю.", latency_ms={"total_ms": 480}))
            said = "запишите к терапевту" if place else DICTATED
            desk.records.add_turn(one, Turn(2, Who.CALLER, said, confidence=0.4, slots={"phone": "+79161234567"}))
            desk.records.finish_dialog(one, "booked" if place else "informed", handling_seconds=65.0)
        marks = Marks(desk.database, clock)
        marks.put(Mark(IDS[1], 2, Kind.MISHEARD, "запишите к терапевтам", "book", "звонить 89161234567", "qa"))
        Digester(desk.database, clock, desk.settings.zoneinfo).run()
        yield app


def exported(client: TestClient, **fields: str) -> str:
    answer = client.post("/dialogs/export", data=fields, headers={**OURS, "x-csrf-token": token(client)})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"].startswith('attachment; filename="dialogs-2026-11-23.')
    return answer.text


@pytest.fixture
def qa(app: FastAPI) -> TestClient:
    client = browser(app)
    assert log_in(client, "qa") == 303
    return client


def test_all_that_the_filter_finds_is_one_row_a_turn(qa: TestClient, app: FastAPI) -> None:
    text = exported(qa, format="csv", outcome="booked")
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))
    assert [(row["dialog_id"], row["number"]) for row in rows] == [(one, n) for one in IDS[1:] for n in ("1", "2")]
    assert rows[1]["mark"] == "misheard"
    assert rows[1]["right_text"] == "запишите к терапевтам"
    assert rows[1]["right_intent"] == "book"
    assert rows[0]["total_ms"] == "480"
    assert rows[3]["mark"] == ""
    entry = next(entry for entry in app.state.desk.audit.entries() if entry.action == "dialogs_exported")
    assert (entry.who, entry.detail) == ("qa", "csv 2")


def test_a_dialog_is_a_line_of_json(qa: TestClient) -> None:
    lines = [json.loads(line) for line in exported(qa, format="jsonl").splitlines()]
    assert [line["id"] for line in lines] == list(IDS)
    assert [turn["number"] for turn in lines[1]["turns"]] == [1, 2]
    assert [(mark["number"], mark["mark"], mark["author"]) for mark in lines[1]["marks"]] == [(2, "misheard", "qa")]
    assert lines[0]["marks"] == []


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_phones_are_hidden_wherever_they_stand(qa: TestClient, app: FastAPI, form: str) -> None:
    text = exported(qa, format=form)
    for part in ("9161234567", "шестьдесят семь"):
        assert part not in text
    assert "***-**-67" in text
    root = browser(app)
    log_in(root, "root")
    whole = exported(root, format=form)
    assert "+79161234567" in whole
    assert "шестьдесят семь" in whole


def test_nothing_in_it_runs_in_a_spreadsheet(app: FastAPI) -> None:
    root = browser(app)
    log_in(root, "root")
    rows = list(csv.DictReader(io.StringIO(exported(root, format="csv").removeprefix("\ufeff")), delimiter=";"))
    assert rows[1]["text"].startswith("'=мой номер")


def test_words_filter_the_export_too(qa: TestClient) -> None:
    assert len(exported(qa, format="jsonl", words="терапевты").splitlines()) == 2
    assert len(exported(qa, format="jsonl", mark="misheard").splitlines()) == 1
    assert exported(qa, format="jsonl", mark="bad_prompt") == ""
    assert len(exported(qa, format="jsonl", phone="000").splitlines()) == 3  # who sees no phones cannot ask for them


def test_many_are_written_page_by_page(qa: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    monkeypatch.setattr("voicebot.records.browse.PAGE", 2)
    assert [json.loads(line)["id"] for line in exported(qa, format="jsonl").splitlines()] == list(IDS)


def test_only_those_who_may_take_files_away(app: FastAPI, qa: TestClient) -> None:
    for name in ("oper", "boss"):
        client = browser(app)
        log_in(client, name)
        headers = {**OURS, "x-csrf-token": token(client)}
        assert client.post("/dialogs/export", data={"format": "csv"}, headers=headers).status_code == 403, name
    assert qa.post("/dialogs/export", data={"format": "csv"}, headers=OURS).status_code == 403  # without our page's token
    headers = {**OURS, "x-csrf-token": token(qa)}
    assert qa.post("/dialogs/export", data={"format": "exe"}, headers=headers).status_code == 422
    statuses = [qa.post("/dialogs/export", data={"outcome": "none"}, headers=headers).status_code for _ in range(12)]
    assert (statuses[0], statuses[-1]) == (200, 429)
