"""What tests of failures share: a robot, an operator at his phone, patients who call, and what is stored of them."""

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from robot import Robot, running_robot, transcript
from sip_peers import Baresip, need_baresip, seconds_of, tone, wait_until
from speaking import Patient
from sqlalchemy import select

from voicebot.clinic.tables import MessageRow
from voicebot.clock import SystemClock
from voicebot.records.call_backs import CallBacks
from voicebot.records.dialogs import Dialog, Who
from voicebot.records.flac import blocks
from voicebot.storage.database import Database, open_database

OPERATOR_HZ = 700.0
FAULTS = Path(__file__).parent / "faults"


@dataclass
class Day:
    """One robot and those who call it."""

    robot: Robot
    human: Baresip
    folder: Path

    def caller(self, number: str) -> Patient:
        return Patient(self.folder / number.strip("+"), number)

    def begin(self, patient: Patient) -> str:
        """Dial, and wait until the greeting is over; return the dialog's ID."""
        before = {dialog.id for dialog in self.robot.dialogs()}
        patient.dial(self.robot.uri)
        patient.wait_for("CALL_ESTABLISHED")
        patient.wait_robot()
        return next(dialog.id for dialog in self.robot.dialogs() if dialog.id not in before)

    def ended(self, dialog_id: str, seconds: float = 40.0) -> Dialog:
        """Wait for the dialog's outcome."""
        wait_until(lambda: self.robot.dialog(dialog_id).outcome, f"an outcome\n{self.story(dialog_id)}", seconds)
        return self.robot.dialog(dialog_id)

    def story(self, dialog_id: str) -> str:
        return transcript(list(self.robot.dialog(dialog_id).turns)) + "\n" + self.robot.log[-3000:]

    def said(self, dialog_id: str, who: Who) -> str:
        return " ".join(turn.text for turn in self.robot.dialog(dialog_id).turns if turn.who is who)

    def wait_asked(self, dialog_id: str, words: str, times: int = 1, seconds: float = 40.0) -> None:
        """Wait until the robot has said these words to their end so many times."""

        def has_asked() -> bool:
            turns = self.robot.dialog(dialog_id).turns
            return sum(words in turn.text and bool(turn.played_text) for turn in turns) >= times

        wait_until(has_asked, f"{words} x {times}\n{self.story(dialog_id)}", seconds)

    def hears_operator(self, patient: Patient, seconds: float = 25.0) -> None:
        wait_until(lambda: seconds_of(patient.heard()[-16000:], OPERATOR_HZ) > 0.5, "the patient hears the operator", seconds)

    def recorded_seconds(self, dialog: Dialog) -> float:
        """Length of the recording: of one that was cut short, what can be read of it."""
        file = self.robot.data_dir / "recordings" / dialog.recording_path
        return sum(len(block) for block in blocks(file)) / 8000

    @contextmanager
    def database(self) -> Iterator[Database]:
        database = open_database(self.robot.database_url)
        try:
            yield database
        finally:
            database.close()

    def to_call_back(self) -> set[str]:
        with self.database() as database:
            return {one.dialog_id for one in CallBacks(database, SystemClock()).open()}

    def messages(self, dialog_id: str) -> list[str]:
        """Templates of the messages to the patient of a dialog."""
        with self.database() as database, database.session(is_readonly=True) as session:
            return list(session.scalars(select(MessageRow.template).where(MessageRow.dialog_id == dialog_id)))

    @property
    def faults(self) -> Path:
        return self.folder / "broken"

    @contextmanager
    def broken(self, what: str) -> Iterator[None]:
        """Break a part of the brains (tests/failures/faults)."""
        flag = self.faults / what
        flag.touch()
        try:
            yield
        finally:
            flag.unlink()


@contextmanager
def a_day(
    folder: Path,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    environment: Mapping[str, str] | None = None,
    operator_uri: str = "",
) -> Iterator[Day]:
    """A robot with an operator who answers, and faults that can be switched on."""
    need_baresip()
    faults = folder / "broken"
    faults.mkdir()
    more = {"PYTHONPATH": str(FAULTS), "VOICEBOT_TEST_FAULTS": str(faults), **(environment or {})}
    with Baresip(folder, "200", says=tone(OPERATOR_HZ, 280.0), answers=True, limit_seconds=290) as human:
        merged = {**(settings or {}), "transfer": {"targets": {"operator": operator_uri or human.uri}, "ring_seconds": 6}}
        with running_robot(folder, merged, more) as robot:
            yield Day(robot, human, folder)


def answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def process_of(robot: Robot, word: str) -> int:
    """The process of the supervisor that has this word in its title, for one that tells nothing of itself."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            title = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if parent == robot.process.pid and word in title:
            return int(entry.name)
    pytest.fail(f"no process {word}")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
