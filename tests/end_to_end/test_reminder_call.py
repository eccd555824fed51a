"""`voicebot serve` calls a real softphone about a visit: a patient answers and decides, a mailbox is not spoken to."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from robot import Robot, running_robot, transcript
from sip_peers import RATE_HZ, Baresip, free_port, need_baresip, tone, wait_until
from speaking import Patient, speech

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.outgoing_calls import OutgoingCall, OutgoingCalls
from voicebot.clinic.tables import AppointmentRow
from voicebot.clock import SystemClock
from voicebot.records.dialogs import Who
from voicebot.russian.names import PersonName
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(400)]

PHONE = "+79161234567"
DEMO = Path(__file__).parents[2] / "dialplans" / "demo"
_MAILBOX = "Абонент сейчас не может ответить на ваш звонок. Пожалуйста, оставьте сообщение после звукового сигнала."


class Clinic:
    """The robot's own database: a visit is booked, a call about it queued."""

    def __init__(self, robot: Robot) -> None:
        self.database: Database = open_database(Settings(data_dir=robot.data_dir).database_url)
        catalogue = load_catalogue(DEMO / "clinic")
        self._bookings = Bookings(self.database, catalogue, SystemClock())
        self.calls = OutgoingCalls(self.database, SystemClock())
        self._visits = 0

    def visit(self) -> int:
        """Book somebody's visit; return its ID."""
        self._visits += 1
        offer = self._bookings.find_slots(speciality="therapist", limit=1, not_before=datetime.now(UTC) + timedelta(hours=20))[
            0
        ]
        own = f"G1VEN{self._visits:03d}"
        self._bookings.hold(offer.slot_id, own)
        return self._bookings.book(offer.slot_id, own, PersonName("Смирнова", "Анна", ""), PHONE, key=own).id

    def call(self, key: str, appointment_id: int, **more: Any) -> None:
        now = datetime.now(UTC)
        given = {"appointment_id": appointment_id}
        self.calls.put(key, PHONE, "reminder", given, now, now + timedelta(hours=1), **more)

    def result(self, key: str, seconds: float = 60) -> OutgoingCall:
        def done() -> OutgoingCall | None:
            call = self.calls.get(key)
            return call if call is not None and call.result else None

        found = wait_until(done, f"the call {key} is over", seconds)
        assert found is not None
        return found

    def row(self, appointment_id: int) -> tuple[str, bool]:
        """Status of a visit, and whether it is confirmed."""
        with self.database.session(is_readonly=True) as session:
            row = session.get_one(AppointmentRow, appointment_id)
            return row.status, row.confirmed_at is not None


@contextmanager
def calling_robot(folder: Path, port: int, **calls: Any) -> Iterator[tuple[Robot, Clinic]]:
    settings = {"calls": {"target": f"sip:{{phone}}@127.0.0.1:{port}", "poll_seconds": 0.3, **calls}}
    with running_robot(folder, settings) as robot:
        clinic = Clinic(robot)
        try:
            yield robot, clinic
        finally:
            clinic.database.close()


