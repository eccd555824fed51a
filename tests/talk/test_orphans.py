"""A call whose brain died still ends in the records."""

from pathlib import Path

import pytest

from voicebot import dialog_id
from voicebot.clock import VirtualClock
from voicebot.link.messages import CallStarted, EndedBy, Orphaned, TransferState
from voicebot.records.dialogs import Dialog
from voicebot.records.store import RecordStore
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import upgrade
from voicebot.talk.orphans import store_orphan


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    database = open_database(f"sqlite:///{tmp_path}/records.db")
    upgrade(database)
    return RecordStore(database, tmp_path / "spool", VirtualClock())


def orphan(identity: str, transfer: TransferState | None) -> Orphaned:
    started = CallStarted(
        call_id="c1", dialog_id=identity, caller="+79161234567", called="100", source_host="127.0.0.1", sip_call_id="s1"
    )
    return Orphaned(started=started, ended_by=EndedBy.TRANSFERRED, transfer=transfer)


def test_the_dialog_of_a_dead_brain_is_finished(store: RecordStore) -> None:
    identity = dialog_id.new()
    store.open_dialog(Dialog(id=identity, caller_phone="+79161234567", sip_call_id="s1"))
    store_orphan(store, VirtualClock(), "demo", orphan(identity, TransferState.COMPLETED))
    found = store.get(identity)
    assert found is not None
    assert (found.outcome, found.reason, found.transfer_result) == ("transferred", "brain_died", "completed")


@pytest.mark.parametrize("transfer", [None, TransferState.BUSY])
def test_a_call_that_never_had_a_brain_is_listed_as_lost(store: RecordStore, transfer: TransferState | None) -> None:
    identity = dialog_id.new()
    store_orphan(store, VirtualClock(), "demo", orphan(identity, transfer))
    store_orphan(store, VirtualClock(), "demo", orphan(identity, transfer))  # told twice
    (found,) = store.find()
    assert (found.id, found.outcome, found.caller_phone) == (identity, "lost", "+79161234567")
