"""QA's pages: found, read, heard, marked; nothing leaks to a role or through a caller's words."""

import io
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from desk_browser import OURS, PAGE, actions, browser, log_in, token
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pyrage.x25519 import Identity

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.records.dialogs import Dialog, HeardAs, Turn, Who
from voicebot.records.digest import Digester
from voicebot.records.marks import Kind, Marks
from voicebot.records.recorder import Recorder
from voicebot.records.recordings import Recordings
from voicebot.settings import Settings

EVIL = "<script>alert('x')</script>"


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


def search(client: TestClient, **fields: str) -> str:
    """Fill the filter's form; return the list."""
    answer = client.post("/dialogs", data={"csrf": token(client), **fields}, headers=OURS)
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["location"], headers=PAGE).text


def test_a_dialog_is_found_by_its_words_and_opened(qa: TestClient, called: str, app: FastAPI) -> None:
    assert called in search(qa, words="врача", page="1")
    assert called not in search(qa, words="стоматолог")
    assert called in search(qa, outcome="booked", by="caller", channel="")
    assert called not in search(qa, outcome="lost")
    for query in (
        "?outcome=booked&since=2026-11-23&until=2026-11-23",
        "?confidence=0.5",
        "?seconds_from=60",
        "",
    ):
        assert called in qa.get("/dialogs" + query, headers=PAGE).text, query
    for query in ("?outcome=lost", "?since=2026-11-24", "?seconds_to=60", "?marked=true", "?page=2"):
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
    for text in (qa.get(f"/dialogs/{called}", headers=PAGE).text, search(qa, words="script"), search(qa, words=EVIL)):
        assert EVIL not in text
        assert "alert(" not in re.sub(r"&#39;|&lt;script&gt;alert\(", "", text)


def test_phones_are_masked_for_those_who_do_not_need_them(qa: TestClient, called: str, app: FastAPI) -> None:
    for path in ("/dialogs", f"/dialogs/{called}"):
        text = qa.get(path, headers=PAGE).text
        assert "9161234567" not in text
        assert "***-**-67" in text
    assert called in search(qa, phone="000")  # nor can they be found out by searching
    root = browser(app)
    log_in(root, "root")
    assert "+79161234567" in root.get(f"/dialogs/{called}", headers=PAGE).text
    assert called not in search(root, phone="000")
    assert called in search(root, phone="916123")


def test_what_is_searched_for_stands_in_no_address(qa: TestClient, called: str, app: FastAPI) -> None:
    for query in ("?words=Смирнова", "?phone=9161234567"):
        assert qa.get("/dialogs" + query, headers=PAGE).status_code == 400
    answer = qa.post("/dialogs", data={"csrf": token(qa), "words": "врача", "outcome": "booked"}, headers=OURS)
    where = answer.headers["location"]
    assert re.fullmatch(r"/dialogs\?find=[\w-]{12}", where)
    assert actions(app)[0] == "searched"
    text = qa.get(where, headers=PAGE).text
    assert called in text
    assert 'value="врача"' in text
    assert called not in qa.get(where + "&page=2", headers=PAGE).text
    root = browser(app)
    log_in(root, "root")
    assert "уже забыт" in root.get(where, headers=PAGE).text  # another's search is nobody's
    assert "врача" not in re.sub(r'placeholder="[^"]*"', "", root.get(where, headers=PAGE).text).replace("к врача", "")
    assert qa.post("/dialogs", data={"words": "врача"}, headers=OURS).status_code == 403


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


def test_no_way_of_asking_for_the_sound_goes_unnoticed(qa: TestClient, called: str, app: FastAPI) -> None:
    assert qa.get(f"/dialogs/{called}/sound", headers={"range": "bytes=1-"}).status_code == 206
    assert actions(app)[0] == "recording_played"
    qa.get(f"/dialogs/{called}/sound", headers={"range": "bytes=9-99"})
    assert actions(app).count("recording_played") == 1  # one hearing, many pieces
    answer = qa.get(f"/dialogs/{called}/sound?download=true")
    assert answer.headers["content-disposition"] == f'attachment; filename="{called}.flac"'
    assert actions(app)[0] == "recording_downloaded"


def test_a_sealed_recording_is_played_from_any_point_and_says_when_its_key_is_missing(
    qa: TestClient, called: str, app: FastAPI, tmp_path: Path
) -> None:
    identity = Identity.generate()
    key_file = tmp_path / "medium.key"
    key_file.write_text(str(identity))
    desk = app.state.desk
    path = tmp_path / "recordings" / desk.records.get(called).recording_path
    path.unlink()
    recorder = Recorder(path.with_suffix(".flac.sealed"), 0, recipients=[identity.to_public()])
    sound = np.random.default_rng(3).integers(-5000, 5000, (32_000, 2)).astype("<i2")
    for start in range(0, len(sound), 160):
        recorder.write(sound[start : start + 160, 0].tobytes(), sound[start : start + 160, 1].tobytes())
    recorder.close()

    assert "Запись зашифрована" in qa.get(f"/dialogs/{called}", headers=PAGE).text
    assert qa.get(f"/dialogs/{called}/sound").status_code == 503
    assert actions(app)[0] == "recording_locked"

    app.state.desk = replace(desk, recordings=Recordings(Settings(data_dir=tmp_path, recordings={"key_file": key_file})))
    assert 'id="player"' in qa.get(f"/dialogs/{called}", headers=PAGE).text
    whole = qa.get(f"/dialogs/{called}/sound").content
    heard, _ = soundfile.read(io.BytesIO(whole), dtype="int16")
    np.testing.assert_array_equal(heard, sound)
    for asked, first, last in (
        ("0-", 0, len(whole) - 1),
        ("5000-5999", 5000, 5999),
        ("-100", len(whole) - 100, len(whole) - 1),
    ):
        part = qa.get(f"/dialogs/{called}/sound", headers={"range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, whole[first : last + 1])
        assert part.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"
    for asked in (f"{len(whole)}-", "9-2", "-0"):
        assert qa.get(f"/dialogs/{called}/sound", headers={"range": f"bytes={asked}"}).status_code == 416
    for asked in ("bytes=0-1,5-6", "bytes=-", "lines=1-2", "bytes=a-b"):
        assert qa.get(f"/dialogs/{called}/sound", headers={"range": asked}).content == whole


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
