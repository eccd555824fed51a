"""Calls without a brain are stored in order, whatever refuses in between."""

import threading
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.errors import StorageError
from voicebot.link.messages import CallStarted, EndedBy, Orphaned, Waiting
from voicebot.records.dialogs import Dialog
from voicebot.records.store import RecordStore
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade
from voicebot.talk.brainless_records import BrainlessRecords
from voicebot.talk.waiting_calls import store_waiting, take_over

CLOCK = VirtualClock()


class Store(RecordStore):
    """One that can be told to refuse reading, or to break at one dialog."""

    is_refusing = False
    breaks_at = ""

    def get(self, dialog_id: str) -> Dialog | None:
        if self.is_refusing:
            raise StorageError("The database refused.")
        if dialog_id == self.breaks_at:
            raise KeyError("+79161234567")
        return super().get(dialog_id)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    database = open_database(f"sqlite:///{tmp_path}/records.db")
    upgrade(database)
    return Store(database, tmp_path / "spool", CLOCK)


def call(identity: str, came_at: float | None = None) -> CallStarted:
    return CallStarted(
        call_id="c", dialog_id=identity, caller="+79161234567", called="100", source_host="", sip_call_id=identity,
        came_at=came_at,
    )  # fmt: skip


def orphan(identity: str) -> Orphaned:
    return Orphaned(started=call(identity), ended_by=EndedBy.CALLER, transfer=None)


def records(store: Store, alarms: list[str]) -> BrainlessRecords:
    return BrainlessRecords(store, CLOCK, "demo", "b1", alarms.append)


def outcome(store: Store, identity: str) -> str:
    found = RecordStore.get(store, identity)
    return found.outcome if found is not None else "unknown"


def test_an_end_waits_for_a_database_that_refuses(store: Store) -> None:
    alarms: list[str] = []
    keeper = records(store, alarms)
    one, two = dialog_id.new(), dialog_id.new()
    store.is_refusing = True
    keeper.tell(orphan(one))
    keeper.tell(orphan(two))
    keeper._pool.submit(lambda: None).result(10)
    assert (outcome(store, one), outcome(store, two)) == ("unknown", "unknown")
    store.is_refusing = False
    keeper.try_again()
    keeper.close()
    assert (outcome(store, one), outcome(store, two)) == ("lost", "lost")
    assert alarms == []


def test_one_that_cannot_be_stored_is_told_and_stops_no_other(store: Store) -> None:
    alarms: list[str] = []
    keeper = records(store, alarms)
    one, two = dialog_id.new(), dialog_id.new()
    store.breaks_at = one
    with capture_logs() as logs:
        keeper.tell(orphan(one))
        keeper.tell(orphan(two))
        keeper.close()
    assert outcome(store, two) == "lost"
    assert alarms == ["record_lost"]
    assert [(entry["event"], entry["error"]) for entry in logs] == [("record_lost", "KeyError")]
    assert "7916" not in str(logs)


def test_that_it_waits_is_stored_before_how_it_ended(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long the first takes: it would open again, in the list of those who wait, what is over."""
    is_held = threading.Event()
    open_dialog = store.open_dialog

    def slowly(dialog: Dialog) -> None:
        is_held.wait(10)
        open_dialog(dialog)

    monkeypatch.setattr(store, "open_dialog", slowly)
    keeper = records(store, [])
    identity = dialog_id.new()
    at = CLOCK.now().timestamp()
    ended = orphan(identity)
    ended.started, ended.reason = call(identity, at), "queue_left"
    keeper.tell(Waiting(started=call(identity, at)))
    keeper.tell(ended)
    is_held.set()
    keeper.close()
    found = store.get(identity)
    assert found is not None
    assert (found.outcome, found.reason, found.served_by) == ("lost", "queue_left", "b1")


def test_a_late_word_that_it_waits_takes_no_served_call_away(store: Store) -> None:
    identity = dialog_id.new()
    started = call(identity, CLOCK.now().timestamp())
    head: dict[str, Any] = {"id": identity, "sip_call_id": identity, "dialplan": "demo", "served_by": "its-brain"}
    store.open_dialog(Dialog(**head, started_at=CLOCK.now()))
    take_over(store, Dialog(**head))
    store_waiting(store, CLOCK, "demo", "another", Waiting(started=started))
    found = store.get(identity)
    assert found is not None
    assert found.served_by == "its-brain", "when the other dies, this call is not lost"
