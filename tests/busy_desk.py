"""A desk in the middle of a working day: a month of contacts, one that waits for an operator, visits, calls to return."""

import math
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import soundfile
from desk_clinic import handed_over, with_clinic
from fastapi import FastAPI

from bench import desk as bench
from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.records.call_backs import CallBacks
from voicebot.records.dialogs import Dialog, Latency, Turn, Who
from voicebot.records.digest import Digester
from voicebot.russian.names import PersonName

CALLER = "+79161234567"
_TALK = (
    (Who.ROBOT, "Клиника «Здоровье», здравствуйте! Разговор записывается. Чем могу помочь?", "greeting", {}),
    (Who.CALLER, "здравствуйте мне бы к кардиологу на среду после обеда", "", {"intent": "book"}),
    (Who.ROBOT, "На среду после обеда свободно в четырнадцать тридцать, врач Орлова. Подходит?", "booking.choice", {}),
    (Who.CALLER, "нет а в другой день можно", "", {"intent": "no"}),
    (Who.ROBOT, "В четверг в десять часов или в пятницу в шестнадцать двадцать. Что выбираете?", "booking.choice", {}),
    (Who.CALLER, "соедините с оператором", "", {"intent": "operator"}),
    (Who.ROBOT, "Соединяю с оператором, оставайтесь на линии.", "handover", {}),
)


_LATENCY: Latency = {"endpoint_ms": 240, "recognise_ms": 60, "think_ms": 4, "speak_ms": 90, "total_ms": 430}


@dataclass(frozen=True)
class BusyDesk:
    """What there is to look at: IDs of dialogs."""

    waiting: str  # handed over, on the line
    finished: str  # with a recording
    lost: str  # to be called back


def make_busy(
    app: FastAPI, folder: Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, contacts: int = 400
) -> BusyDesk:
    """Fill an application's database."""
    desk = app.state.desk
    monkeypatch.setattr(bench, "SystemClock", lambda: clock)
    bench.fill(desk.database, contacts)
    clinic = with_clinic(app, days=5)
    waiting = handed_over(app, "requested", CALLER, телефон=CALLER)
    _talk(app, waiting, first=2)
    handed_over(app, "nothing_free", "+79165550011")
    finished = _finished(app, folder, clock)
    lost = dialog_id.new()
    desk.records.open_dialog(Dialog(id=lost, caller_phone="+79167770022"))
    desk.records.finish_dialog(lost, "lost", "line")
    late = dialog_id.new()
    desk.records.open_dialog(Dialog(id=late, caller_phone="+79167770033"))
    desk.records.finish_dialog(late, "callback", "noinput", summary={"пациент": "Белова Ольга"})
    CallBacks(desk.database, clock).promise(late, "+79167770033", clock.now() - timedelta(hours=1), "после обеда", "oper")
    for number, offer in enumerate(clinic.bookings.find_slots(speciality="cardiologist", limit=3)):
        name = PersonName(("Ветрова", "Белов", "Кузнецова")[number], ("Анна", "Пётр", "Ольга")[number])
        phone = CALLER if number == 0 else f"+7916000000{number}"
        clinic.bookings.book(offer.slot_id, waiting, name, phone, None, f"busy-{number}")
    while Digester(desk.database, clock, desk.settings.zoneinfo).run(500):
        pass
    return BusyDesk(waiting, finished, lost)


def _talk(app: FastAPI, one: str, first: int = 1) -> None:
    for number, (who, text, prompt, more) in enumerate(_TALK, first):
        is_caller = who is Who.CALLER
        turn = Turn(
            number, who, text, prompt=prompt, offset_start_ms=4000 * number, offset_end_ms=4000 * number + 3200,
            confidence=0.93 - number / 12 if is_caller else None, intent=more.get("intent", ""),
            slots={"speciality": "кардиолог"} if number == 3 else {}, played_text=text,
            latency_ms={} if is_caller else _LATENCY,
        )  # fmt: skip
        app.state.desk.records.add_turn(one, turn)


def _finished(app: FastAPI, folder: Path, clock: VirtualClock) -> str:
    """A call that ended a while ago, with 40 seconds of sound."""
    records, one = app.state.desk.records, dialog_id.new()
    place = f"2026/11/23/{one}.flac"
    records.open_dialog(Dialog(id=one, caller_phone=CALLER, dialplan="demo", recording_path=place, recording_started_ms=0,
                               started_at=clock.now() - timedelta(minutes=30)))  # fmt: skip
    _talk(app, one)
    records.set_notice(one, "1", "Разговор записывается.")
    records.finish_dialog(one, "transferred", "requested", handling_seconds=38.0, transfer_target="operator",
                          transfer_result="completed", summary={"специальность": "кардиолог"},
                          ended_at=clock.now() - timedelta(minutes=29))  # fmt: skip
    file = folder / "recordings" / place
    file.parent.mkdir(parents=True)
    hum = [round(3000 * math.sin(2 * math.pi * 300 * i / 8000)) for i in range(8000)] * 40
    soundfile.write(file, np.array([hum, hum], dtype=np.int16).T, 8000)
    return one
