"""deploy/asterisk on a real Asterisk: a call through the PBX to the robot, and from the robot to an operator's phone."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asterisk import Asterisk
from robot import Robot, running_robot, transcript
from sip_peers import Baresip, free_port, need_baresip, seconds_of, tone, wait_until
from speaking import Patient

pytestmark = [pytest.mark.call, pytest.mark.heavy, pytest.mark.timeout(400)]

_OPERATOR_HZ = 700.0
_ROBOT_HOST = "127.0.0.2"  # Asterisk knows its peers by their addresses


@contextmanager
def pbx(folder: Path, *, answers: bool = True, **transfer: Any) -> Iterator[tuple[Asterisk, Robot, Baresip]]:
    """Asterisk, a robot behind it and an operator's phone."""
    need_baresip()
    port = free_port()
    with (
        Baresip(folder, "200", says=tone(_OPERATOR_HZ, 60.0), answers=answers, limit_seconds=300) as phone,
        Asterisk(folder, f"{_ROBOT_HOST}:{port}", f"{phone.host}:{phone.port}") as asterisk,
    ):
        settings = {
            "sip": {"bind_host": _ROBOT_HOST, "port": port, "allow": ["127.0.0.1/32"]},
            "transfer": {"targets": {"operator": asterisk.target}, "ring_seconds": 10, **transfer},
        }
        with running_robot(folder, settings) as robot:
            wait_until(lambda: "Avail" in asterisk.console("pjsip show aor robot"), "Asterisk sees the robot by OPTIONS", 30)
            yield asterisk, robot, phone


def ids_in(text: str) -> set[str]:
    return set(re.findall(r"(?im)^X-Dialog-ID: *(\S+?)\s*$", text))


def hears_operator(patient: Patient) -> None:
    wait_until(lambda: seconds_of(patient.heard()[-16000:], _OPERATOR_HZ) > 0.5, "the patient hears the operator", 30)


@pytest.mark.parametrize("mode", ["consult", "bridge", "blind"])
def test_a_caller_reaches_an_operator_with_the_dialog_id(tmp_path: Path, mode: str) -> None:
    with pbx(tmp_path, mode=mode) as (asterisk, robot, phone), Patient(tmp_path) as patient:
        patient.dial(asterisk.uri)
        patient.wait_for("CALL_ESTABLISHED")
        patient.say("Соедините с оператором.")
        phone.wait_for("CALL_ESTABLISHED", 40)
        dialog = robot.dialogs()[0]
        assert dialog.caller_phone.endswith("9161234567")
        assert ids_in(phone.log) == {dialog.id}
        hears_operator(patient)
        if mode != "bridge":  # the PBX has joined them: the robot is out of it while they talk
            finished = robot.wait_finished(60)
            assert finished.outcome == "transferred", transcript(list(finished.turns))
            assert finished.transfer_result == "completed"
            assert not re.search(r"(?m)^PJSIP/robot-", asterisk.console("core show channels concise"))
            hears_operator(patient)
        patient.hang_up()
        phone.wait_for("CALL_CLOSED")
        assert robot.wait_finished(60).outcome == "transferred"


def test_while_the_robot_is_away_operators_answer(tmp_path: Path) -> None:
    with (
        Baresip(tmp_path, "200", says=tone(_OPERATOR_HZ, 60.0), answers=True, limit_seconds=120) as phone,
        Asterisk(tmp_path, f"{_ROBOT_HOST}:{free_port()}", f"{phone.host}:{phone.port}") as asterisk,
        Patient(tmp_path) as patient,
    ):
        patient.dial(asterisk.uri)
        phone.wait_for("CALL_ESTABLISHED", 60)
        hears_operator(patient)
        assert ids_in(phone.log) == set()


def test_after_a_blind_transfer_a_busy_operators_caller_comes_back_to_the_robot(tmp_path: Path) -> None:
    with pbx(tmp_path, answers=False, mode="blind") as (asterisk, robot, phone), Patient(tmp_path) as patient:
        patient.dial(asterisk.uri)
        patient.wait_for("CALL_ESTABLISHED")
        patient.say("Соедините с оператором.")
        phone.wait_for("CALL_INCOMING", 40)
        phone.hang_up()
        wait_until(lambda: len(robot.dialogs()) == 2, "the robot serves him again", 40)
        patient.hang_up()
