"""A real call is running, and a part of the robot dies: the caller reaches an answer or a human, and nothing said is lost.

One robot for all, in the order of a bad day. docs/reliability.md tells what each caller hears.
"""

import os
import signal
from collections.abc import Iterator

import pytest
from bad_day import Day, a_day, answers, kill, process_of
from sip_peers import RawSip, wait_until

from voicebot.records.dialogs import Who

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(300)]

_SILENT_PEER_SECONDS = 5


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    with a_day(tmp_path_factory.mktemp("day"), {"sip": {"silent_peer_seconds": _SILENT_PEER_SECONDS}}) as day:
        yield day


def test_the_desk_dies_and_the_call_goes_on(day: Day) -> None:
    health = f"http://127.0.0.1:{day.robot.http_port}/health"
    wait_until(lambda: answers(health), "the desk answers", 60)
    with day.caller("+79160000001") as patient:
        dialog_id = day.begin(patient)
        kill(process_of(day.robot, "desk"))
        patient.say("Сколько стоит общий анализ крови?")
        patient.wait_robot()
        assert "рубл" in day.said(dialog_id, Who.ROBOT), day.story(dialog_id)
        wait_until(lambda: answers(health), "the desk is there again", 60)
        patient.hang_up()
    assert day.ended(dialog_id).outcome == "informed"


def test_a_caller_who_vanishes_is_not_kept(day: Day) -> None:
    with day.caller("+79160000002") as patient:
        dialog_id = day.begin(patient)
        patient.process.kill()  # neither BYE nor sound any more
        patient.process.wait()
        dialog = day.ended(dialog_id, _SILENT_PEER_SECONDS + 25)
        assert dialog.outcome == "abandoned"
        assert day.recorded_seconds(dialog) > 3
        wait_until(lambda: day.robot.status()["line"]["calls"] == 0, "the line is free again", 20)


def test_a_hung_brain_is_an_apology_and_an_operator(day: Day) -> None:
    with day.caller("+79160000003") as patient:
        dialog_id = day.begin(patient)
        before, pid = len(patient.heard()), day.robot.pid_of("brain-1")
        os.kill(pid, signal.SIGSTOP)
        try:
            wait_until(lambda: patient.loud_until() > before, "the apology", 10)
            day.hears_operator(patient)
        finally:
            kill(pid)  # the supervisor would, after half a minute
        day.human.hang_up()
    day.robot.wait_ready()
    dialog = day.ended(dialog_id)
    assert dialog.outcome == "transferred"
    assert day.recorded_seconds(dialog) > 2  # what the dead brain had written can be heard


def test_a_dead_line_loses_the_call_but_not_the_patient(day: Day) -> None:
    with day.caller("+79160000005") as patient:
        dialog_id = day.begin(patient)
        patient.say("Запишите меня к терапевту.")
        patient.wait_robot()
        day.robot.kill("line")
        patient.wait_for("CALL_CLOSED", 30)  # the next line says BYE: nobody listens to silence
        dialog = day.ended(dialog_id, 60)
        assert dialog.outcome in ("lost", "failed")
        assert "терапевт" in day.said(dialog_id, Who.CALLER)
        assert day.recorded_seconds(dialog) > 3
    wait_until(lambda: day.messages(dialog_id), "the patient is sent the dialog's ID", 60)
    assert day.messages(dialog_id) == ["dialog_number"]
    assert dialog_id in day.to_call_back()
    day.robot.wait_ready()  # and the next call is answered
    with day.caller("+79160000006") as patient:
        day.begin(patient)
        patient.hang_up()


@pytest.mark.heavy
def test_a_hung_line_is_killed_and_its_callers_are_told(day: Day) -> None:
    with day.caller("+79160000008") as patient:
        dialog_id = day.begin(patient)
        day.robot.kill("line", signal.SIGSTOP)
        patient.wait_for("CALL_CLOSED", 60)
        assert day.ended(dialog_id, 60).outcome in ("lost", "failed")
    wait_until(lambda: day.messages(dialog_id), "the patient is sent the dialog's ID", 60)
    assert dialog_id in day.to_call_back()
    day.robot.wait_ready()


def test_sigterm_lets_the_running_call_finish_and_takes_no_other(day: Day) -> None:
    with day.caller("+79160000007") as patient:
        dialog_id = day.begin(patient)
        day.robot.process.send_signal(signal.SIGTERM)

        def is_refused() -> bool:
            with RawSip(day.robot.port) as late:
                late.send(late.invite())
                got = [text for text in late.receive(0.5) if text.startswith("SIP/2.0")]
            return any(text.startswith("SIP/2.0 503") and "Retry-After" in text for text in got)

        wait_until(is_refused, "a new call is refused", 15)
        patient.say("Сколько стоит общий анализ крови?")
        patient.wait_robot()
        assert "рубл" in day.said(dialog_id, Who.ROBOT), day.story(dialog_id)
        patient.hang_up()
    assert day.robot.process.wait(60) == 0
    assert day.robot.dialog(dialog_id).outcome == "informed"
