"""A real call is running, and a part of the robot dies: the caller reaches an answer or a human, and nothing said is lost.

One robot for all, in the order of a bad day. docs/reliability.md tells what each caller hears.
"""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from robot import Robot, running_robot, transcript
from sip_peers import Baresip, RawSip, need_baresip, seconds_of, tone, wait_until
from speaking import Patient
from sqlalchemy import select

from voicebot.clinic.tables import MessageRow
from voicebot.clock import SystemClock
from voicebot.records.call_backs import CallBacks
from voicebot.records.dialogs import Dialog, Who
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(300)]

_OPERATOR_HZ = 700.0
_SILENT_PEER_SECONDS = 5


@dataclass
class Day:
    """The robot, the operator at his phone, and what is stored."""

    robot: Robot
    human: Baresip
    folder: Path

    def database(self) -> Database:
        return open_database(Settings(data_dir=self.robot.data_dir).database_url)

    def newest(self) -> Dialog:
        return self.robot.dialogs()[0]

    def outcome_of(self, dialog_id: str, seconds: float = 40.0) -> Dialog:
        wait_until(lambda: self.robot.dialog(dialog_id).outcome, "the dialog has an outcome", seconds)
        return self.robot.dialog(dialog_id)

    def caller(self, number: str) -> Patient:
        return Patient(self.folder / number.strip("+"), number)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    need_baresip()
    folder = tmp_path_factory.mktemp("day")
    with Baresip(folder, "200", says=tone(_OPERATOR_HZ, 250.0), answers=True, limit_seconds=290) as human:
        settings = {
            "transfer": {"targets": {"operator": human.uri}, "ring_seconds": 6},
            "sip": {"silent_peer_seconds": _SILENT_PEER_SECONDS},
        }
        with running_robot(folder, settings) as robot:
            yield Day(robot, human, folder)


def _begin(day: Day, patient: Patient) -> str:
    """Dial, and wait until the greeting is over; return the dialog's ID."""
    before = {dialog.id for dialog in day.robot.dialogs()}
    patient.dial(day.robot.uri)
    patient.wait_for("CALL_ESTABLISHED")
    patient.wait_robot()
    return next(dialog.id for dialog in day.robot.dialogs() if dialog.id not in before)


def test_the_desk_dies_and_the_call_goes_on(day: Day) -> None:
    health = f"http://127.0.0.1:{day.robot.http_port}/health"
    wait_until(lambda: _answers(health), "the desk answers", 60)
    with day.caller("+79160000001") as patient:
        dialog_id = _begin(day, patient)
        _kill_child(day.robot, "desk")
        patient.say("Сколько стоит общий анализ крови?")
        patient.wait_robot()
        story = transcript(list(day.robot.dialog(dialog_id).turns))
        assert any("рубл" in turn.text for turn in day.robot.dialog(dialog_id).turns if turn.who is Who.ROBOT), story
        wait_until(lambda: _answers(health), "the desk is there again", 60)
        patient.hang_up()
    assert day.outcome_of(dialog_id).outcome == "informed"


def test_a_caller_who_vanishes_is_not_kept(day: Day) -> None:
    with day.caller("+79160000002") as patient:
        dialog_id = _begin(day, patient)
        patient.process.kill()  # neither BYE nor sound any more
        patient.process.wait()
        dialog = day.outcome_of(dialog_id, _SILENT_PEER_SECONDS + 25)
        assert dialog.outcome == "abandoned"
        wait_until(lambda: day.robot.status()["line"]["calls"] == 0, "the line is free again", 20)


def test_a_hung_brain_is_an_apology_and_an_operator(day: Day) -> None:
    with day.caller("+79160000003") as patient:
        dialog_id = _begin(day, patient)
        before, pid = len(patient.heard()), day.robot.pid_of("brain-1")
        os.kill(pid, signal.SIGSTOP)
        try:
            stopped_at = time.monotonic()
            wait_until(lambda: patient.loud_until() > before, "the apology", 6)
            assert time.monotonic() - stopped_at < 3.0
            wait_until(lambda: seconds_of(patient.heard()[-16000:], _OPERATOR_HZ) > 0.5, "the patient hears the operator", 25)
        finally:
            os.kill(pid, signal.SIGKILL)  # the supervisor would, after half a minute
        day.human.hang_up()
    day.robot.wait_ready()
    assert day.outcome_of(dialog_id).outcome == "transferred"


def test_an_operator_out_of_reach_becomes_a_call_back(day: Day) -> None:
    day.human.stop()
    with day.caller("+79160000004") as patient:
        dialog_id = _begin(day, patient)
        patient.say("Соедините с оператором.")
        patient.wait_robot()
        patient.say("Перезвоните мне.")
        dialog = day.outcome_of(dialog_id)
        story = transcript(list(dialog.turns))
        assert dialog.outcome == "callback", story
        assert dialog.transfer_result, story
    database = day.database()
    try:
        assert dialog_id in {one.dialog_id for one in CallBacks(database, SystemClock()).open()}
    finally:
        database.close()


def test_a_dead_line_loses_the_call_but_not_the_patient(day: Day) -> None:
    with day.caller("+79160000005") as patient:
        dialog_id = _begin(day, patient)
        patient.say("Запишите меня к терапевту.")
        patient.wait_robot()
        day.robot.kill("line")
        dialog = day.outcome_of(dialog_id, 60)
        assert dialog.outcome in ("lost", "failed")
        assert any("терапевт" in turn.text for turn in dialog.turns if turn.who is Who.CALLER)  # what was said is kept
    database = day.database()
    try:
        wait_until(lambda: _messages(database, dialog_id), "the patient is sent the dialog's ID", 60)
        assert _messages(database, dialog_id) == ["dialog_number"]
        assert dialog_id in {one.dialog_id for one in CallBacks(database, SystemClock()).open()}
    finally:
        database.close()
    day.robot.wait_ready()  # and the next call is answered
    with day.caller("+79160000006") as patient:
        _begin(day, patient)
        patient.hang_up()


def test_sigterm_lets_the_running_call_finish_and_takes_no_other(day: Day) -> None:
    with day.caller("+79160000007") as patient:
        dialog_id = _begin(day, patient)
        day.robot.process.send_signal(signal.SIGTERM)

        def is_refused() -> bool:
            with RawSip(day.robot.port) as late:
                late.send(late.invite())
                answers = [text for text in late.receive(0.5) if text.startswith("SIP/2.0")]
            return any(text.startswith("SIP/2.0 503") and "Retry-After" in text for text in answers)

        wait_until(is_refused, "a new call is refused", 15)
        patient.say("Сколько стоит общий анализ крови?")
        patient.wait_robot()
        assert any("рубл" in turn.text for turn in day.robot.dialog(dialog_id).turns if turn.who is Who.ROBOT)
        patient.hang_up()
    assert day.robot.process.wait(60) == 0
    assert day.robot.dialog(dialog_id).outcome == "informed"


def _messages(database: Database, dialog_id: str) -> list[str]:
    with database.session(is_readonly=True) as session:
        return list(session.scalars(select(MessageRow.template).where(MessageRow.dialog_id == dialog_id)))


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def _kill_child(robot: Robot, word: str) -> None:
    """Kill a process of the supervisor that tells nothing of itself."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            title = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if parent == robot.process.pid and word in title:
            os.kill(int(entry.name), signal.SIGKILL)
            return
    pytest.fail(f"no process {word}")
