"""A clinic with callers, visits, messages and recordings, in virtual time; for the tests of personal data."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import soundfile

from voicebot import dialog_id
from voicebot.clinic.tables import (
    AppointmentRow,
    AppointmentStatus,
    LabOrderRow,
    MessageRow,
    OrderRow,
    PatientRow,
    SlotRow,
    WaitingRow,
)
from voicebot.clock import VirtualClock
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.digest import Digester
from voicebot.records.marks import Kind, Mark, Marks
from voicebot.records.queue import Queue, Result
from voicebot.records.store import RecordStore
from voicebot.records.tables import CallBackRow
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

ANNA, IVAN = "+79161234567", "+79035550011"
BORN = date(1985, 5, 12)


@dataclass
class Stage:
    database: Database
    settings: Settings
    clock: VirtualClock
    store: RecordStore

    @property
    def recordings(self) -> Path:
        return self.settings.recordings_folder

    def call(self, phone: str = ANNA, days_ago: float = 0, *, is_over: bool = True, has_sound: bool = True) -> str:
        """A call with a turn, a mark, a hand-over, a call-back, a recording; taken into figures and search."""
        one = dialog_id.new()
        at = self.clock.now() - timedelta(days=days_ago)
        path = f"{at:%Y/%m/%d}/{one}.flac" if has_sound else ""
        self.store.open_dialog(Dialog(one, started_at=at, caller_phone=phone, dialplan="demo", recording_path=path))
        self.store.add_turn(one, Turn(1, Who.ROBOT, "Чем помочь?", at=at, latency_ms={"total_ms": 400}))
        words = "меня зовут кукушкина запишите к окулисту"
        self.store.add_turn(one, Turn(2, Who.CALLER, words, at=at, intent="none", confidence=0.5))
        self.store.set_notice(one, "v1", "Разговор записывается.")
        if has_sound:
            self.file(path)
        if not is_over:
            return one
        self.store.finish_dialog(one, "transferred", "nomatch", ended_at=at + timedelta(minutes=2), handling_seconds=120.0,
                                 summary={"имя": "Кукушкина"}, transfer_target="operator")  # fmt: skip
        Marks(self.database, self.clock).put(Mark(one, 2, Kind.MISHEARD, "меня зовут кукушкина", author="qa"))
        Queue(self.database, self.clock).settle(one, "oper", Result.CALL_BACK, "просила Кукушкину")
        with self.database.session() as session:
            session.merge(CallBackRow(dialog_id=one, phone=phone, note="после обеда", created_at=at))
        Digester(self.database, self.clock, self.settings.zoneinfo).run()
        return one

    def file(self, path: str) -> Path:
        file = self.recordings / path
        file.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(file, np.full((800, 2), 77, dtype=np.int16), 8000)
        return file

    def visit(
        self, dialog: str, phone: str = ANNA, days: float = 7, *, surname: str = "Кукушкина", born: date | None = BORN,
        status: AppointmentStatus = AppointmentStatus.BOOKED,
    ) -> int:  # fmt: skip
        """A visit `days` ahead (negative: behind)."""
        with self.database.session() as session:
            known = session.query(PatientRow).filter_by(phone=phone, surname=surname).one_or_none()
            at = self.clock.now()
            if known is None:
                known = PatientRow(phone=phone, surname=surname, given="Анна", birth_date=born, created_at=at)
                session.add(known)
            count = session.query(SlotRow).count()
            start = self.clock.now() + timedelta(days=days)
            slot = SlotRow(doctor_id="ivanov", branch_id="main", start=start + timedelta(seconds=count), duration_minutes=15)
            session.add(slot)
            session.flush()
            row = AppointmentRow(
                slot_id=slot.id,
                patient_id=known.id,
                doctor_id="ivanov",
                branch_id="main",
                start=start,
                duration_minutes=15,
                status=status.value,
                phone=phone,
                dialog_id=dialog,
                created_at=at,
            )
            session.add(row)
            session.flush()
            session.add(OrderRow(key=f"{dialog}:{row.id}", name="book", target=slot.id, appointment_id=row.id, created_at=at))
            return row.id

    def paper(self, dialog: str, phone: str = ANNA, days_ago: float = 0, born: date = BORN) -> None:
        """A message, a place in the waiting list, an order of the laboratory."""
        at = self.clock.now() - timedelta(days=days_ago)
        with self.database.session() as session:
            session.add(MessageRow(key=f"m{dialog}", dialog_id=dialog, phone=phone, template="booked",
                                   values={"patient": "Кукушкина"}, created_at=at))  # fmt: skip
            session.add(WaitingRow(key=f"w{dialog}", dialog_id=dialog, phone=phone, surname="Кукушкина", birth_date=born,
                                   doctor_id="ivanov", wish={}, created_at=at))  # fmt: skip
            session.add(LabOrderRow(number=dialog, phone=phone, birth_date=born, created_at=at))

    def holds(self, *needles: str) -> list[str]:
        """Which of some texts are anywhere in the database, in tables or the search's own."""
        found = set()
        with self.database.session(is_readonly=True) as session:
            from sqlalchemy import inspect, text

            for table in inspect(session.connection()).get_table_names():
                for row in session.execute(text(f'SELECT * FROM "{table}"')):
                    content = repr(tuple(row)).lower()
                    found |= {needle for needle in needles if needle.lower() in content}
        return sorted(found)

    def at(self, moment: datetime) -> None:
        self.clock.advance((moment - self.clock.now()).total_seconds())


@contextmanager
def stage(url: str, folder: Path, **settings: object) -> Iterator[Stage]:
    database = open_database(url)
    upgrade(database)
    clock = VirtualClock()
    made = Settings.model_validate({"data_dir": folder / "var", **settings})
    store = RecordStore(database, made.data_dir / "spool", clock)
    yield Stage(database, made, clock, store)
    store.close()
    database.close()
