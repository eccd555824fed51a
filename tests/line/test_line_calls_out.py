"""Line calls real phones on loopback: whoever answers is a call like any other; whoever does not is told why."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from line_brain import APOLOGY_HZ, PATIENT_HZ, ROBOT_HZ, Brain
from sip_peers import Baresip, LineProcess, Sipp, free_port, level_at, running_line, sipp_reply, tone, wait_until

from voicebot.link.messages import CallEnded, CallStarted, Dial, Dialing, DialState, EndedBy, Hangup

pytestmark = pytest.mark.call

PHONE = "+79161234567"
ID = "4341AM8A"


@contextmanager
def line_with_brain(tmp_path: Path, port: int, **calls: Any) -> Iterator[tuple[LineProcess, Brain]]:
    settings = {"calls": {"target": f"sip:{{phone}}@127.0.0.1:{port}", **calls}}
    with running_line(tmp_path, settings) as line, Brain(line.socket) as brain:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        yield line, brain


def dial(brain: Brain, order: int = 7, phone: str = PHONE) -> None:
    brain.send(Dial(order=order, phone=phone, dialog_id=ID))


def final(brain: Brain, seconds: float = 10) -> Dialing:
    """The end of an attempt."""
    wait_until(lambda: any(news.state.is_final for news in brain.all(Dialing)), "a result", seconds)
    return next(news for news in brain.all(Dialing) if news.state.is_final)


def test_a_patient_answers_and_both_are_heard(tmp_path: Path) -> None:
    headers = {"X-Label": "reminder"}
    with Baresip(tmp_path, PHONE, says=tone(PATIENT_HZ, 30), answers=True) as patient:
        settings: dict[str, Any] = {"headers": headers, "caller_id": "+74950000000"}
        with line_with_brain(tmp_path, patient.port, **settings) as (line, brain):
            dial(brain)
            started = brain.wait(CallStarted)
            assert (started.order, started.caller, started.called) == (7, PHONE, "+74950000000")
            assert started.dialog_id == ID
            patient.wait_for("CALL_ESTABLISHED")
            for text in ("X-Label: reminder", f"X-Dialog-ID: {ID}", "From: <sip:+74950000000@"):
                assert text in patient.log, text
            wait_until(
                lambda: level_at(brain.caller_sound(started.call_id)[-16000:], PATIENT_HZ) > 2000, "the patient is heard"
            )
            brain.say(started.call_id, 1, tone(ROBOT_HZ, 1.0))
            wait_until(lambda: level_at(patient.heard()[-16000:], ROBOT_HZ) > 1000, "the robot is heard")
            line.wait_calls(1)
            brain.send(Hangup(call_id=started.call_id))
            assert brain.wait(CallEnded).ended_by is EndedBy.ROBOT
            line.wait_calls(0)
        assert PHONE.lstrip("+") not in line.log


def test_a_patient_hangs_up(tmp_path: Path) -> None:
    with (
        Baresip(tmp_path, PHONE, answers=True) as patient,
        line_with_brain(tmp_path, patient.port) as (_, brain),
    ):
        dial(brain)
        brain.wait(CallStarted)
        patient.wait_for("CALL_ESTABLISHED")
        patient.hang_up()
        assert brain.wait(CallEnded).ended_by is EndedBy.CALLER


@pytest.mark.parametrize(
    ("status", "state"),
    [("486 Busy Here", DialState.BUSY), ("603 Decline", DialState.DECLINED), ("404 Not Found", DialState.WRONG_NUMBER)],
)
def test_a_refusal_comes_back_typed(tmp_path: Path, status: str, state: DialState) -> None:
    port = free_port()
    scenario = '<recv request="INVITE"/>' + sipp_reply("100 Trying") + sipp_reply(status) + '<recv request="ACK"/>'
    with (
        Sipp(tmp_path, scenario, port=port, name="patient"),
        line_with_brain(tmp_path, port) as (line, brain),
    ):
        dial(brain)
        news = final(brain)
        assert (news.order, news.state) == (7, state)
        line.wait_calls(0)
        assert brain.all(CallStarted) == []


def test_nobody_answers_and_the_phone_stops_ringing(tmp_path: Path) -> None:
    with Baresip(tmp_path, PHONE) as patient, line_with_brain(tmp_path, patient.port, ring_seconds=2) as (line, brain):
        dial(brain)
        patient.wait_for("CALL_INCOMING")
        assert final(brain).state is DialState.NO_ANSWER
        assert brain.all(Dialing)[0].state is DialState.RINGING
        patient.wait_for("CALL_CLOSED")
        line.wait_calls(0)


def test_nobody_is_there(tmp_path: Path) -> None:
    with line_with_brain(tmp_path, free_port()) as (_, brain):
        dial(brain)
        assert final(brain).state is DialState.UNREACHABLE


@pytest.mark.parametrize("phone", ["+15551234567", "+78091234567", "200", f"{PHONE}@127.0.0.1"])
def test_what_may_not_be_dialled_is_not(tmp_path: Path, phone: str) -> None:
    with Baresip(tmp_path, PHONE) as patient, line_with_brain(tmp_path, patient.port) as (_, brain):
        dial(brain, phone=phone)
        assert final(brain).state is DialState.FORBIDDEN
        assert "CALL_INCOMING" not in patient.types()


def test_patients_who_call_have_the_lines(tmp_path: Path) -> None:
    """Three lines (the wheel's), one of them free for patients: of two calls of ours the second has to wait."""
    with Baresip(tmp_path, PHONE) as patient, line_with_brain(tmp_path, patient.port) as (_, brain):
        dial(brain, 1)
        patient.wait_for("CALL_INCOMING")
        dial(brain, 2)
        refused = final(brain)
        assert (refused.order, refused.state) == (2, DialState.NO_LINE)


def test_a_brain_that_dies_while_it_rings_leaves_no_call(tmp_path: Path) -> None:
    with Baresip(tmp_path, PHONE) as patient, line_with_brain(tmp_path, patient.port) as (line, brain):
        dial(brain)
        patient.wait_for("CALL_INCOMING")
        brain.close()
        patient.wait_for("CALL_CLOSED")
        line.wait_calls(0)


def test_a_brain_that_dies_in_a_call_leaves_an_apology_and_no_orphan(tmp_path: Path) -> None:
    with Baresip(tmp_path, PHONE, answers=True) as patient, line_with_brain(tmp_path, patient.port) as (line, brain):
        dial(brain)
        brain.wait(CallStarted)
        patient.wait_for("CALL_ESTABLISHED")
        brain.close()
        wait_until(lambda: level_at(patient.heard()[-16000:], APOLOGY_HZ) > 1000, "the apology is heard")
        patient.wait_for("CALL_CLOSED", 30)  # there is no operator in this test: the goodbye, and the end
        line.wait_calls(0)
