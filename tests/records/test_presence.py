"""Who is dead is told from who was seen; calls of the dead get an outcome, calls of the living never do."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from voicebot.clock import VirtualClock
from voicebot.records import presence
from voicebot.records.presence import GONE, REPLACED, Presence, Watch
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


def _silent(**seconds: int) -> frozenset[str]:
    """`node_process=seconds`: who is dead after so many seconds without a word, looked at every ten."""
    watch = Watch()
    longest = max(seconds.values(), default=0)
    for tick in range(0, longest + 1, 10):
        watch.look({name: NOW + timedelta(seconds=min(tick, longest - silent)) for name, silent in seconds.items()}, tick)
    return watch.dead({name: name.split("_", maxsplit=1)[0] for name in seconds})


def test_a_machine_is_gone_when_none_of_its_processes_is_seen() -> None:
    assert _silent(a_1=0, b_1=70, b_2=80) == {"b_1", "b_2"}
    assert _silent(a_1=50, a_2=100) == frozenset()


def test_a_process_that_was_replaced_is_left_to_its_line_first() -> None:
    long_ago = int(REPLACED.total_seconds()) + 10
    assert _silent(a_old=3600, a_new=0) == frozenset()
    assert _silent(a_old=long_ago, a_new=0) == {"a_old"}


@given(st.dictionaries(st.from_regex(r"[abc]_[0-9]", fullmatch=True), st.integers(0, 1000).map(lambda n: n * 10), max_size=8))
def test_who_was_just_seen_is_never_dead(silent: dict[str, int]) -> None:
    assert not [name for name in _silent(**silent) if silent[name] <= GONE.total_seconds()]


@given(st.lists(st.integers(-(10**6), 10**6), min_size=12, max_size=12))
def test_a_clock_that_is_set_to_and_fro_kills_nobody(jumps_seconds: list[int]) -> None:
    watch, at = Watch(), NOW
    for beat, jump in enumerate(jumps_seconds):
        at += timedelta(seconds=10 + jump)
        watch.look({"one": at, "silent": NOW}, beat * 10.0)
    assert "one" not in watch.dead({"one": "a", "silent": "b"})
    assert "silent" in watch.dead({"one": "a", "silent": "b"})


def test_time_in_which_nobody_looked_is_no_silence() -> None:
    watch = Watch()
    watch.look({"one": NOW}, 0.0)
    watch.look({"one": NOW}, 3600.0)  # we were stopped, and perhaps so was the whole machine
    assert watch.dead({"one": "a"}) == frozenset()


def _watched(database: Database, clock: VirtualClock, watch: Watch, seconds: float, *alive: Presence) -> list[str]:
    """Let time pass with a look every ten seconds; return the dialogs that were settled."""
    settled = []
    for _ in range(int(seconds // 10)):
        clock.advance(10)
        for one in alive:
            one.beat()
        with database.session() as session:
            settled += presence.settle(session, clock.now(), "", watch, clock.monotonic_seconds())
    return settled


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
    watch = Watch()
    assert _watched(full, clock, watch, 30, one, other) == []
    last_seen = clock.now()
    assert set(_watched(full, clock, watch, 70, other)) == {"DEAD0001", "DEAD0002", "DEAD0003"}
    assert [_row(full, f"DEAD000{n}").outcome for n in (1, 2, 3)] == ["lost", "transferred", "booked"]
    assert _row(full, "DEAD0001").ended_at == last_seen
    assert _row(full, "DEAD0001").handling_seconds == 30
    assert _row(full, "ALIVE001").ended_at is None
    assert _row(full, "TEXT0001").ended_at is None
    assert _watched(full, clock, watch, 20, other) == []


def test_a_machine_that_starts_anew_holds_no_call_of_before(full: Database) -> None:
    clock = VirtualClock()
    before = Presence(full, clock, "one", "brain-1")
    before.beat()
    _open(full, "DEAD0001", clock, before.id)
    clock.advance(2)
    with full.session() as session:
        assert presence.settle(session, clock.now()) == []
        assert presence.settle(session, clock.now(), "one") == ["DEAD0001"]


def test_a_call_of_a_process_that_has_not_spoken_yet_is_left_alone(full: Database) -> None:
    clock = VirtualClock()
    _open(full, "YOUNG001", clock, "one/brain-1/abc")
    watch = Watch()
    assert _watched(full, clock, watch, 60) == []
    assert _watched(full, clock, watch, 20) == ["YOUNG001"]


def test_the_dead_are_forgotten_in_time(full: Database) -> None:
    clock = VirtualClock()
    Presence(full, clock, "one", "brain-1").beat()
    clock.advance(timedelta(days=2).total_seconds())
    _watched(full, clock, Watch(), 80)
    with full.session() as session:
        assert session.scalars(select(ProcessRow)).all() == []


def test_two_presences_of_one_name_are_two(full: Database) -> None:
    clock = VirtualClock()
    assert len({Presence(full, clock, "n" * 64, "a-long-name-of-a-process").id for _ in range(20)}) == 20
    one = Presence(full, clock, "n" * 64, "a-long-name-of-a-process")
    one.beat()
    one.beat()
    assert len(one.id) <= 96
