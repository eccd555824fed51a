"""The simulated patient against a real phone (baresip) on loopback."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from sip_peers import Baresip, free_port, level_at, seconds_of, tone, write_wav

from voicebot.errors import LineError
from voicebot.patient.report import Answered, Dialled, Finished, PatientEvent, PatientSpoke, RobotSpoke
from voicebot.patient.run import Patient, run_scenario
from voicebot.patient.scenario import PatientLine, Scenario, Step

pytestmark = pytest.mark.call

SILENCE = bytes(16_000)  # a second
ROBOT = SILENCE + tone(500, 1.0) + SILENCE * 6 + tone(500, 1.0) + SILENCE * 30


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_wav(tmp_path / "word.wav", tone(900, 0.6))
    return tmp_path


def scenario(*steps: Step, **settings: object) -> Scenario:
    values = {"turn_end_ms": 500, "reply_delay_ms": 0, "stay_seconds": 1, "timeout_seconds": 8, **settings}
    return Scenario(name="test", steps=steps, **values)  # type: ignore[arg-type]


def test_a_patient_speaks_in_turn_and_measures_the_answer(folder: Path, tmp_path: Path) -> None:
    events: list[PatientEvent] = []
    with Baresip(tmp_path, "robot", says=ROBOT, answers=True) as robot:
        report = run_scenario(
            scenario(Step(play=Path("word.wav")), Step(wait="robot_silence")),
            robot.uri,
            recording=tmp_path / "call.wav",
            folder=folder,
            on_event=events.append,
        )
        robot.wait_for("CALL_CLOSED")
        heard = robot.heard()
        assert report.sip_call_id in robot.log
        assert "+79161234567" in robot.log
    assert report.ended_by == "patient"
    assert report.is_complete
    assert [type(event) for event in events] == [Dialled, Answered, RobotSpoke, PatientSpoke, RobotSpoke, Finished]
    assert seconds_of(heard, 900) == pytest.approx(0.6, abs=0.1)

    (said,) = report.said
    first, second = report.robot
    assert said.action == "play"
    assert first.duration_ms == pytest.approx(1000, abs=60)
    assert 500 <= said.start_ms - first.end_ms <= 700, "after half a second of silence"
    assert report.latencies_ms == [second.start_ms - said.end_ms]
    # What was measured is what a second look at the recording finds: the tones are where the report says.
    stereo, rate = soundfile.read(tmp_path / "call.wav", dtype="int16")
    assert rate == 8000
    own = stereo[said.start_ms * 8 : said.end_ms * 8, 0]
    assert level_at(own.tobytes(), 900) > 7000
    assert level_at(stereo[second.start_ms * 8 : second.end_ms * 8, 1].tobytes(), 500) > 7000
    assert not stereo[said.end_ms * 8 + 160 : second.start_ms * 8, 0].any()


def test_interrupting_keys_and_hanging_up(folder: Path, tmp_path: Path) -> None:
    says = SILENCE + tone(500, 20.0)
    with Baresip(tmp_path, "robot", says=says, answers=True) as robot:
        report = run_scenario(
            scenario(
                Step(play=Path("word.wav"), when="robot_speaks", after_ms=700),  # type: ignore[arg-type]
                Step(digits="42#", when="now"),  # type: ignore[arg-type]
                Step(hang_up=True, when="now"),  # type: ignore[arg-type]
            ),
            robot.uri,
            folder=folder,
        )
        robot.wait_for("CALL_CLOSED")
        keys = [e["param"] for e in robot.events if e.get("type") == "CALL_DTMF_START"]
    assert keys == ["4", "2", "#"]
    assert report.ended_by == "patient"
    assert (report.steps_done, report.steps_total) == (3, 3)
    assert report.said[0].start_ms - report.robot[0].start_ms == pytest.approx(720, abs=40)
    (barge_in,) = report.barge_ins
    assert barge_in.stop_ms is None, "this robot does not stop"
    assert report.recording == ""


def test_echo_and_noise_are_on_the_wire(folder: Path, tmp_path: Path) -> None:
    line = PatientLine(noise="white", snr_db=20, echo_db=-10, echo_delay_ms=100)
    with Baresip(tmp_path, "robot", says=ROBOT, answers=True) as robot:
        report = run_scenario(
            scenario(Step(wait="robot_silence"), stay_seconds=0, line=line), robot.uri, recording=tmp_path / "call.wav"
        )
        robot.wait_for("CALL_CLOSED")
        heard = robot.heard()
    assert seconds_of(heard, 500, threshold=1200) == pytest.approx(1.0, abs=0.15), "its own tone comes back"
    stereo, _ = soundfile.read(tmp_path / "call.wav", dtype="int16")
    start = report.robot[0].start_ms * 8
    before = stereo[start - 4000 : start, 0].astype(np.float64)
    assert 20 * np.log10(np.sqrt(np.mean(before**2)) / 32768) == pytest.approx(-40, abs=1)
    back = stereo[start : start + 8000 + 1600, 0].tobytes()
    assert seconds_of(back, 500, threshold=1200) == pytest.approx(1.0, abs=0.1)


def test_the_robot_hangs_up(folder: Path, tmp_path: Path) -> None:
    with Baresip(tmp_path, "robot", says=ROBOT, answers=True) as robot:

        def hang_up(event: PatientEvent) -> None:
            if isinstance(event, PatientSpoke):
                robot.hang_up()

        report = run_scenario(
            scenario(Step(play=Path("word.wav")), Step(play=Path("word.wav"))), robot.uri, folder=folder, on_event=hang_up
        )
    assert report.ended_by == "robot"
    assert (report.steps_done, report.is_complete) == (1, False)


def test_dead_air_is_a_timeout(folder: Path, tmp_path: Path) -> None:
    with Baresip(tmp_path, "robot", says=SILENCE * 30, answers=True) as robot:
        report = run_scenario(scenario(Step(play=Path("word.wav")), timeout_seconds=1.5), robot.uri, folder=folder)
    assert (report.ended_by, report.steps_done, report.robot) == ("timeout", 0, [])
    assert 1500 <= report.duration_ms <= 2500


def test_a_refused_call(folder: Path, tmp_path: Path) -> None:
    with Baresip(tmp_path, "robot") as robot:
        patient = Patient(scenario(Step(wait=1.0)), robot.uri)
        try:
            for event in patient.events():
                if isinstance(event, Dialled):
                    robot.wait_for("CALL_INCOMING")
                    robot.hang_up()
        finally:
            patient.close()
    assert patient.report is not None
    assert patient.report.ended_by == "refused"
    assert patient.report.sip_status in (486, 603)
    assert patient.report.answered_after_ms is None


def test_interrupting_the_patient_ends_the_call_in_order(folder: Path, tmp_path: Path) -> None:
    with Baresip(tmp_path, "robot", says=ROBOT, answers=True) as robot:
        patient = Patient(scenario(Step(wait=60.0)), robot.uri)
        try:
            for event in patient.events():
                if isinstance(event, RobotSpoke):
                    patient.hang_up()
        finally:
            patient.close()
        robot.wait_for("CALL_CLOSED")
    assert patient.report is not None
    assert patient.report.ended_by == "interrupted"


def test_nobody_listens(tmp_path: Path) -> None:
    report = run_scenario(scenario(Step(wait=1.0)), f"sip:100@127.0.0.1:{free_port()};transport=tcp")
    assert report.ended_by == "refused"
    assert report.sip_status in (408, 502, 503)


def test_our_own_errors_come_out_with_their_cure(tmp_path: Path) -> None:
    with pytest.raises(LineError, match="no sound file"):
        run_scenario(scenario(Step(play=Path("none.wav"))), "sip:100@127.0.0.1:5999", folder=tmp_path)


def test_two_patients_call_at_the_same_time(folder: Path, tmp_path: Path) -> None:
    reports = []
    with (
        Baresip(tmp_path, "first", says=ROBOT, answers=True) as first,
        Baresip(tmp_path, "second", says=ROBOT, answers=True) as second,
    ):

        def call(uri: str) -> None:
            reports.append(run_scenario(scenario(Step(play=Path("word.wav"))), uri, folder=folder))

        threads = [threading.Thread(target=call, args=(robot.uri,)) for robot in (first, second)]
        for thread in threads:
            thread.start()
            time.sleep(0.1)
        for thread in threads:
            thread.join()
    assert [report.is_complete for report in reports] == [True, True]
