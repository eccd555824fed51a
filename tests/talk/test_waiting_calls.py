"""A waiting call in the records: known at once, taken over by whoever serves it, settled however it ends."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy.exc import OperationalError

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.link.load import BusyMeter
from voicebot.link.messages import CallStarted, EndedBy, Orphaned, TransferState, Waiting
from voicebot.records.call_backs import CallBacks
from voicebot.records.dialogs import Dialog
from voicebot.records.store import RecordStore
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade
from voicebot.talk.chronicle import Chronicle
from voicebot.talk.load_meter import LoadMeter
from voicebot.talk.orphans import store_orphan
from voicebot.talk.waiting_calls import store_waiting

CLOCK = VirtualClock()
CAME_AT = CLOCK.now().timestamp() - 12.345678


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = open_database(f"sqlite:///{tmp_path}/records.db")
    upgrade(opened)
    return opened


@pytest.fixture
def store(database: Database, tmp_path: Path) -> RecordStore:
    return RecordStore(database, tmp_path / "spool", CLOCK)


def waits(identity: str, sip_call_id: str = "s1", waited_seconds: float | None = None) -> CallStarted:
    return CallStarted(
        call_id="c1", dialog_id=identity, caller="+79161234567", called="100", source_host="127.0.0.1",
        sip_call_id=sip_call_id, waited_seconds=waited_seconds, came_at=CAME_AT,
    )  # fmt: skip


def known(store: RecordStore, identity: str) -> Dialog:
    found = store.get(identity)
    assert found is not None
    return found


def test_it_is_known_while_it_waits_and_another_process_may_answer_for_it(store: RecordStore) -> None:
    identity = dialog_id.new()
    store_waiting(store, CLOCK, "demo", "brain-a", Waiting(started=waits(identity)))
    found = known(store, identity)
    assert (found.outcome, found.reason, found.served_by, found.caller_phone) == ("", "queue", "brain-a", "+79161234567")
    store_waiting(store, CLOCK, "demo", "brain-b", Waiting(started=waits(identity)))
    assert known(store, identity).served_by == "brain-b"
    store_waiting(store, CLOCK, "demo", "brain-b", Waiting(started=waits(identity), reason="queue_too_long"))
    found = known(store, identity)
    assert (found.reason, found.transfer_target) == ("queue_too_long", "operator")


def refused_for_good(folder: Path) -> list[Path]:
    return list(folder.rglob("*.rejected.jsonl"))


def chronicle(store: RecordStore, renamed: list[str]) -> Chronicle:
    return Chronicle(
        store=store, executor=ThreadPoolExecutor(1), clock=CLOCK, dialplan="demo", versions={"dialplan": "x"},
        rename=renamed.append, recordings_folder=None, served_by="brain-c",
    )  # fmt: skip


async def test_a_brain_takes_it_over_but_never_another_calls_dialog(store: RecordStore) -> None:
    identity = dialog_id.new()
    store_waiting(store, CLOCK, "demo", "brain-a", Waiting(started=waits(identity)))
    renamed: list[str] = []
    other = chronicle(store, renamed)
    await other.open(waits(identity, "another", 3.0))
    assert renamed == [other.dialog_id]
    assert known(store, identity).served_by == "brain-a"
    own = chronicle(store, renamed)
    await own.open(waits(identity, waited_seconds=7.6))
    found = known(store, identity)
    assert (own.dialog_id, len(renamed)) == (identity, 1)
    assert (found.served_by, found.reason, found.versions) == ("brain-c", "", {"dialplan": "x"})
    assert [(turn.text, turn.slots) for turn in found.turns] == [("waited in the queue", {"seconds": 8})]
    assert found.started_at is not None
    assert found.started_at.timestamp() == pytest.approx(CAME_AT, abs=1e-5)  # it began when he was answered
    store.finish_dialog(identity, "booked")
    store_waiting(store, CLOCK, "demo", "brain-a", Waiting(started=waits(identity)))  # told too late
    assert (known(store, identity).outcome, known(store, identity).served_by) == ("booked", "brain-c")


async def test_while_the_database_is_away_nothing_of_it_is_lost_or_refused_later(
    store: RecordStore, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object, **_kwargs: object) -> NoReturn:
        raise OperationalError("", {}, Exception("database is locked"))

    identity = dialog_id.new()
    with monkeypatch.context() as gone:
        gone.setattr(database, "session", away)
        store_waiting(store, CLOCK, "demo", "brain-a", Waiting(started=waits(identity)))
        await chronicle(store, []).open(waits(identity, waited_seconds=7.6))
        assert store.spooled_count == 4
    CLOCK.advance(3600)
    store.replay_spool()
    found = known(store, identity)
    assert (found.served_by, found.reason, len(found.turns)) == ("brain-c", "", 1)
    assert not refused_for_good(tmp_path)


def test_who_hung_up_while_waiting_is_to_be_called(store: RecordStore, database: Database) -> None:
    identity = dialog_id.new()
    store_waiting(store, CLOCK, "demo", "brain-a", Waiting(started=waits(identity)))
    ended = Orphaned(started=waits(identity), ended_by=EndedBy.CALLER, transfer=None, reason="queue_left")
    store_orphan(store, CLOCK, "demo", ended)
    found = known(store, identity)
    assert (found.outcome, found.reason, found.transfer_target) == ("lost", "queue_left", "")
    assert [one.dialog_id for one in CallBacks(database, CLOCK).open()] == [identity]


def test_who_reached_an_operator_from_the_queue_is_not(store: RecordStore, database: Database) -> None:
    identity = dialog_id.new()
    ended = Orphaned(
        started=waits(identity), ended_by=EndedBy.OPERATOR, transfer=TransferState.BRIDGED, reason="queue_operator"
    )
    store_orphan(store, CLOCK, "demo", ended)
    found = known(store, identity)
    assert (found.outcome, found.reason, found.transfer_result) == ("transferred", "queue_operator", "bridged")
    assert not CallBacks(database, CLOCK).open()


def test_a_brain_tells_how_much_it_has_to_do() -> None:
    meter = LoadMeter(cores=2.0, now=0.0, used_seconds=0.0)
    for number in range(100):
        meter.behind(500.0 if number >= 90 else 20.0, now=number / 20)
        meter.answered(300.0, now=number / 20)
    load = meter.tell(5.0, used_seconds=4.0)
    assert (load.busy_share, load.behind_ms, load.answer_ms) == (0.4, 500.0, 300.0)
    quiet = meter.tell(20.0, used_seconds=4.0)
    assert (quiet.busy_share, quiet.behind_ms, quiet.answer_ms) == (0.0, 0.0, 0.0)
    assert BusyMeter(1.0, 0.0, 0.0).share(2.0, 1.0) == 0.5
