"""The queue of calls that the robot makes. On both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from small_clinic import PHONE

from voicebot.clinic.failures import BadPhone, KeyReused
from voicebot.clinic.outgoing_calls import LEASE_SECONDS, CallResult, OutgoingCall, OutgoingCalls
from voicebot.clock import VirtualClock
from voicebot.storage.database import Database

HOUR = timedelta(hours=1)


@pytest.fixture
def calls(database: Database, clock: VirtualClock) -> OutgoingCalls:
    return OutgoingCalls(database, clock)


def put(calls: OutgoingCalls, clock: VirtualClock, key: str = "k1", *, tries: int = 1, hours: float = 2) -> OutgoingCall:
    now = clock.now()
    return calls.put(key, PHONE, "reminder", {"appointment_id": 17}, now, now + hours * HOUR, tries=tries, retry_seconds=600)


def claimed(calls: OutgoingCalls, holder: str = "brain1") -> OutgoingCall:
    (call,) = calls.claim(holder)
    return call


def test_the_same_key_is_the_same_call(calls: OutgoingCalls, clock: VirtualClock) -> None:
    first = put(calls, clock)
    assert (first.phone, first.given, first.status) == (PHONE, {"appointment_id": 17}, "queued")
    assert put(calls, clock) == first
    with pytest.raises(KeyReused):
        calls.put("k1", PHONE, "survey", {}, clock.now(), clock.now() + HOUR)
    with pytest.raises(BadPhone):
        calls.put("k2", "operator", "reminder", {}, clock.now(), clock.now() + HOUR)


def test_it_is_made_within_its_time(calls: OutgoingCalls, clock: VirtualClock) -> None:
    now = clock.now()
    calls.put("later", PHONE, "reminder", {}, now + HOUR, now + 2 * HOUR)
    assert calls.claim("brain1") == ()
    clock.advance(3600)
    assert claimed(calls).key == "later"
    put(calls, clock, "missed", hours=1)
    clock.advance(3600)
    assert [call.key for call in calls.claim("brain1")] == []
    assert calls.of(["missed"])["missed"].result == "expired"


def test_a_call_goes_to_one_brain(calls: OutgoingCalls, clock: VirtualClock) -> None:
    for number in range(20):
        put(calls, clock, f"k{number}")
    with ThreadPoolExecutor(4) as pool:
        several = list(pool.map(lambda number: calls.claim(f"brain{number % 4}", 2), range(16)))
    ids = [call.id for some in several for call in some]
    assert len(ids) == len(set(ids)) == 20


def test_from_queue_to_result(calls: OutgoingCalls, clock: VirtualClock) -> None:
    put(calls, clock)
    call = claimed(calls)
    assert calls.dial(call.id, "brain1", "7A3KM05X")
    assert calls.of(["k1"])["k1"].status == "dialing"
    calls.talk(call.id, "brain1", "7A3KM05X")
    clock.advance(40)
    calls.finish(call.id, "brain1", CallResult.CONFIRMED)
    done = calls.get("k1")
    assert done is not None
    assert (done.status, done.result, done.dialog_id, done.attempts) == ("done", "confirmed", "7A3KM05X", 1)
    assert done.done_at == clock.now()
    assert calls.claim("brain1") == ()


def test_nobody_answers_and_it_is_tried_again_as_often_as_allowed(calls: OutgoingCalls, clock: VirtualClock) -> None:
    put(calls, clock, tries=2)
    for attempt in (1, 2):
        call = claimed(calls)
        assert calls.dial(call.id, "brain1", "7A3KM05X")
        calls.finish(call.id, "brain1", CallResult.NO_ANSWER)
        assert calls.claim("brain1") == ()  # not at once
        assert calls.of(["k1"])["k1"].attempts == attempt
        clock.advance(600)
    assert calls.of(["k1"])["k1"].result == "no_answer"
    assert calls.claim("brain1") == ()


def test_who_said_no_is_not_called_again(calls: OutgoingCalls, clock: VirtualClock) -> None:
    put(calls, clock, tries=3)
    call = claimed(calls)
    calls.dial(call.id, "brain1", "7A3KM05X")
    calls.finish(call.id, "brain1", CallResult.DECLINED)
    clock.advance(3600)
    assert calls.claim("brain1") == ()


def test_another_try_that_found_no_line_ends_as_the_last_one_did(calls: OutgoingCalls, clock: VirtualClock) -> None:
    put(calls, clock, tries=2, hours=0.5)
    call = claimed(calls)
    calls.dial(call.id, "brain1", "7A3KM05X")
    calls.finish(call.id, "brain1", CallResult.BUSY)
    clock.advance(1800)
    calls.claim("brain1")
    assert calls.of(["k1"])["k1"].result == "busy"


def test_no_line_is_no_try(calls: OutgoingCalls, clock: VirtualClock) -> None:
    put(calls, clock)
    call = claimed(calls)
    calls.dial(call.id, "brain1", "7A3KM05X")
    calls.put_back(call.id, "brain1", 5)
    assert calls.claim("brain2") == ()
    clock.advance(5)
    again = claimed(calls, "brain2")
    assert (again.id, again.attempts) == (call.id, 0)


def test_a_brain_that_dies_before_it_dials_loses_the_call_to_another(calls: OutgoingCalls, clock: VirtualClock) -> None:
    put(calls, clock)
    call = claimed(calls)
    clock.advance(LEASE_SECONDS + 1)
    assert claimed(calls, "brain2").id == call.id
    assert not calls.dial(call.id, "brain1", "7A3KM05X")  # it was only slow: the call is not its own any more
    calls.finish(call.id, "brain1", CallResult.CONFIRMED)
    assert calls.of(["k1"])["k1"].result == ""


def test_a_brain_that_dies_in_a_call_leaves_a_result_and_nobody_is_called_twice(
    calls: OutgoingCalls, clock: VirtualClock
) -> None:
    put(calls, clock, tries=3)
    call = claimed(calls)
    calls.dial(call.id, "brain1", "7A3KM05X")
    for _ in range(5):
        clock.advance(20)
        calls.renew("brain1", [call.id])
        assert calls.claim("brain2") == ()
    assert calls.of(["k1"])["k1"].status == "dialing"
    clock.advance(LEASE_SECONDS + 1)
    assert calls.claim("brain2") == ()
    assert calls.of(["k1"])["k1"].result == "failed"


@pytest.mark.parametrize("is_claimed", [False, True])
def test_taken_back_before_it_is_dialled(calls: OutgoingCalls, clock: VirtualClock, is_claimed: bool) -> None:
    put(calls, clock)
    call_id = claimed(calls).id if is_claimed else 0
    assert calls.withdraw("k1")
    if is_claimed:
        assert not calls.dial(call_id, "brain1", "7A3KM05X")
    assert calls.claim("brain1") == ()
    assert calls.withdraw("k1")
    assert calls.withdraw("unknown")


def test_too_late_to_take_back(calls: OutgoingCalls, clock: VirtualClock) -> None:
    put(calls, clock)
    call = claimed(calls)
    calls.dial(call.id, "brain1", "7A3KM05X")
    assert not calls.withdraw("k1")


def test_results_are_read_on_from_the_last_one_seen(calls: OutgoingCalls, clock: VirtualClock) -> None:
    for number in range(5):
        put(calls, clock, f"k{number}")
        call = claimed(calls)
        calls.dial(call.id, "brain1", "7A3KM05X")
        calls.finish(call.id, "brain1", CallResult.MACHINE)
        clock.advance(number % 2)  # several at the same moment
    seen: list[str] = []
    since = None
    while some := calls.done_after(since, limit=2):
        seen += [call.key for call in some]
        assert some[-1].done_at is not None
        since = (some[-1].done_at, some[-1].id)
    assert seen == [f"k{number}" for number in range(5)]
