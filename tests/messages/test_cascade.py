"""The cascade as a pure machine: channel after channel, deadlines, nights, late receipts, unknown fates."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.messages.cascade import (
    Accepted,
    Away,
    Drop,
    Event,
    Interrupted,
    Look,
    NotReached,
    Outcome,
    Phase,
    Reached,
    Refused,
    Send,
    State,
    Step,
    Throttled,
    Unsure,
    Unusable,
    advance,
)

NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # 12:00 in Moscow
DAY = {"first": "09:00", "last": "21:00"}
TELEGRAM = Step("telegram", "100", 900)
SMS = Step("sms", "+79160000001", 3600)


def fresh(*steps: Step, now: datetime = NOON, hours: float = 24, **more: object) -> State:
    return State(steps, "Europe/Moscow", now + timedelta(hours=hours), now, **more)  # type: ignore[arg-type]


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def play(state: State, *events: tuple[Event, float]) -> tuple[State, list[Send]]:
    """Feed events, each at minutes after noon; return the end and what was sent."""
    sent = []
    for event, at in events:
        state, order = advance(state, event, NOON + minutes(at))
        if order is not None:
            sent.append(order)
    return state, sent


def test_delivered_in_time_ends_it() -> None:
    state, sent = play(fresh(TELEGRAM, SMS), (Look(), 0), (Accepted(1), 0), (Reached(1), 5), (Look(), 60))
    assert [order.step.channel for order in sent] == ["telegram"]
    assert (state.outcome, state.phase) == (Outcome.DELIVERED, Phase.DONE)
    assert advance(state, Reached(1, is_read=True), NOON)[0].outcome is Outcome.READ


def test_the_next_channel_after_the_deadline_not_before() -> None:
    state, sent = play(fresh(TELEGRAM, SMS), (Look(), 0), (Accepted(1), 0), (Look(), 14.9))
    assert len(sent) == 1
    state, sent = play(state, (Look(), 15))
    assert sent == [Send(2, SMS)]


def test_a_late_receipt_stops_what_has_not_been_sent_yet() -> None:
    call = Step("call", "+79160000001", 600)
    state, sent = play(
        fresh(TELEGRAM, SMS, call), (Look(), 0), (Accepted(1), 0), (Look(), 16), (Accepted(2), 16), (Reached(1), 20)
    )
    assert len(sent) == 2
    assert state.outcome is Outcome.DELIVERED
    assert play(state, (Look(), 500))[1] == []
    assert play(state, (NotReached(2), 500))[0].outcome is Outcome.DELIVERED


def test_refused_undelivered_and_unusable_go_on_at_once() -> None:
    for event in (Refused(1), Unusable("withdrawn")):
        state, _ = play(fresh(TELEGRAM, SMS), (Look(), 0), (event, 0))
        assert play(state, (Look(), 0))[1] == [Send(2, SMS)]
    state, _ = play(fresh(TELEGRAM, SMS), (Look(), 0), (Accepted(1), 0), (NotReached(1), 1))
    assert play(state, (Look(), 1))[1] == [Send(2, SMS)]


def test_what_stops_is_said_by_channel() -> None:
    wants_read = replace(TELEGRAM, stop_on="read")
    state, _ = play(fresh(wants_read, SMS), (Look(), 0), (Accepted(1), 0), (Reached(1), 1))
    assert not state.is_done
    assert play(state, (Look(), 15))[1] == [Send(2, SMS)]
    assert play(state, (Reached(1, is_read=True), 2))[0].outcome is Outcome.READ
    state, _ = play(fresh(replace(TELEGRAM, stop_on="accepted"), SMS), (Look(), 0), (Accepted(1), 0))
    assert state.outcome is Outcome.SENT


def test_without_receipt_on_the_last_channel_it_is_sent_and_a_late_receipt_corrects_that() -> None:
    state, _ = play(fresh(SMS), (Look(), 0), (Accepted(1), 0), (Look(), 61))
    assert (state.outcome, state.is_done) == (Outcome.SENT, True)
    assert advance(state, Reached(1), NOON)[0].outcome is Outcome.DELIVERED
    assert advance(state, NotReached(1), NOON)[0].outcome is Outcome.FAILED
    assert advance(advance(state, NotReached(1), NOON)[0], Reached(1), NOON)[0].outcome is Outcome.DELIVERED


def test_throttled_waits_and_away_takes_the_backup() -> None:
    state, _ = play(fresh(SMS), (Look(), 0), (Throttled(1, 90), 0))
    assert play(state, (Look(), 1.4))[1] == []
    assert play(state, (Look(), 1.5))[1] == [Send(2, SMS)]
    state, _ = play(fresh(SMS), (Look(), 0), (Away(1, "main", has_other=True), 0))
    assert state.away == ("main",)
    state, sent = play(state, (Look(), 0), (Away(2, "backup", has_other=False), 0))
    assert sent == [Send(2, SMS)]
    assert state.away == ()
    assert state.due_at > NOON  # all are away: after a pause, from the first again


def test_an_outage_passes_on_to_the_next_channel_but_the_last_one_is_tried_to_the_end() -> None:
    state = fresh(SMS, TELEGRAM)
    at = 0.0
    while state.at == 0:
        state, order = advance(state, Look(), NOON + minutes(at))
        if order is not None:
            state, _ = advance(state, Away(order.attempt, "main", has_other=False), NOON + minutes(at))
        at += 1
    assert at == pytest.approx(60, abs=12)
    state = fresh(SMS, hours=5)
    for at in range(320):
        state, order = advance(state, Look(), NOON + minutes(at))
        if order is not None:
            state, _ = advance(state, Away(order.attempt, "main", has_other=False), NOON + minutes(at))
    assert (state.outcome, state.reason) == (Outcome.FAILED, "provider_away")
    assert 20 < state.attempt < 60


def test_of_unknown_fate_and_idempotent_the_same_key_again() -> None:
    state, sent = play(fresh(SMS), (Look(), 0), (Unsure(1, is_idempotent=True), 0), (Look(), 1))
    assert sent == [Send(1, SMS), Send(1, SMS, is_repeat=True)]
    state, sent = play(state, (Away(1, "main", has_other=True), 1), (Look(), 5), (Accepted(1), 5))
    assert sent == [Send(1, SMS, is_repeat=True)]  # not the backup: the main one may have it
    assert state.phase is Phase.WAITING
    state, sent = play(fresh(SMS), (Look(), 0), (Interrupted(is_idempotent=True), 30), (Accepted(1), 30), (Reached(1), 31))
    assert sent == [Send(1, SMS), Send(1, SMS, is_repeat=True)]
    assert state.outcome is Outcome.DELIVERED


def test_of_unknown_fate_and_not_idempotent_waits_for_a_receipt() -> None:
    start = play(fresh(SMS), (Look(), 0), (Interrupted(is_idempotent=False), 1))[0]
    assert play(start, (Look(), 15))[1] == []
    assert play(start, (Reached(1), 10), (Look(), 200))[1] == []
    state, sent = play(start, (Look(), 16))
    assert sent == [Send(2, SMS)]  # rather twice than never
    state, sent = play(state, (Unsure(2, is_idempotent=False), 16), (Look(), 40))
    assert sent == [Send(3, SMS)]
    state, sent = play(state, (Unsure(3, is_idempotent=False), 40), (Look(), 200))
    assert sent == []  # not for ever
    assert state.outcome is Outcome.SENT
    leave = play(fresh(SMS, may_repeat_unsure=False), (Look(), 0), (Interrupted(is_idempotent=False), 1), (Look(), 61))
    assert (len(leave[1]), leave[0].outcome) == (1, Outcome.SENT)


def test_not_at_night_and_not_when_the_morning_is_too_late() -> None:
    night = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)  # 22:00 in Moscow
    by_day = replace(SMS, **DAY)
    state, order = advance(fresh(by_day, now=night), Look(), night)
    assert order is None
    assert state.due_at.astimezone(ZoneInfo("Europe/Moscow")).isoformat() == "2026-11-24T09:00:00+03:00"
    assert advance(state, Look(), state.due_at)[1] is not None
    state, order = advance(fresh(by_day, now=night, hours=5), Look(), night)
    assert (order, state.outcome, state.reason) == (None, Outcome.DROPPED, "too_late")
    assert advance(fresh(SMS, now=night), Look(), night)[1] is not None  # somebody waits for it


def test_a_repetition_is_not_made_at_night_either() -> None:
    evening = datetime(2026, 11, 23, 17, 59, tzinfo=UTC)
    state, _ = advance(fresh(replace(SMS, **DAY), now=evening), Look(), evening)
    state, order = advance(state, Interrupted(is_idempotent=True), evening + minutes(5))
    assert order is None
    state, order = advance(state, Look(), state.due_at)
    assert order == Send(1, replace(SMS, **DAY), is_repeat=True)


def test_dropped_and_no_channel() -> None:
    assert play(fresh(SMS), (Drop("visit_cancelled"), 0))[0].outcome is Outcome.DROPPED
    after = play(fresh(SMS), (Look(), 0), (Accepted(1), 0), (Drop("visit_cancelled"), 1))[0]
    assert (after.outcome, after.reason) == (Outcome.SENT, "visit_cancelled")
    empty, order = advance(fresh(), Look(), NOON)
    assert (order, empty.outcome, empty.reason) == (None, Outcome.FAILED, "no_channel")


_STEPS = st.lists(
    st.builds(
        Step,
        channel=st.sampled_from(["telegram", "sms", "call"]),
        address=st.just("x"),
        wait_seconds=st.sampled_from([60.0, 900.0, 3600.0]),
        stop_on=st.sampled_from(["accepted", "delivered", "read"]),
        first=st.just("09:00"),
        last=st.just("21:00"),
    ),
    max_size=3,
)
_EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["look", "interrupted", "accepted", "refused", "throttled", "away", "unsure", "reached", "read", "lost"]
        ),
        st.integers(0, 3),  # how many attempts ago
        st.booleans(),
        st.floats(0, 7200),
    ),
    max_size=40,
)


@given(_STEPS, _EVENTS, st.integers(0, 23), st.booleans())
def test_whatever_happens(steps: list[Step], events: list[tuple[str, int, bool, float]], hour: int, may_repeat: bool) -> None:
    """No order at night or after the end, attempts count up, each is repeated only while its fate is unknown."""
    now = datetime(2026, 11, 23, hour, 0, tzinfo=UTC)
    state = fresh(*steps, now=now, may_repeat_unsure=may_repeat)
    last = 0
    for name, ago, flag, seconds in events:
        now += timedelta(seconds=seconds)
        n = max(1, state.attempt - ago)
        made: dict[str, Event] = {
            "look": Look(), "interrupted": Interrupted(flag), "accepted": Accepted(n), "refused": Refused(n),
            "throttled": Throttled(n, seconds), "away": Away(n, "main", flag), "unsure": Unsure(n, flag),
            "reached": Reached(n), "read": Reached(n, is_read=True), "lost": NotReached(n),
        }  # fmt: skip
        before = state
        state, order = advance(state, made[name], now)
        assert msgspec.convert(msgspec.to_builtins(state), State, strict=False) == state
        if before.is_done:
            assert order is None
            assert state.is_done
        if order is None:
            continue
        assert name in ("look", "interrupted")
        assert now < state.expires_at
        assert 9 <= now.astimezone(ZoneInfo("Europe/Moscow")).hour < 21
        assert state.phase is Phase.SENDING
        assert order.attempt == last if order.is_repeat else order.attempt == last + 1
        assert not order.is_repeat or before.is_unsure or name == "interrupted"
        last = order.attempt
