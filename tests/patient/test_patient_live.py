from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from voicebot.clock import VirtualClock
from voicebot.errors import StorageError
from voicebot.patient.live import LiveView, summary_lines
from voicebot.patient.measure import BargeIn, Response, Span
from voicebot.patient.report import Answered, Dialled, PatientSpoke, Report, RobotSpoke
from voicebot.records.dialogs import Dialog, Latency, Turn, Who
from voicebot.records.store import RecordStore
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade

ID = "A1B2C3D4"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecordStore]:
    database = open_database(f"sqlite:///{tmp_path / 'voicebot.db'}")
    upgrade(database)
    store = RecordStore(database, tmp_path / "spool", VirtualClock())
    yield store
    store.close()
    database.close()


@pytest.fixture
def out() -> StringIO:
    return StringIO()


def lines(out: StringIO) -> list[str]:
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_the_conversation_is_shown_as_it_is_stored(store: RecordStore, out: StringIO) -> None:
    view = LiveView(Console(file=out, width=200), store)
    view.poll()  # nothing dialled yet
    view.take(Dialled(sip_call_id="call-1"))
    view.take(Answered(after_ms=30))
    view.poll()  # not stored yet
    store.open_dialog(Dialog("00000000", sip_call_id="another"))
    store.open_dialog(Dialog(ID, sip_call_id="call-1"))
    store.add_turn(ID, Turn(1, Who.ROBOT, "Здр+авствуйте!"))
    view.poll()
    assert lines(out) == ["answered after 30 ms", f"dialog {ID}"], "the robot's words wait for their latency"
    store.update_turn(ID, 1, offset_start_ms=400)
    view.poll()
    view.take(RobotSpoke(at_ms=420))  # known better from the records
    view.take(PatientSpoke(step=0, action="interrupt", text="К терапевту.", at_ms=2000, end_ms=3000))
    store.add_turn(ID, Turn(2, Who.CALLER, "к терапевту", confidence=0.9, intent="book", slots={"speciality": "терапевт"}))
    view.take(RobotSpoke(at_ms=3520))
    store.add_turn(ID, Turn(3, Who.ROBOT, "Когда?", latency_ms=Latency(think_ms=5, total_ms=450)))
    store.add_turn(ID, Turn(4, Who.SYSTEM, "transfer ringing"))
    store.add_turn(ID, Turn(5, Who.ROBOT, "Секунду."))
    view.poll()
    assert lines(out)[2:] == [
        "00:00.4 robot Здравствуйте!",
        "00:02.0 patient К терапевту. [over the robot]",
        "heard: к терапевту (0.90) -> book, speciality=терапевт",
        "00:03.5 robot Когда?",
        "after 450 ms = think 5",
        "transfer ringing",
    ]
    store.finish_dialog(ID, "booked")
    dialog = view.finish()
    assert lines(out)[-1] == "robot Секунду."
    assert dialog is not None
    assert dialog.outcome == "booked"


def test_a_turn_that_is_never_played_is_shown_after_a_while(store: RecordStore, out: StringIO) -> None:
    view = LiveView(Console(file=out, width=200), store)
    view.take(Dialled(sip_call_id="call-1"))
    store.open_dialog(Dialog(ID, sip_call_id="call-1"))
    store.add_turn(ID, Turn(1, Who.ROBOT, "Алло."))
    for _ in range(7):
        view.poll()
    assert lines(out)[-1] == "robot Алло."


def test_without_records_the_voice_alone_is_noted(out: StringIO) -> None:
    view = LiveView(Console(file=out, width=200))
    view.take(Dialled(sip_call_id="call-1"))
    view.take(RobotSpoke(at_ms=61_000))
    view.take(PatientSpoke(step=0, action="digits", text="12#", at_ms=62_000, end_ms=62_000))
    view.poll()
    assert lines(out) == ["01:01.0 robot [speaks]", "01:02.0 patient [keys 12#]"]
    assert view.finish() is None


def test_a_database_that_fails_ends_no_call_and_is_told_once(
    store: RecordStore, out: StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = LiveView(Console(file=out, width=200), store)
    view.take(Dialled(sip_call_id="call-1"))

    def gone(*_: object) -> list[Dialog]:
        raise StorageError("The database is gone.")

    monkeypatch.setattr(store, "find", gone)
    view.poll()
    view.poll()
    assert lines(out) == ["The database is gone."]


def report(**changes: object) -> Report:
    values: dict[str, object] = {
        "scenario": "x", "caller": "+7", "target": "sip:1@h", "sip_call_id": "c", "sip_status": 200, "ended_by": "robot",
        "duration_ms": 61_500, "answered_after_ms": 30, "first_audio_ms": 200, "steps_done": 2, "steps_total": 2,
        "said": [], "robot": [], "responses": [], "barge_ins": [],
    }  # fmt: skip
    return Report(**{**values, **changes})  # type: ignore[arg-type]


def test_summaries() -> None:
    turn = Span(0, 1000)
    good = report(
        responses=[Response(turn, 500), Response(turn, 700), Response(turn, None), Response(turn, 600)],
        barge_ins=[BargeIn(turn, 180), BargeIn(turn, 240)],
    )
    assert good.is_complete
    assert good.figures()["latency_p50_ms"] == 600
    text = "\n".join(summary_lines(good))
    assert "61.5 s; the robot ended it." in text
    assert "median 600 ms, slowest 700 ms over 3 answers" in text
    assert "fell silent within 240 ms" in text
    refused = report(ended_by="refused", sip_status=503, steps_done=0)
    assert not refused.is_complete
    assert "it was refused (SIP 503)" in summary_lines(refused)[0]
    assert "it stopped 1 times" in "\n".join(summary_lines(report(barge_ins=[BargeIn(turn, 180), BargeIn(turn, None)])))
