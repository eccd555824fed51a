"""The operators' queue on SQLite and PostgreSQL: one contact, one operator."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.records.dialogs import Dialog
from voicebot.records.queue import KEPT, Queue, Result
from voicebot.records.store import RecordStore, UnknownDialog
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    upgrade(opened)
    yield opened
    opened.close()


@pytest.fixture
def records(database: Database, clock: VirtualClock, tmp_path: Path) -> Iterator[RecordStore]:
    store = RecordStore(database, tmp_path / "spool", clock)
    yield store
    store.close()


@pytest.fixture
def queue(database: Database, clock: VirtualClock) -> Queue:
    return Queue(database, clock)


def opened(records: RecordStore, target: str = "operator") -> str:
    one = dialog_id.new()
    records.open_dialog(Dialog(id=one))
    if target:
        records.update_dialog(one, transfer_target=target)
    return one


def test_the_longest_waiting_that_nobody_has_is_next(records: RecordStore, queue: Queue, clock: VirtualClock) -> None:
    assert queue.next() is None
    first = opened(records)
    clock.advance(5)
    second = opened(records)
    clock.advance(5)
    opened(records, target="")  # still with the robot
    assert [one.dialog_id for one in queue.open()] == [first, second]
    assert queue.next() == first
    assert queue.take(first, "anna") == "anna"
    assert queue.next() == second
    assert queue.settle(second, "anna", Result.SOLVED) == "anna"
    assert queue.next() is None


def test_of_many_who_take_at_once_one_has_it(records: RecordStore, queue: Queue) -> None:
    one, names = opened(records), [f"oper{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(lambda name: queue.take(one, name), names))
    assert len(answers) == 1
    place = queue.of(one)
    assert place is not None
    assert {place.taken_by} == answers


def test_what_came_of_it_is_said_by_who_has_it(records: RecordStore, queue: Queue) -> None:
    one = opened(records)
    queue.take(one, "anna")
    assert queue.settle(one, "boris", Result.WRONG, "мимо") == "anna"
    place = queue.of(one)
    assert place is not None
    assert (place.result, place.note) == ("", "")
    assert queue.take(one, "boris") == "anna"
    assert queue.take(one, "boris", is_forced=True) == "boris"
    assert queue.settle(one, "boris", Result.CALL_BACK, "после шести") == "boris"
    assert queue.settle(one, "boris", Result.SOLVED) == "boris"  # corrected; the note stays
    place = queue.of(one)
    assert place is not None
    assert (place.result, place.note, place.taken_by) == ("solved", "после шести", "boris")
    with pytest.raises(UnknownDialog):
        queue.settle("00000000", "anna", Result.SOLVED)


def test_an_id_is_found_by_its_end_among_what_operators_may_see(
    records: RecordStore, queue: Queue, clock: VirtualClock
) -> None:
    handed, running, finished = opened(records), opened(records, target=""), opened(records, target="")
    records.finish_dialog(finished, "booked")
    for one, expected in ((handed, [handed]), (running, [running]), (finished, [])):
        assert [found.dialog_id for found in queue.ending_with(one[-5:])] == expected
    assert queue.ending_with("%%%%") == ()
    clock.advance(KEPT.total_seconds() + 1)
    assert queue.ending_with(handed[-5:]) == ()
