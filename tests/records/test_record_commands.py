import csv
import io
import json
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.records.commands import app
from voicebot.records.dialogs import Dialog, Latency, Turn, Who, mask_phone, without_stress
from voicebot.records.store import RecordStore
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade

runner = CliRunner()
START = datetime(2026, 11, 22, 21, 30, tzinfo=UTC)  # past midnight in Moscow


@pytest.fixture
def booked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installation with one booked dialog; returns its ID."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEBOT_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("COLUMNS", "200")
    database = open_database(f"sqlite:///{tmp_path / 'var' / 'voicebot.db'}")
    upgrade(database)
    store = RecordStore(database, tmp_path / "spool", VirtualClock(start=START))
    name = dialog_id.new()
    store.open_dialog(Dialog(name, caller_phone="+79161234567", called="100", recording_path="2026/11/22/x.flac"))
    store.add_turn(name, Turn(1, Who.ROBOT, "Здр+авствуйте! Чем пом+очь?", played_text="Здр+авствуйте!", offset_start_ms=400))
    store.add_turn(
        name,
        Turn(
            2,
            Who.CALLER,
            "=к терапевту",
            offset_start_ms=63_250,
            alternatives=({"text": "=к терапевту", "confidence": 0.8}, {"text": "к терапевта", "confidence": 0.61}),
            confidence=0.8,
            intent="book",
            slots={"speciality": "therapist"},
            is_bargein=True,
        ),
    )
    latency = Latency(endpoint_ms=300, recognise_ms=40, think_ms=5, speak_ms=60, total_ms=405)
    store.add_turn(name, Turn(3, Who.ROBOT, "Когда?", latency_ms=latency))
    store.finish_dialog(name, "booked", handling_seconds=61.4, ended_at=START + timedelta(seconds=75))
    database.close()
    return name


def test_what_was_said_is_shown_while_the_store_of_recordings_is_away(booked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"endpoint": "http://127.0.0.1:9", "bucket": "b", "access_key": "k", "secret_key": "s"}.items():
        monkeypatch.setenv(f"VOICEBOT_RECORDINGS__STORE__{name.upper()}", value)
    result = runner.invoke(app, ["show", booked])
    assert result.exit_code == 0, result.output
    assert "cannot be reached" in result.output
    assert "Когда?" in result.output


def test_list_masks_phones_and_uses_the_clinics_zone(booked: str) -> None:
    result = runner.invoke(app, ["list"])
    assert result.exit_code == 0, result.output
    assert booked in result.output
    assert "2026-11-23 00:30:00" in result.output
    assert "1:15" in result.output
    assert "+7 916 ***-**-67" in result.output
    assert "+79161234567" not in result.output
    assert "+79161234567" in runner.invoke(app, ["list", "--full-phones"]).output


def test_list_filters_by_day_and_words(booked: str) -> None:
    assert booked in runner.invoke(app, ["list", "--since", "2026-11-23", "--until", "2026-11-23"]).output
    assert booked not in runner.invoke(app, ["list", "--until", "2026-11-22"]).output
    assert booked not in runner.invoke(app, ["list", "--since", "2026-11-23T00:31"]).output
    assert booked in runner.invoke(app, ["list", "--text", "Терапевту"]).output
    assert "No dialogs" in runner.invoke(app, ["list", "--text", "хирург"]).output
    assert runner.invoke(app, ["list", "--since", "вчера"]).exit_code == 2


def test_show_prints_a_transcript(booked: str) -> None:
    typed = f"{booked[:4].lower()}-{booked[4:].lower()}"  # as a person types it
    result = runner.invoke(app, ["show", typed])
    assert result.exit_code == 0, result.output
    lines = [line.rstrip() for line in result.output.splitlines()]
    assert "00:00.4  robot     Здравствуйте! Чем помочь?" in lines
    assert '                   interrupted; the caller heard: "Здравствуйте!"' in lines
    assert "01:03.2  caller    =к терапевту" in lines
    assert "                   spoke over the robot" in lines
    assert '                   confidence 0.80; or "к терапевта" 0.61' in lines
    assert "                   book speciality=therapist" in lines
    assert "                   answered after 405 ms = endpoint 300 + recognise 40 + think 5 + speak 60" in lines
    assert "Outcome: booked, handled in 61 s" in lines
    assert any(line.startswith("The recording is not in") for line in lines)


def test_show_tells_a_misread_id_from_an_unknown_one(booked: str) -> None:
    wrong = booked[:-1] + ("0" if booked[-1] != "0" else "1")
    assert "misread" in runner.invoke(app, ["show", wrong]).output
    unknown = next(name for name in iter(dialog_id.new, booked))
    result = runner.invoke(app, ["show", unknown])
    assert result.exit_code == 1
    assert "none with this ID" in result.output


def test_export_as_json_lines(booked: str, tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    assert runner.invoke(app, ["export", "--output", str(output)]).exit_code == 0
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    (line,) = output.read_text().splitlines()
    dialog = json.loads(line)
    assert dialog["id"] == booked
    assert dialog["started_at"] == "2026-11-22T21:30:00+00:00"
    assert dialog["turns"][2]["latency_ms"]["total_ms"] == 405
    assert dialog["turns"][1]["alternatives"][1]["text"] == "к терапевта"


def test_export_as_csv_is_safe_for_spreadsheets(booked: str) -> None:
    result = runner.invoke(app, ["export", "--format", "csv"])
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["who"] for row in rows] == ["robot", "caller", "robot"]
    assert rows[1]["text"] == "'=к терапевту"
    assert rows[1]["caller_phone"] == "+79161234567"
    assert rows[2]["total_ms"] == "405"
    assert {row["dialog_id"] for row in rows} == {booked}


def test_without_a_database_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEBOT_DATABASE__URL", f"sqlite:///{tmp_path / 'empty.db'}")
    result = runner.invoke(app, ["list"])
    assert result.exit_code == 1
    assert "voicebot serve" in result.output
    monkeypatch.setenv("VOICEBOT_DATABASE__URL", "mysql://x")
    assert runner.invoke(app, ["list"]).exit_code == 1


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("+79161234567", "+7 916 ***-**-67"),
        ("89161234567", "+7 916 ***-**-67"),
        ("", ""),
        ("anonymous", "***"),
        ("12345", "***45"),
    ],
)
def test_masking(phone: str, masked: str) -> None:
    assert mask_phone(phone) == masked


def test_stress_marks_are_taken_out_but_not_pluses() -> None:
    assert without_stress("Зап+ись на +7 916, Ёлка +ёж") == "Запись на +7 916, Ёлка ёж"