def loud_seconds(heard: bytes) -> float:
    """For how long anything was heard at all."""
    samples = np.frombuffer(heard[: len(heard) // 320 * 320], dtype="<i2").reshape(-1, 160).astype(np.float64)
    return float((np.sqrt((samples**2).mean(axis=1)) > 60).sum()) * 0.02


@cache
def mailbox() -> bytes:
    return bytes(RATE_HZ) + speech(_MAILBOX) + bytes(RATE_HZ // 2) + tone(1000, 0.6) + bytes(2 * 20 * RATE_HZ)


def test_a_reminder_call(tmp_path: Path) -> None:
    """One robot, one phone after another: confirmed, cancelled, refused for ever; a mailbox, busy, nobody."""
    need_baresip()
    port = free_port(4)
    with calling_robot(tmp_path, port, ring_seconds=4) as (robot, clinic):
        confirms(tmp_path, robot, clinic, port)
        cancels(tmp_path, robot, clinic, port)
        leaves_nothing_in_a_mailbox(tmp_path, robot, clinic, port)
        nobody(tmp_path, robot, clinic, port)
        for personal in ("смирнова", "9161234567", "алло", "приду", "отмените", "абонент"):
            assert personal not in robot.log.lower(), personal
        wait_until(lambda: [robot.status()["line"][what] for what in ("calls", "legs")] == [0, 0], "no call is left")


@contextmanager
def phone(folder: Path, name: str, port: int) -> Iterator[Patient]:
    (folder / name).mkdir()
    with Patient(folder / name, PHONE, port=port) as patient:
        yield patient


def pick_up(patient: Patient, words: str) -> None:
    patient.wait_for("CALL_INCOMING", 30)
    patient.command("accept")
    patient.wait_for("CALL_ESTABLISHED")
    patient.say_now(words)


def confirms(folder: Path, robot: Robot, clinic: Clinic, port: int) -> None:
    visit = clinic.visit()
    with phone(folder, "confirms", port) as patient:
        clinic.call("confirms", visit)
        pick_up(patient, "Алло.")
        patient.converse(robot, {"reminder.answer": "Да, приду.", "reminder.confirmed": "До свидания."})
        done = clinic.result("confirms")
    dialog = robot.dialog(done.dialog_id)
    story = transcript(list(dialog.turns))
    assert done.result == "confirmed", story
    assert clinic.row(visit) == ("booked", True)
    assert (dialog.outcome, dialog.direction, dialog.caller_phone) == ("confirmed", "out", PHONE), story
    said = [turn for turn in dialog.turns if turn.who is Who.ROBOT]
    assert said[0].text.startswith("Здравствуйте! Клиника «Добрый доктор», я робот"), story
    assert "Смирнова" not in story
    assert dialog.notice_version, "the announcement of the recording was heard and is stored"


def cancels(folder: Path, robot: Robot, clinic: Clinic, port: int) -> None:
    visit = clinic.visit()
    with phone(folder, "cancels", port) as patient:
        clinic.call("cancels", visit)
        pick_up(patient, "Слушаю вас.")
        patient.converse(robot, {"reminder.answer": "Отмените, пожалуйста.", "more.more": "Нет, спасибо."})
        done = clinic.result("cancels")
    assert done.result == "cancelled", transcript(list(robot.dialog(done.dialog_id).turns))
    assert clinic.row(visit) == ("cancelled", False)


def leaves_nothing_in_a_mailbox(folder: Path, robot: Robot, clinic: Clinic, port: int) -> None:
    visit = clinic.visit()
    (folder / "mailbox").mkdir()
    with Baresip(folder / "mailbox", PHONE, says=mailbox(), answers=True, port=port) as machine:
        clinic.call("mailbox", visit)
        done = clinic.result("mailbox")
        machine.wait_for("CALL_CLOSED")
        assert done.result == "machine"
        assert loud_seconds(machine.heard()) == 0.0
    dialog = robot.dialog(done.dialog_id)
    assert dialog.outcome == "machine"
    assert [turn for turn in dialog.turns if turn.who is Who.ROBOT] == []
    assert clinic.row(visit) == ("booked", False)


def nobody(folder: Path, robot: Robot, clinic: Clinic, port: int) -> None:
    visit = clinic.visit()
    with phone(folder, "nobody", port) as patient:
        clinic.call("rings", visit)
        patient.wait_for("CALL_INCOMING", 30)
        assert clinic.result("rings").result == "no_answer"
        patient.wait_for("CALL_CLOSED")
        clinic.call("rejects", visit, tries=1)
        wait_until(lambda: patient.types().count("CALL_INCOMING") == 2, "it rings again", 30)
        patient.hang_up()
        assert clinic.result("rejects").result in ("busy", "declined")
    assert clinic.row(visit) == ("booked", False)
