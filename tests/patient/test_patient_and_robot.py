"""The simulated patient against the whole robot: it does not let the robot finish, and still gets its appointment."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from robot import ROOT, running_robot

from voicebot.clinic.catalogue import load_catalogue
from voicebot.patient.booked import appointments_of_dialog
from voicebot.patient.run import run_scenario
from voicebot.patient.scenario import load_scenario
from voicebot.records.dialogs import DialogFilter, Who
from voicebot.settings import Settings
from voicebot.storage.database import open_database
from voicebot.supplies.rhvoice import find_rhvoice

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_patient_who_interrupts_books(tmp_path: Path) -> None:
    if find_rhvoice(Settings().cache) is None:
        pytest.skip("RHVoice is not in the cache (voicebot supplies voice): nobody understands espeak over a telephone")
    scenario = load_scenario(ROOT / "dialplans" / "demo" / "patients" / "bargein.yaml")
    with running_robot(tmp_path) as robot:
        report = run_scenario(scenario, robot.uri, recording=tmp_path / "patient.wav")
        robot.wait_finished()
        (head,) = robot.store.find(DialogFilter(sip_call_id=report.sip_call_id))
        dialog = robot.dialog(head.id)
        database = open_database(f"sqlite:///{robot.database_file}")
        booked = appointments_of_dialog(database, load_catalogue(ROOT / "dialplans" / "demo" / "clinic"), dialog.id)
        database.close()
        recorded, _ = soundfile.read(robot.data_dir / "recordings" / dialog.recording_path, dtype="int16")

    assert report.is_complete, report
    assert report.ended_by == "robot"
    assert dialog.outcome == "booked"
    assert dialog.caller_phone == scenario.caller
    (line,) = booked
    assert "Сидорова Мария, +79161234569 (booked)" in line

    # Everything the patient said was answered, and the robot fell silent under each interruption.
    assert len(report.latencies_ms) == len(report.responses) == len(scenario.steps)
    assert len(report.barge_in_stops_ms) == len(report.barge_ins) == 3

    cut = [turn for turn in dialog.turns if turn.who is Who.ROBOT and turn.was_cut and turn.played_text]
    assert len(cut) >= 3
    assert all(turn.text.startswith((turn.played_text or "").strip()) for turn in cut)

    # Both ends recorded the same call: the robot's right channel is what the patient heard, shifted by the network's delay.
    heard, _ = soundfile.read(tmp_path / "patient.wav", dtype="int16")
    for side in (0, 1):
        assert _correlation(recorded[:, side], heard[:, side]) > 0.95


def _correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Return the best correlation of two tracks' loudness (10 ms) over shifts of up to half a second."""
    levels = []
    for track in (first, second):
        blocks = track[: len(track) // 80 * 80].reshape(-1, 80).astype(np.float64)
        levels.append(np.sqrt((blocks**2).mean(axis=1)))
    count = min(len(levels[0]), len(levels[1])) - 100
    middle = levels[0][50 : 50 + count]
    return max(float(np.corrcoef(middle, levels[1][shift : shift + count])[0, 1]) for shift in range(101))
