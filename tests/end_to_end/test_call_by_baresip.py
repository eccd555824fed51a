"""`voicebot serve` and a real softphone: a patient books by voice."""

from pathlib import Path

import httpx
import pytest
import soundfile
from robot import running_robot, transcript
from sip_peers import need_baresip
from speaking import Patient

from voicebot.records.dialogs import Who

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(300)]

ANSWERS = {
    "Я правильно поняла": "Да.",
    "request.wish": "Запишите меня к терапевту.",
    "booking.when": "Завтра утром.",
    "booking.choice": "Первый.",
    "booking.patient": "Смирнова Анна.",
    "booking.confirm": "Да, всё верно.",
    "more.more": "Нет, спасибо.",
}


def test_a_patient_books_by_voice(tmp_path: Path) -> None:
    need_baresip()
    with running_robot(tmp_path) as robot, Patient(tmp_path) as patient:
        patient.dial(robot.uri)
        patient.wait_for("CALL_ESTABLISHED")
        dialog = patient.converse(robot, ANSWERS)
        turns = list(dialog.turns)
        story = transcript(turns)

        assert dialog.outcome == "booked", story
        (appointment,) = robot.appointments()
        assert appointment["status"] == "booked", story
        assert appointment["dialog_id"] == dialog.id
        assert dialog.caller_phone == "+79161234567"

        caller = [turn.text for turn in turns if turn.who is Who.CALLER]
        assert "терапевту" in caller[0], story
        assert any("смирнова" in text for text in caller), story
        robot_turns = [turn for turn in turns if turn.who is Who.ROBOT]
        assert all(turn.played_text for turn in robot_turns), story
        assert robot_turns[0].text.startswith("Здравствуйте! Клиника «Добрый доктор»")
        assert any(turn.latency_ms.get("total_ms") for turn in robot_turns)

        recording = robot.data_dir / "recordings" / dialog.recording_path
        sound, rate_hz = soundfile.read(str(recording), dtype="int16")
        assert rate_hz == 8000
        assert sound.shape[1] == 2
        assert abs(len(sound) / rate_hz - (dialog.handling_seconds or 0)) < 0.5
        assert abs(sound[:, 0]).max() > 2000  # the patient
        assert abs(sound[:, 1]).max() > 2000  # the robot

        health = httpx.get(f"http://127.0.0.1:{robot.http_port}/health", timeout=5).json()
        assert health["status"] == "ok"
        assert "rhvoice" in health["processes"]["brain-1"]["voice"]
        assert "vosk-embedded-ru" in health["processes"]["brain-1"]["recogniser"]
        nothing_personal_in(robot.log)


def nothing_personal_in(log: str) -> None:
    """Neither what was said, nor who, nor from which number."""
    for personal in ("смирнова", "анна", "терапевт", "завтра", "9161234567"):
        assert personal not in log.lower(), personal
