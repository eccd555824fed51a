import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from voicebot.clock import VirtualClock
from voicebot.errors import StorageError
from voicebot.records.dialogs import Dialog, DialogFilter, Latency, Turn, Who
from voicebot.records.spool import Spool, waiting_entries
from voicebot.records.store import DuplicateDialogId, RecordStore, UnknownDialog
from voicebot.records.tables import DialogRow
from voicebot.storage.database import Database

ID = "A1B2C3D4"


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Another process holds the write lock."""
    other = sqlite3.connect(str(database.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def caller(number: int, text: str) -> Turn:
    return Turn(number, Who.CALLER, text, alternatives=({"text": text, "confidence": 0.9, "source": "open"},))


def test_everything_of_a_dialog_comes_back(store: RecordStore, clock: VirtualClock) -> None:
    store.open_dialog(Dialog(ID, caller_phone="+79161234567", called="100", sip_call_id="x@y", versions={"voice": "elena"}))
    robot = Turn(1, Who.ROBOT, "Здр+авствуйте! Чем пом+очь?", prompt="greeting", offset_start_ms=40)
    store.add_turn(ID, robot)
    clock.advance(2)
    answer = Turn(
        2,
        Who.CALLER,
        "к терапевту на пятницу",
        offset_start_ms=3000,
        offset_end_ms=4600,
        alternatives=({"text": "к терапевту на пятницу", "confidence": 0.8, "source": "open"},),
        confidence=0.8,
        intent="book",
        slots={"speciality": "therapist", "date": date(2026, 11, 27)},
        latency_ms=Latency(endpoint_ms=300, total_ms=450),
        is_bargein=True,
    )
    store.add_turn(ID, answer)
    store.update_turn(ID, 1, played_text="Здр+авствуйте!", played_ms=900, offset_end_ms=940)
    store.set_recording(ID, "2026/11/23/A1B2C3D4.flac", 0)
    clock.advance(58)
    store.finish_dialog(ID, "booked", "done", handling_seconds=60.0, ended_by="caller")

    dialog = store.get(ID)
    assert dialog is not None
    assert dialog.started_at == clock.start
    assert dialog.ended_at == clock.start + timedelta(seconds=60)
    assert (dialog.outcome, dialog.reason, dialog.ended_by, dialog.handling_seconds) == ("booked", "done", "caller", 60.0)
    assert dialog.recording_path == "2026/11/23/A1B2C3D4.flac"
    assert dialog.versions == {"voice": "elena"}
    first, second = dialog.turns
    assert (first.text, first.played_text, first.played_ms, first.offset_end_ms) == (robot.text, "Здр+авствуйте!", 900, 940)
    assert first.was_cut
    assert second.at == clock.start + timedelta(seconds=2)
    assert second.slots == {"speciality": "therapist", "date": "2026-11-27"}
    assert second.latency_ms == {"endpoint_ms": 300, "total_ms": 450}
    assert second.alternatives == answer.alternatives
    assert second.is_bargein
    assert store.turns_after(ID, 1) == [second]
    assert store.get("00000000") is None


def test_a_taken_id_is_refused_and_the_first_dialog_kept(store: RecordStore, clock: VirtualClock) -> None:
    store.open_dialog(Dialog(ID, called="100"))
    clock.advance(1)
    with pytest.raises(DuplicateDialogId):
        store.open_dialog(Dialog(ID, called="200"))
    dialog = store.get(ID)
    assert dialog is not None
    assert dialog.called == "100"
    assert not store.is_degraded


def test_opening_the_same_dialog_again_is_harmless(store: RecordStore, clock: VirtualClock) -> None:
    dialog = Dialog(ID, started_at=clock.now(), sip_call_id="same")
    store.open_dialog(dialog)
    store.open_dialog(dialog)
    assert store.count() == 1


def test_a_turn_of_no_dialog_is_an_error(store: RecordStore) -> None:
    with pytest.raises(UnknownDialog):
        store.add_turn(ID, caller(1, "алло"))
    with pytest.raises(UnknownDialog):
        store.update_turn(ID, 1, played_ms=1)
    with pytest.raises(UnknownDialog):
        store.finish_dialog(ID, "booked")


def test_values_of_strangers_are_made_to_fit(store: RecordStore) -> None:
    store.open_dialog(Dialog(ID, caller_phone="7\0" * 100, sip_call_id="i" * 400))
    dialog = store.get(ID)
    assert dialog is not None
    assert dialog.caller_phone == "7" * 64
    assert len(dialog.sip_call_id) == 255


def test_a_locked_database_costs_no_word_and_no_error(store: RecordStore, database: Database, clock: VirtualClock) -> None:
    alarms: list[str] = []
    store._on_alarm = alarms.append
    store.open_dialog(Dialog(ID))
    with locked(database):
        store.add_turn(ID, caller(1, "запишите меня"))
        assert store.is_degraded
        assert store.spooled_count == 1
        clock.advance(100)  # tried again, still locked
        store.add_turn(ID, caller(2, "к терапевту"))
        store.update_turn(ID, 1, intent="book")
        assert store.spooled_count == 3
        spool = store._spool._path
        assert spool is not None
        assert stat.S_IMODE(spool.stat().st_mode) == 0o600
        assert waiting_entries(spool.parent) == 3
    assert alarms == ["database_refused"]
    assert store.alarm_count == 1

    clock.advance(100)
    store.add_turn(ID, caller(3, "на завтра"))  # brings the earlier ones first
    assert not store.is_degraded
    assert store.spooled_count == 0
    dialog = store.get(ID)
    assert dialog is not None
    assert [turn.text for turn in dialog.turns] == ["запишите меня", "к терапевту", "на завтра"]
    assert dialog.turns[0].intent == "book"
    assert dialog.turns[0].at == clock.start


def test_the_database_is_left_alone_between_tries(store: RecordStore, database: Database, clock: VirtualClock) -> None:
    store.open_dialog(Dialog(ID))
    with locked(database):
        store.add_turn(ID, caller(1, "раз"))
    store.add_turn(ID, caller(2, "два"))  # free again, but the pause of one second is not over
    assert store.spooled_count == 2
    clock.advance(1.0)
    store.add_turn(ID, caller(3, "три"))
    assert store.spooled_count == 0


def test_a_dialog_opened_while_locked_arrives_whole(store: RecordStore, database: Database, clock: VirtualClock) -> None:
    with locked(database):
        store.open_dialog(Dialog(ID, called="100"))
        store.add_turn(ID, caller(1, "алло"))
        store.finish_dialog(ID, "abandoned")
    assert store.replay_spool() == 3
    assert store.replay_spool() == 0
    dialog = store.get(ID)
    assert dialog is not None
    assert (dialog.outcome, dialog.started_at, dialog.ended_at) == ("abandoned", clock.start, clock.start)
    assert len(dialog.turns) == 1


def test_an_id_taken_meanwhile_overwrites_nobody(store: RecordStore, database: Database, clock: VirtualClock) -> None:
    with locked(database):
        store.open_dialog(Dialog(ID, called="mine"))
        store.add_turn(ID, caller(1, "моё"))
    clock.advance(0.5)
    with database.session() as session:
        session.add(DialogRow(id=ID, channel="web", started_at=clock.now(), called="other"))
    store.replay_spool()
    dialog = store.get(ID)
    assert dialog is not None
    assert dialog.called == "other"
    rejected = list((store._spool.folder).glob("*.rejected.jsonl"))
    assert len(rejected) == 1
    assert "mine" in rejected[0].read_text()
    assert stat.S_IMODE(rejected[0].stat().st_mode) == 0o600


def test_replay_is_idempotent_after_a_crash_between_commit_and_truncation(
    store: RecordStore, database: Database, clock: VirtualClock, tmp_path: Path
) -> None:
    with locked(database):
        store.open_dialog(Dialog(ID, sip_call_id="one"))
        store.add_turn(ID, caller(1, "алло"))
        store.update_turn(ID, 1, intent="greeting")
    spool = store._spool._path
    assert spool is not None
    kept = spool.read_bytes()
    store.replay_spool()
    (tmp_path / "spool" / "00000000-1-crashed.jsonl").write_bytes(kept)
    before = store.get(ID)
    assert store.replay_spool() == 3
    assert store.get(ID) == before
    assert not list((tmp_path / "spool").glob("*rejected*"))


def test_a_spool_of_a_killed_process_is_replayed_and_a_torn_line_kept_apart(store: RecordStore, tmp_path: Path) -> None:
    script = dedent(
        f"""
        import os, signal, sys
        from pathlib import Path
        from contextlib import contextmanager
        from voicebot.clock import SystemClock
        from voicebot.errors import StorageError
        from voicebot.records.dialogs import Dialog, Turn, Who
        from voicebot.records.store import RecordStore

        class Gone:
            @contextmanager
            def session(self, *, is_readonly=False):
                raise StorageError("gone")
                yield

        store = RecordStore(Gone(), Path({str(tmp_path / "spool")!r}), SystemClock())
        store.open_dialog(Dialog({ID!r}))
        store.add_turn({ID!r}, Turn(1, Who.CALLER, "меня слышно"))
        os.write(store._spool._descriptor, b'{{"op": "turn", "id"')
        print("stored", flush=True)
        signal.pause()
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        while (line := process.stdout.readline()) and line.strip() != "stored":
            pass
        assert store.replay_spool() == 0, "the file of a living process is not touched"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert store.replay_spool() == 2
    dialog = store.get(ID)
    assert dialog is not None
    assert [turn.text for turn in dialog.turns] == ["меня слышно"]
    names = sorted(path.name for path in (tmp_path / "spool").iterdir())
    assert len(names) == 1
    assert names[0].endswith(".rejected.jsonl")
    assert store.replay_spool() == 0


