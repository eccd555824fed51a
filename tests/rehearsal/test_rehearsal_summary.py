"""What a run of rehearsals tells at its end."""

from voicebot.rehearsal.crew import summary
from voicebot.rehearsal.rehearse import Rehearsed


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
