"""Calls that went down with their machine: an outcome, a place among the calls to return, a message to the patient; once."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from voicebot.clinic.tables import MessageRow
from voicebot.clock import VirtualClock
from voicebot.errors import StorageError
from voicebot.lost_calls import LostCalls
from voicebot.records.call_backs import CallBacks
from voicebot.records.presence import BEAT_SECONDS, GONE, Presence
from voicebot.records.tables import DialogRow
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

_LOOKS = int(GONE.total_seconds() / BEAT_SECONDS) + 1


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path / 'voicebot.db'}", busy_seconds=0.05, retry_seconds=0.05)
    upgrade(database)
    yield database
    database.close()


def _call(database: Database, clock: VirtualClock, dialog_id: str, phone: str, served_by: str) -> None:
    with database.session() as session:
        row = DialogRow(id=dialog_id, channel="phone", started_at=clock.now(), caller_phone=phone, served_by=served_by)
        session.add(row)


def _messages(database: Database) -> list[tuple[str, str, str]]:
    with database.session(is_readonly=True) as session:
        return [(row.dialog_id, row.phone, row.template) for row in session.scalars(select(MessageRow))]


def _look_later(lost: LostCalls, clock: VirtualClock) -> int:
    clock.advance(BEAT_SECONDS)
    return lost.look()


def test_a_lost_patient_is_told_once_and_called_back(database: Database) -> None:
    clock = VirtualClock()
    presence = Presence(database, clock, "one", "brain-1")
    presence.beat()
    _call(database, clock, "LOST0001", "+79161234567", presence.id)
    _call(database, clock, "LOST0002", "+74951234567", presence.id)  # a landline
    _call(database, clock, "LOST0003", "", presence.id)
    lost = LostCalls(database, clock)
    assert [_look_later(lost, clock) for _ in range(_LOOKS + 2)] == [0] * _LOOKS + [3, 0]
    assert _messages(database) == [("LOST0001", "+79161234567", "dialog_number")]
    assert {one.dialog_id for one in CallBacks(database, clock).open()} == {"LOST0001", "LOST0002"}


def test_after_the_database_was_away_everybody_may_speak_first(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()
    presence = Presence(database, clock, "one", "brain-1")
    presence.beat()
    _call(database, clock, "ALIVE001", "+79161234567", presence.id)
    lost = LostCalls(database, clock)
    for _ in range(_LOOKS):
        _look_later(lost, clock)
    with monkeypatch.context() as away:

        def refuse(*_: object, **__: object) -> None:
            raise StorageError("The database is away.", "")

        away.setattr(Database, "run", refuse)
        clock.advance(600)
        with pytest.raises(StorageError):
            lost.look()
    assert lost.look() == 0  # nobody could say that he lives
    presence.beat()
    assert [_look_later(lost, clock) for _ in range(_LOOKS)] == [0] * _LOOKS
    assert _messages(database) == []


def test_a_machine_that_comes_back_settles_its_own_at_once(database: Database) -> None:
    clock = VirtualClock()
    before, other = (Presence(database, clock, node, "brain-1") for node in ("one", "other"))
    before.beat()
    other.beat()
    _call(database, clock, "LOST0001", "+79161234567", before.id)
    _call(database, clock, "ALIVE001", "+79161234568", other.id)
    clock.advance(3)
    assert LostCalls(database, clock).look(of_node="one") == 1
    assert [one[0] for one in _messages(database)] == ["LOST0001"]
