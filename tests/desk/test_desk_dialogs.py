"""QA's pages: found, read, heard, marked; nothing leaks to a role or through a caller's words."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from desk_browser import OURS, PAGE, actions, browser, desk_app, log_in, token
from fastapi import FastAPI
from fastapi.testclient import TestClient

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.records.dialogs import Dialog, HeardAs, Turn, Who
from voicebot.records.digest import Digester
from voicebot.records.marks import Kind, Marks

EVIL = "<script>alert('x')</script>"


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def app(tmp_path: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    with desk_app(tmp_path, clock, monkeypatch) as app:
        yield app


@pytest.fixture
def called(app: FastAPI, clock: VirtualClock, tmp_path: Path) -> str:
    """A finished call with a recording; returns its ID."""
    desk = app.state.desk
    one = dialog_id.new()
    desk.records.open_dialog(
        Dialog(id=one, caller_phone="+79161234567", dialplan="demo", recording_path=f"2026/11/23/{one}.flac")
    )
    robot = Turn(1, Who.ROBOT, "Чем могу помочь?", prompt="request.wish", offset_start_ms=500, offset_end_ms=1500,
                 played_text="Чем могу", latency_ms={"total_ms": 480, "think_ms": 5})  # fmt: skip
    alternatives: list[HeardAs] = [
        {"text": "запишите", "confidence": 0.4, "source": "open"},
        {"text": EVIL, "confidence": 0.1, "source": "grammar"},
    ]
    caller = Turn(2, Who.CALLER, f"запишите к врачу {EVIL}", offset_start_ms=2000, offset_end_ms=3000, confidence=0.4,
                  intent="book", slots={"speciality": EVIL}, alternatives=alternatives)  # fmt: skip
    for turn in (robot, caller, Turn(3, Who.SYSTEM, "transfer ringing"), Turn(4, Who.CALLER, digits="12", intent="keys")):
        desk.records.add_turn(one, turn)
    desk.records.finish_dialog(one, "booked", handling_seconds=65.0, summary={"пациент": EVIL})
    file = tmp_path / "recordings" / "2026/11/23" / f"{one}.flac"
    file.parent.mkdir(parents=True)
    soundfile.write(file, np.zeros((8000, 2), dtype=np.int16), 8000)
    Digester(desk.database, clock, desk.settings.zoneinfo).run()
    return one


@pytest.fixture
def qa(app: FastAPI) -> TestClient:
    client = browser(app)
    assert log_in(client, "qa") == 303
    return client


def test_a_dialog_is_found_by_its_words_and_opened(qa: TestClient, called: str, app: FastAPI) -> None:
    for query in (
        "?words=врача",
        "?outcome=booked&since=2026-11-23&until=2026-11-23",
        "?confidence=0.5",
        "?seconds_from=60",
        "",
    ):
        assert called in qa.get("/dialogs" + query, headers=PAGE).text, query
    for query in ("?words=стоматолог", "?outcome=lost", "?since=2026-11-24", "?seconds_to=60", "?marked=true", "?page=2"):
        assert called not in qa.get("/dialogs" + query, headers=PAGE).text, query
    text = qa.get(f"/dialogs/{called}", headers=PAGE).text
    for part in (
        "Чем могу помочь?",
        "ответил за 480 мс",
        "уверенность 40 %",
        "нажал 12",
        "прозвучало: Чем могу",
        "записан",
        "1:05",
    ):
        assert part in text, part
    assert actions(app)[0] == "dialog_opened"
    assert qa.get("/dialogs?page=0", headers=PAGE).status_code == 422
    assert qa.get("/dialogs?since=never", headers=PAGE).status_code == 422


def test_an_id_may_be_typed_as_it_is_heard(qa: TestClient, called: str) -> None:
    spelled = f"{called[:4].lower()} {called[4:]}"
    assert qa.get(f"/dialogs/{spelled}", headers=PAGE).status_code == 200


def test_what_a_caller_says_is_never_html(qa: TestClient, called: str) -> None:
    for path in (f"/dialogs/{called}", "/dialogs?words=script", f"/dialogs?words={EVIL}"):
        text = qa.get(path, headers=PAGE).text
        assert EVIL not in text, path
        assert "alert(" not in re.sub(r"&#39;|&lt;script&gt;alert\(", "", text), path


def test_phones_are_masked_for_those_who_do_not_need_them(qa: TestClient, called: str, app: FastAPI) -> None:
    for path in ("/dialogs", f"/dialogs/{called}"):
        text = qa.get(path, headers=PAGE).text
        assert "9161234567" not in text
        assert "***-**-67" in text
    assert called in qa.get("/dialogs?phone=000", headers=PAGE).text  # nor can they be found out by searching
    root = browser(app)
    log_in(root, "root")
    assert "+79161234567" in root.get(f"/dialogs/{called}", headers=PAGE).text
    assert called not in root.get("/dialogs?phone=000", headers=PAGE).text
    assert called in root.get("/dialogs?phone=916123", headers=PAGE).text


def test_the_recording_is_played_by_those_who_may(qa: TestClient, called: str, app: FastAPI) -> None:
    answer = qa.get(f"/dialogs/{called}/sound")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/flac")
    assert answer.content[:4] == b"fLaC"
    part = qa.get(f"/dialogs/{called}/sound", headers={"range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"fLaC")
    assert "recording_played" in actions(app)
    for name in ("oper", "boss"):
        other = browser(app)
        log_in(other, name)
        assert other.get(f"/dialogs/{called}/sound").status_code == 403
        assert other.get(f"/dialogs/{called}", headers=PAGE).status_code == 403
    assert browser(app).get(f"/dialogs/{called}/sound").status_code == 401


@pytest.mark.parametrize("path", ["../../secret.txt", "/etc/hostname", "2026/../../secret.txt", "missing.flac", "."])
def test_a_recording_lies_in_its_folder_or_is_none(qa: TestClient, app: FastAPI, tmp_path: Path, path: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    one = dialog_id.new()
    app.state.desk.records.open_dialog(Dialog(id=one, recording_path=path))
    assert qa.get(f"/dialogs/{one}/sound").status_code == 404


def test_ids_cannot_be_guessed_in_bulk(qa: TestClient, app: FastAPI, called: str) -> None:
    statuses = [qa.get(f"/dialogs/{dialog_id.new()}", headers=PAGE).status_code for _ in range(14)]
    assert statuses[:10] == [404] * 10
    assert set(statuses[10:]) == {429}
    assert qa.get(f"/dialogs/{called}", headers=PAGE).status_code == 429
    assert actions(app).count("unknown_dialog") == 10
    assert "guessing_throttled" in actions(app)


def test_a_turn_is_marked_and_the_mark_taken_back(qa: TestClient, called: str, app: FastAPI, clock: VirtualClock) -> None:
    path = f"/dialogs/{called}/turns/2/mark"
    headers = {**OURS, "x-csrf-token": token(qa)}
    answer = qa.post(path, data={"kind": "misheard", "right_text": "запишите к врачам", "note": EVIL}, headers=headers)
    assert answer.status_code == 200
    assert "ослышался: запишите к врачам" in answer.text
    assert EVIL not in answer.text
    marks = Marks(app.state.desk.database, clock)
    assert marks.of_dialog(called)[2].kind is Kind.MISHEARD
    assert marks.of_dialog(called)[2].author == "qa"
    assert called in qa.get("/dialogs?marked=true", headers=PAGE).text
    assert qa.post(path, data={"kind": ""}, headers=headers).status_code == 200
    assert marks.of_dialog(called) == {}
    assert qa.post(path, data={"kind": "nonsense"}, headers=headers).status_code == 404
    assert qa.post(f"/dialogs/{called}/turns/77/mark", data={"kind": "fine"}, headers=headers).status_code == 404
    assert qa.post(path, data={"kind": "fine"}, headers=OURS).status_code == 403  # without the page's own token
