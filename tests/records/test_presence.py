"""Who is dead is told from who was seen; calls of the dead get an outcome, calls of the living never do."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from voicebot.clock import VirtualClock
from voicebot.records import presence
from voicebot.records.presence import GONE, REPLACED, Presence, Seen
from voicebot.records.tables import DialogRow, ProcessRow
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

NOW = VirtualClock().now()


@pytest.fixture
def full(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    upgrade(database)
    yield database
    database.close()


def _seen(**ages_seconds: float) -> dict[str, Seen]:
    """`node_process=age`."""
    return {
        name: Seen(name, name.split("_", maxsplit=1)[0], NOW - timedelta(seconds=age)) for name, age in ages_seconds.items()
    }


def test_a_machine_is_gone_when_none_of_its_processes_is_seen() -> None:
    assert presence.dead(_seen(a_1=5, b_1=61, b_2=70), NOW).keys() == {"b_1", "b_2"}
    assert presence.dead(_seen(a_1=59, a_2=61), NOW) == {}


def test_a_process_that_was_replaced_is_left_to_its_line_first() -> None:
    long_ago = REPLACED.total_seconds() + 1
    assert presence.dead(_seen(a_old=3600, a_new=1), NOW) == {}
    assert presence.dead(_seen(a_old=long_ago, a_new=1), NOW).keys() == {"a_old"}


@given(st.dictionaries(st.from_regex(r"[abc]_[0-9]", fullmatch=True), st.floats(0, 10_000), max_size=8))
def test_who_was_just_seen_is_never_dead(ages: dict[str, float]) -> None:
    dead = presence.dead(_seen(**ages), NOW)
    assert not [name for name in dead if ages[name] <= GONE.total_seconds()]
    assert all(dead[name] == NOW - timedelta(seconds=ages[name]) for name in dead)


def _open(database: Database, dialog_id: str, clock: VirtualClock, served_by: str, **more: object) -> None:
    with database.session() as session:
        session.add(DialogRow(id=dialog_id, channel="phone", started_at=clock.now(), served_by=served_by, **more))


def _row(database: Database, dialog_id: str) -> DialogRow:
    with database.session(is_readonly=True) as session:
        return session.scalars(select(DialogRow).where(DialogRow.id == dialog_id)).one()


def test_calls_of_a_dead_machine_get_their_outcome_and_others_go_on(full: Database) -> None:
    clock = VirtualClock()
    one, other = (Presence(full, clock, node, "brain-1") for node in ("one", "other"))
    one.beat()
    other.beat()
    _open(full, "DEAD0001", clock, one.id)
    _open(full, "DEAD0002", clock, one.id, transfer_result="bridged")
    _open(full, "DEAD0003", clock, one.id, outcome="booked")
    _open(full, "ALIVE001", clock, other.id)
    _open(full, "TEXT0001", clock, "")
    clock.advance(30)
    one.beat()
    last_seen = clock.now()
    clock.advance(61)
    other.beat()
    with full.session() as session:
        assert set(presence.settle(session, clock.now())) == {"DEAD0001", "DEAD0002", "DEAD0003"}
    assert [_row(full, f"DEAD000{n}").outcome for n in (1, 2, 3)] == ["lost", "transferred", "booked"]
    assert _row(full, "DEAD0001").ended_at == last_seen
    assert _row(full, "DEAD0001").handling_seconds == 30
    assert _row(full, "ALIVE001").ended_at is None
    assert _row(full, "TEXT0001").ended_at is None
    with full.session() as session:
        assert presence.settle(session, clock.now()) == []


def test_a_machine_that_starts_anew_holds_no_call_of_before(full: Database) -> None:
    clock = VirtualClock()
    before = Presence(full, clock, "one", "brain-1")
    before.beat()
    _open(full, "DEAD0001", clock, before.id)
    clock.advance(2)
    with full.session() as session:
        assert presence.settle(session, clock.now(), believes_silence=False) == []
        assert presence.settle(session, clock.now(), "one", believes_silence=False) == ["DEAD0001"]


def test_a_call_of_a_process_that_has_not_spoken_yet_is_left_alone(full: Database) -> None:
    clock = VirtualClock()
    _open(full, "YOUNG001", clock, "one/brain-1/abc")
    with full.session() as session:
        assert presence.settle(session, clock.now()) == []
    clock.advance(GONE.total_seconds() + 1)
    with full.session() as session:
        assert presence.settle(session, clock.now(), believes_silence=False) == []
        assert presence.settle(session, clock.now()) == ["YOUNG001"]


def test_the_dead_are_forgotten_in_time(full: Database) -> None:
    clock = VirtualClock()
    Presence(full, clock, "one", "brain-1").beat()
    clock.advance(timedelta(days=2).total_seconds())
    with full.session() as session:
        presence.settle(session, clock.now())
        assert session.scalars(select(ProcessRow)).all() == []


def test_two_presences_of_one_name_are_two(full: Database) -> None:
    clock = VirtualClock()
    assert len({Presence(full, clock, "n" * 64, "a-long-name-of-a-process").id for _ in range(20)}) == 20
    one = Presence(full, clock, "n" * 64, "a-long-name-of-a-process")
    one.beat()
    one.beat()
    assert len(one.id) <= 96
