"""What a run of rehearsals tells at its end."""

from voicebot.rehearsal.rehearse import Rehearsed
from voicebot.rehearsal.summary import bookings_table, missed, summary


def booked(name: str, turns: int, seconds: float, visits: int = 1, **more: bool) -> Rehearsed:
    return Rehearsed(name, outcome="booked", caller_turns=turns, seconds=seconds, booked=visits, **more)


def test_what_a_booking_takes_is_told_of_undisturbed_ones_and_of_all() -> None:
    results = [
        booked("usual", 6, 60.0),
        booked("corrected", 8, 90.0),
        booked("two", 10, 120.0, 2),
        booked("silent", 12, 180.0, is_disturbed=True),
        Rehearsed("price", outcome="informed", caller_turns=1, seconds=20.0, repairs=2),
        Rehearsed("broken", outcome="booked", failures=["turn 2"], seconds=10.0),
        Rehearsed("text", skipped="it prescribes noise"),
    ]
    assert summary(results).splitlines() == [
        "5 passed, 1 failed, 1 over text only.",
        "Longest call: 180 s (silent); 2 phrases repeated.",
        "Booking one visit, mean of 2: 7.0 turns, 75 s: at most 8 turns and 120 s are wanted.",
        "All calls that booked, mean of 4: 9.0 turns, 112 s; 5 visits.",
    ]


def test_without_bookings_nothing_is_said_of_them() -> None:
    assert summary([Rehearsed("price", outcome="informed", seconds=20.0)]).splitlines() == [
        "1 passed, 0 failed, 0 over text only.",
        "Longest call: 20 s (price); 0 phrases repeated.",
    ]
    assert summary([]) == "0 passed, 0 failed, 0 over text only."


def test_every_booking_has_its_row() -> None:
    results = [
        booked("corrected", 9, 90.4),
        booked("usual", 6, 60.0),
        booked("silent", 12, 180.0, is_disturbed=True),
        booked("two", 9, 110.0, 2),
        Rehearsed("price", outcome="informed", caller_turns=1, seconds=20.0),
        Rehearsed("text", skipped="it prescribes noise"),
    ]
    assert bookings_table(results).splitlines() == [
        "booking    turns  repeated  seconds  visits",
        "usual          6         0       60       1",
        "corrected      9         0       90       1",
        "two            9         0      110       2  several",
        "silent        12         0      180       1  disturbed",
        "mean of 4    9.0                110",
        "most          12                180",
    ]
    assert bookings_table([]) == ""


def test_what_is_missed_is_told() -> None:
    assert missed([booked("usual", 8, 119.0), booked("other", 8, 121.0)]) == []
    assert missed([booked("long", 9, 100.0), Rehearsed("talks", outcome="informed", seconds=211.0)]) == [
        "A booking takes 9.0 turns in the mean: at most 8 are wanted.",
        "talks took 211 s: at most 210 are wanted of any.",
    ]
    assert missed([booked("slow", 5, 121.0)]) == ["A booking takes 121 s in the mean: at most 120 are wanted."]
    assert missed([]) == ["No call booked."]
