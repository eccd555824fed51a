"""A database that neither answers nor refuses: turns go to the spool, calls go on, and nothing is stored twice or lost."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from voicebot.clock import SystemClock
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.patience import DatabaseHangs, Patience
from voicebot.records.store import RecordStore
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

ID = "A1B2C3D4"


class Hanging:
    """A database that can be stopped: transactions begin and then wait."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.waiting = 0

    @contextmanager
    def session(self, *, is_readonly: bool = False) -> Iterator[Session]:
        if not is_readonly and not self.goes_on.is_set():
            self.waiting += 1
            self.goes_on.wait(30)
            self.waiting -= 1
        with self._database.session(is_readonly=is_readonly) as session:
            yield session


def test_turns_are_kept_while_it_hangs_and_stored_once(database_url: str, tmp_path: Path) -> None:
    database = open_database(database_url)
    upgrade(database)
    hanging = Hanging(database)
    store = RecordStore(hanging, tmp_path / "spool", SystemClock(), limit_seconds=1.5)
    store.open_dialog(Dialog(ID))
    hanging.goes_on.clear()
    for number in range(1, 6):
        store.add_turn(ID, Turn(number, Who.CALLER, f"turn {number}"))
    store.finish_dialog(ID, "informed")
    assert hanging.waiting == 1  # one try, not one a turn
    assert store.is_degraded
    assert store.spooled_count == 6
    hanging.goes_on.set()  # what hung is carried out now, beside the replay of the same
    store.replay_spool()
    while hanging.waiting:
        time.sleep(0.01)
    assert not store.is_degraded
    found = store.get(ID)
    assert found is not None
    assert [turn.text for turn in found.turns] == [f"turn {number}" for number in range(1, 6)]
    assert found.outcome == "informed"
    assert not list((tmp_path / "spool").glob("*.rejected.jsonl"))
    store.close()
    database.close()


def test_what_works_in_time_is_passed_on() -> None:
    patience = Patience(5.0)
    done: list[int] = []
    patience.within(lambda: done.append(1))
    assert done == [1]
    with pytest.raises(ZeroDivisionError):
        patience.within(lambda: done.append(1 // 0))
    with pytest.raises(TimeoutError, match="its own"):
        patience.within(_times_out)


def _times_out() -> None:
    raise TimeoutError("its own")


def test_few_may_hang() -> None:
    goes_on = threading.Event()
    patience = Patience(0.02)
    for _ in range(8):
        with pytest.raises(DatabaseHangs):
            patience.within(lambda: goes_on.wait(30) and None)
    began = threading.active_count()
    with pytest.raises(DatabaseHangs):
        patience.within(lambda: None)
    assert threading.active_count() == began  # refused at once
    goes_on.set()
    while threading.active_count() > began - 8:
        time.sleep(0.01)
    patience.within(lambda: None)