def test_when_the_spool_disk_refuses_too_memory_keeps_the_words(
    store: RecordStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.open_dialog(Dialog(ID))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with locked(database):
        monkeypatch.setattr(os, "fsync", full)
        store.add_turn(ID, caller(1, "раз"))
        store.add_turn(ID, caller(2, "два"))
    monkeypatch.undo()
    assert store.spooled_count == 2
    assert store.replay_spool() == 2
    assert [turn.text for turn in store.turns_after(ID, 0)] == ["раз", "два"]


def test_spool_lines_are_plain_json(store: RecordStore, database: Database) -> None:
    with locked(database):
        store.open_dialog(Dialog(ID))
        store.add_turn(ID, Turn(1, Who.CALLER, "к врачу\nсрочно", slots={"date": date(2026, 11, 27)}))
    spool = store._spool._path
    assert spool is not None
    lines = [json.loads(line) for line in spool.read_text().splitlines()]
    assert [line["op"] for line in lines] == ["open", "turn"]
    assert lines[1]["values"]["slots"] == {"date": "2026-11-27"}


def test_find_and_count(store: RecordStore, clock: VirtualClock) -> None:
    for number, (outcome, text, phone) in enumerate(
        [("booked", "к терапевту", "+79160000001"), ("transferred", "Оператора!", "+79160000002"), ("booked", "100%", "")]
    ):
        dialog_id = f"A000000{number}"
        store.open_dialog(Dialog(dialog_id, caller_phone=phone, sip_call_id=f"call-{number}"))
        store.add_turn(dialog_id, caller(1, text))
        target = "operator" if outcome == "transferred" else ""
        store.finish_dialog(dialog_id, outcome, transfer_target=target)
        clock.advance(60)

    def ids(**wanted: object) -> list[str]:
        found = store.find(DialogFilter(**wanted))  # type: ignore[arg-type]
        assert store.count(DialogFilter(**wanted)) == len(found)  # type: ignore[arg-type]
        return [dialog.id for dialog in found]

    assert ids() == ["A0000002", "A0000001", "A0000000"]
    assert ids(outcome="booked") == ["A0000002", "A0000000"]
    assert ids(text="терапевт") == ["A0000000"]
    assert ids(text="оператора") == ["A0000001"]
    assert ids(text="%") == ["A0000002"]
    assert ids(phone_digits="0000001") == ["A0000000"]
    assert ids(sip_call_id="call-2") == ["A0000002"]
    assert ids(is_transferred=True) == ["A0000001"]
    assert ids(since=clock.start + timedelta(seconds=60)) == ["A0000002", "A0000001"]
    assert ids(until=clock.start + timedelta(seconds=60)) == ["A0000000"]
    assert [dialog.id for dialog in store.find(DialogFilter(limit=1, offset=1))] == ["A0000001"]


def test_iterate_pages_through_everything_in_order(store: RecordStore, clock: VirtualClock) -> None:
    ids = [f"{number:08d}" for number in range(203)]
    for number, dialog_id in enumerate(ids):
        store.open_dialog(Dialog(dialog_id))
        store.add_turn(dialog_id, caller(1, f"слово {number}"))
        if number % 7 == 0:
            clock.advance(1)  # so that many share a start
    dialogs = list(store.iterate())
    assert [dialog.id for dialog in dialogs] == ids
    assert all(len(dialog.turns) == 1 for dialog in dialogs)


def test_a_long_journal_comes_in_piece_by_piece(tmp_path: Path) -> None:
    """A database that refuses again and again in the middle makes nobody begin from the start: that would never end."""
    taken: list[int] = []

    def some(entry: dict[str, Any]) -> None:
        if len(taken) % 4 == 3:
            taken.append(-1)
            raise StorageError("The database is locked.", "")
        taken.append(entry["number"])

    def first_of(spool: Spool) -> None:
        with pytest.raises(StorageError):
            spool.replay(some)

    spool, left = Spool(tmp_path), Spool(tmp_path)
    for number in range(4):
        left.append({"number": number})
    left.close()
    for number in range(4, 9):
        spool.append({"number": number})
    first_of(spool)
    assert spool.own_count == 5
    first_of(spool)
    assert spool.own_count == 3  # 3 of the file that a dead process left, then 4 and 5 of its own
    spool.append({"number": 9})
    first_of(spool)
    assert (spool.own_count, spool.replay(some)) == (1, 1)
    assert [one for one in taken if one >= 0] == list(range(10))
    spool.append({"number": 10})  # the file is empty again, and begins from its start
    assert (spool.replay(some), spool.own_count, taken[-1]) == (1, 0, 10)
    spool.close()
    assert not list(tmp_path.iterdir())
