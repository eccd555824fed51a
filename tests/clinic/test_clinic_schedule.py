"""From weekly schedules to slots."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_clinic import doctor

from voicebot.clinic.catalogue import Shift
from voicebot.clinic.entries import Away, Extra
from voicebot.clinic.schedule import Piece, is_taken_in_demo, pieces
from voicebot.clinic.weekly import parse_days, parse_hours

MOSCOW = ZoneInfo("Europe/Moscow")
BERLIN = ZoneInfo("Europe/Berlin")  # Moscow changes its clocks no longer
MONDAY = date(2026, 11, 23)


def local_times(of, day: date, zone: ZoneInfo = MOSCOW) -> list[str]:
    return [f"{piece.start.astimezone(zone):%H:%M}" for piece in pieces(of, day, zone)]


def test_a_plain_day() -> None:
    someone = doctor("d", "therapist", Shift(branch="north", days="mon", hours="09:00-10:30, 14:00-15:10"), slot_minutes=30)
    assert local_times(someone, MONDAY) == ["09:00", "09:30", "10:00", "14:00", "14:30"]
    assert local_times(someone, MONDAY + timedelta(days=1)) == []
    first = next(pieces(someone, MONDAY, MOSCOW))
    assert first == Piece("d", "north", datetime(2026, 11, 23, 6, 0, tzinfo=UTC), 30)


def test_odd_and_even_weeks() -> None:
    someone = doctor(
        "d",
        "therapist",
        Shift(branch="north", days="mon", hours="08:00-09:00", weeks="odd"),
        Shift(branch="south", days="mon", hours="14:00-15:00", weeks="even"),
    )
    assert MONDAY.isocalendar().week == 48
    assert {p.branch_id for p in pieces(someone, MONDAY, MOSCOW)} == {"south"}
    assert {p.branch_id for p in pieces(someone, MONDAY + timedelta(days=7), MOSCOW)} == {"north"}


def test_vacation_and_extra_hours() -> None:
    someone = doctor(
        "d",
        "therapist",
        Shift(branch="north", days="mon-fri", hours="09:00-10:00"),
        away=(Away.model_validate({"from": "2026-11-24", "to": "2026-11-26"}),),
        extra=(
            Extra(date=date(2026, 11, 27), branch="south", hours="18:00-18:30"),
            Extra(date=date(2026, 11, 25), branch="south", hours="18:00-18:30"),
        ),
    )
    week = [len(local_times(someone, MONDAY + timedelta(days=day))) for day in range(7)]
    assert week == [2, 0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2027, 3, 27), ["01:00", "02:00", "03:00", "04:00"]),
        (date(2027, 3, 28), ["01:00", "03:00", "04:00"]),  # 02:00-03:00 does not exist
        (date(2027, 10, 31), ["01:00", "02:00", "02:00", "03:00", "04:00"]),  # 02:00-03:00 comes twice
    ],
)
def test_nights_when_the_clocks_change(day: date, expected: list[str]) -> None:
    night = doctor("d", "therapist", Shift(branch="north", days="mon-sun", hours="01:00-05:00"), slot_minutes=60)
    assert local_times(night, day, BERLIN) == expected
    starts = [piece.start for piece in pieces(night, day, BERLIN)]
    assert {b - a for a, b in itertools.pairwise(starts)} == {timedelta(hours=1)}


def test_until_midnight() -> None:
    late = doctor("d", "therapist", Shift(branch="north", days="mon", hours="23:00-24:00"))
    assert local_times(late, MONDAY) == ["23:00", "23:30"]


def test_overlapping_lines_never_give_overlapping_slots() -> None:
    someone = doctor(
        "d",
        "therapist",
        Shift(branch="north", days="mon", hours="09:00-12:00"),
        Shift(branch="south", days="mon", hours="11:00-13:00"),
        Shift(branch="north", days="mon", hours="10:00-10:30"),
    )
    assert local_times(someone, MONDAY) == ["09:00", "09:30", "10:00", "10:30", "11:00", "11:30", "12:00", "12:30"]


span = st.tuples(st.integers(0, 283), st.integers(1, 60)).map(lambda s: (s[0] * 5, min(s[0] * 5 + s[1] * 5, 1440)))


@given(
    spans=st.lists(span, min_size=1, max_size=4),
    slot_minutes=st.integers(1, 12).map(lambda n: n * 5),
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    zone=st.sampled_from([MOSCOW, BERLIN, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Australia/Lord_Howe")]),
)
def test_slots_are_whole_disjoint_and_on_the_grid(spans: list, slot_minutes: int, day: date, zone: ZoneInfo) -> None:
    def clock(minutes: int) -> str:
        return f"{minutes // 60:02}:{minutes % 60:02}"

    shifts = [Shift(branch="north", days="mon-sun", hours=f"{clock(a)}-{clock(b)}") for a, b in spans]
    found = list(pieces(doctor("d", "therapist", *shifts, slot_minutes=slot_minutes), day, zone))
    for first, second in itertools.pairwise(found):
        assert second.start - first.start >= timedelta(minutes=slot_minutes)
    for piece in found:
        assert piece.start.tzinfo is UTC
        assert piece.start.minute % 5 == 0
        assert piece.duration_minutes == slot_minutes
    longest = max(b - a for a, b in spans)
    if longest >= slot_minutes + 60:  # an hour may be missing on the night of a change
        assert found


def test_demo_share_is_deterministic_nearer_is_fuller_and_about_right() -> None:
    someone = doctor("d", "therapist", Shift(branch="north", days="mon-sun", hours="08:00-20:00"), slot_minutes=20)
    by_day = [
        [is_taken_in_demo(piece, ahead, 0.45, seed=7) for piece in pieces(someone, MONDAY + timedelta(days=ahead), MOSCOW)]
        for ahead in range(30)
    ]
    again = [
        [is_taken_in_demo(piece, ahead, 0.45, seed=7) for piece in pieces(someone, MONDAY + timedelta(days=ahead), MOSCOW)]
        for ahead in range(30)
    ]
    assert by_day == again
    taken = [sum(day) / len(day) for day in by_day]
    assert sum(taken[:10]) > sum(taken[-10:])
    assert 0.3 < sum(taken) / len(taken) < 0.6
    assert not any(is_taken_in_demo(piece, 1, 0.0, seed=7) for piece in pieces(someone, MONDAY, MOSCOW))
    other = [is_taken_in_demo(piece, 0, 0.45, seed=8) for piece in pieces(someone, MONDAY, MOSCOW)]
    assert other != by_day[0]


@pytest.mark.parametrize(
    ("text", "days"), [("mon-fri", {0, 1, 2, 3, 4}), ("sat", {5}), ("fri-mon", {4, 5, 6, 0}), ("tue, thu", {1, 3})]
)
def test_days(text: str, days: set[int]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize("text", ["", "пн", "mon-", "mon--fri", "mo"])
def test_wrong_days(text: str) -> None:
    with pytest.raises(ValueError, match="no day"):
        parse_days(text)


@pytest.mark.parametrize(
    "text", ["", "9", "09:00", "09:00-25:00", "09:60-10:00", "10:00-09:00", "09:00-11:00, 10:00-12:00", "9.00-10.00"]
)
def test_wrong_hours(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|ends before|begins before"):
        parse_hours(text)
