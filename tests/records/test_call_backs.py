"""Calls to return: who is on the list, who does it, and when it is off it. On SQLite and PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.records.call_backs import KEPT, CallBacks, Returned, phone_to_call
from voicebot.records.dialogs import Dialog
from voicebot.records.queue import Queue, Result
from voicebot.records.store import RecordStore, UnknownDialog
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

PHONE, OTHER = "+79161234567", "+79167654321"


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
def backs(database: Database, clock: VirtualClock) -> CallBacks:
    return CallBacks(database, clock)


def ended(records: RecordStore, outcome: str, phone: str = PHONE, **ending: object) -> str:
    one = dialog_id.new()
    records.open_dialog(Dialog(id=one, caller_phone=phone))
    records.finish_dialog(one, outcome, **ending)  # type: ignore[arg-type]
    return one


def test_lost_and_promised_calls_are_listed_once_a_number(records: RecordStore, backs: CallBacks, clock: VirtualClock) -> None:
    ended(records, "lost")
    clock.advance(60)
    again = ended(records, "lost")
    told = ended(records, "callback", "", summary={"телефон для звонка": "8 916 765-43-21"})
    ended(records, "lost", "anonymous")  # nobody can be called there
    ended(records, "booked", "+79160000009")
    found = backs.open()
    assert [(one.dialog_id, one.phone, one.calls) for one in found if one.phone == PHONE] == [(again, PHONE, 2)]
    assert [(one.dialog_id, one.phone) for one in found if one.phone != PHONE] == [(told, OTHER)]
    clock.advance(KEPT.total_seconds() + 1)
    assert backs.open() == ()


def test_a_number_that_was_called_is_off_the_list_with_its_earlier_calls(
    records: RecordStore, backs: CallBacks, clock: VirtualClock
) -> None:
    ended(records, "lost")
    clock.advance(60)
    again = ended(records, "lost")
    assert backs.done(again, "oper", Returned.REACHED)
    assert backs.open() == ()
    clock.advance(60)
    third = ended(records, "lost")
    assert [one.dialog_id for one in backs.open()] == [third]


def test_an_operators_promise_has_its_time_and_comes_first_when_due(
    database: Database, records: RecordStore, backs: CallBacks, clock: VirtualClock
) -> None:
    late, soon = ended(records, "transferred"), ended(records, "transferred", OTHER)
    Queue(database, clock).settle(late, "oper", Result.CALL_BACK)
    backs.promise(late, due_at=clock.now() + timedelta(hours=2), who="oper")
    backs.promise(soon, due_at=clock.now() + timedelta(hours=1), note="спросить Анну")
    assert [(one.dialog_id, one.note, one.assigned_to) for one in backs.open()] == [
        (soon, "спросить Анну", ""),
        (late, "", "oper"),
    ]
    clock.advance(3700)
    assert [one.is_overdue(clock.now()) for one in backs.open()] == [True, False]
    clock.advance(KEPT.total_seconds())
    assert len(backs.open()) == 2  # a promise is kept however old it is


def test_the_first_who_takes_a_call_has_it(records: RecordStore, backs: CallBacks) -> None:
    one = ended(records, "lost")
    assert backs.take(one, "anna") == "anna"
    assert backs.take(one, "boris") == "anna"
    assert backs.take(one, "boris", is_forced=True) == "boris"
    with pytest.raises(UnknownDialog):
        backs.take("00000000", "anna")


def test_two_who_take_at_once_do_not_both_have_it(records: RecordStore, backs: CallBacks) -> None:
    one = ended(records, "lost")
    names = [f"oper{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda name: backs.take(one, name), names))
    assert len(set(answers)) == 1
    assert backs.open()[0].assigned_to == answers[0]


def test_tries_are_counted_once_a_click(records: RecordStore, backs: CallBacks, clock: VirtualClock) -> None:
    one = ended(records, "lost")
    later = clock.now() + timedelta(minutes=30)
    for _ in range(2):
        backs.tried(one, "oper", 0, later)
    (call,) = backs.open()
    assert (call.tries, call.due_at, call.assigned_to, call.last_try_at) == (1, later, "oper", clock.now())
    backs.tried(one, "oper", 1, note="не отвечает")
    assert backs.open()[0].tries == 2
    assert backs.done(one, "oper", Returned.GAVE_UP)
    assert backs.done(one, "oper", Returned.GAVE_UP)  # the same click, twice
    assert not backs.done(one, "anna", Returned.REACHED)


def test_who_called_again_is_seen(records: RecordStore, backs: CallBacks, clock: VirtualClock) -> None:
    one = ended(records, "lost")
    assert backs.open()[0].called_again == ""
    clock.advance(60)
    again = ended(records, "booked")
    (call,) = backs.open()
    assert (call.dialog_id, call.called_again) == (one, again)


def test_the_number_to_call_is_the_one_that_was_told() -> None:
    assert phone_to_call({"телефон": "89160000001"}, PHONE) == "+79160000001"
    assert phone_to_call({"телефон": "не помню"}, "8 (916) 123-45-67") == PHONE
    assert phone_to_call({}, "anonymous") == ""
