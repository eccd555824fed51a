"""Reaching a human: asked for, out of time, operator busy, brain killed. Real softphones, the whole robot."""

import re
import time
from pathlib import Path

import pytest
from robot import Robot, running_robot, transcript
from sip_peers import Baresip, need_baresip, seconds_of, tone, wait_until
from speaking import Patient

from voicebot.records.dialogs import Who

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(300)]

_OPERATOR_HZ = 700.0


def operator(folder: Path, *, answers: bool) -> Baresip:
    need_baresip()
    return Baresip(folder, "200", says=tone(_OPERATOR_HZ, 60.0), answers=answers, limit_seconds=200)


def invite_id(phone: Baresip) -> str:
    """The dialog ID in the INVITE that the operator's phone got."""
    found = wait_until(
        lambda: re.search(r"^X-Dialog-ID: *(\S+)", phone.log, re.MULTILINE | re.IGNORECASE), "an INVITE with the ID"
    )
    assert found is not None
    return found.group(1)


def hears_operator(patient: Patient) -> None:
    wait_until(lambda: seconds_of(patient.heard()[-16000:], _OPERATOR_HZ) > 0.5, "the patient hears the operator", 20)


def with_operator(phone: Baresip, **sections: dict[str, object]) -> dict[str, dict[str, object]]:
    return {"transfer": {"targets": {"operator": phone.uri}, "ring_seconds": 6}, **sections}


def test_a_caller_who_asks_for_a_human_gets_one_with_the_dialog_id(tmp_path: Path) -> None:
    with (
        operator(tmp_path, answers=True) as human,
        running_robot(tmp_path, with_operator(human)) as robot,
        Patient(tmp_path) as patient,
    ):
        patient.dial(robot.uri)
        patient.wait_for("CALL_ESTABLISHED")
        patient.say("Соедините с оператором.")
        human.wait_for("CALL_ESTABLISHED")
        assert invite_id(human) == robot.dialogs()[0].id
        hears_operator(patient)
        dialog = robot.wait_finished()
        assert dialog.outcome == "transferred", transcript(list(dialog.turns))
        assert dialog.transfer_result in ("completed", "bridged")
        hand_off = next(turn for turn in dialog.turns if "Соединяю" in turn.text)
        assert hand_off.played_text == hand_off.text  # the spoken hand-off was not cut


def test_a_busy_operator_sends_the_robot_back_to_the_caller(tmp_path: Path) -> None:
    with (
        operator(tmp_path, answers=False) as human,
        running_robot(tmp_path, with_operator(human)) as robot,
        Patient(tmp_path) as patient,
    ):
        patient.dial(robot.uri)
        patient.wait_for("CALL_ESTABLISHED")
        patient.say("Соедините с оператором.")
        human.wait_for("CALL_INCOMING")
        human.hang_up()  # declines
        patient.wait_robot()
        patient.say("Перезвоните мне.")
        dialog = robot.wait_finished(40)
        story = transcript(list(dialog.turns))
        assert dialog.outcome == "callback", story
        assert dialog.transfer_result in ("busy", "declined"), story
        said = " ".join(turn.text for turn in dialog.turns if turn.who is Who.ROBOT)
        assert "перезвон" in said.lower(), story


def test_a_killed_brain_is_an_apology_and_an_operator(tmp_path: Path) -> None:
    with operator(tmp_path, answers=True) as human, running_robot(tmp_path, with_operator(human)) as robot:
        with Patient(tmp_path) as patient:
            patient.dial(robot.uri)
            patient.wait_for("CALL_ESTABLISHED")
            patient.wait_robot()  # the greeting is over: what follows is the apology
            dialog_id = robot.dialogs()[0].id
            before = len(patient.heard())
            robot.kill("brain-1")
            killed_at = time.monotonic()
            wait_until(lambda: patient.loud_until() > before, "the apology", 5)
            assert time.monotonic() - killed_at < 2.0
            assert invite_id(human) == dialog_id
            human.wait_for("CALL_ESTABLISHED")
            hears_operator(patient)
        robot.wait_ready()  # and the supervisor has started another brain,
        wait_until(lambda: robot.dialog(dialog_id).outcome, "the orphan's outcome")  # which stores how that call ended
        orphan = robot.dialog(dialog_id)
        assert (orphan.outcome, orphan.reason) == ("transferred", "brain_died")
        _books_nothing_but_answers(robot, tmp_path)


def _books_nothing_but_answers(robot: Robot, folder: Path) -> None:
    with Patient(folder, "+79160000001") as patient:
        patient.dial(robot.uri)
        patient.wait_for("CALL_ESTABLISHED")
        patient.wait_robot()


def test_a_request_that_takes_too_long_reaches_a_human_in_time(tmp_path: Path) -> None:
    budget_seconds = 35.0
    with operator(tmp_path, answers=True) as human:
        settings = with_operator(human, dialog={"folder": str(_demo()), "budget_seconds": budget_seconds})
        with running_robot(tmp_path, settings) as robot, Patient(tmp_path) as patient:
            patient.dial(robot.uri)
            patient.wait_for("CALL_ESTABLISHED")
            patient.say("Запишите меня к терапевту.")
            patient.wait_robot()
            human.wait_for("CALL_ESTABLISHED", 60)
            dialog = robot.wait_finished()
            story = transcript(list(dialog.turns))
            assert dialog.outcome == "transferred", story
            assert dialog.reason in ("budget", "noinput"), story
            hand_over = next(t for t in dialog.turns if t.who is Who.SYSTEM and t.text.startswith("transfer"))
            assert hand_over.at is not None
            assert dialog.started_at is not None
            assert (hand_over.at - dialog.started_at).total_seconds() <= budget_seconds + 2, story


def _demo() -> Path:
    return Path(__file__).parents[2] / "dialplans" / "demo"
