"""A place in the waiting list, in virtual time: whatever happens, offers are few, by day, and each has one end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.clinic.tables import WaitingStatus
from voicebot.clinic.waiting_machine import Do, Gone, Looked, No, NoOffer, Place, Rules, Yes, step

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RULES = Rules()
FOUND = Place(WaitingStatus.TO_OFFER, slot_id=7, start=NOW + timedelta(days=1))


def looked(at: datetime = NOW, **more: bool) -> Looked:
    return Looked(at, **more)


def test_offered_and_taken() -> None:
    offered = step(FOUND, looked(), NOW, RULES)
    assert (offered.do, offered.slot_id) == (Do.OFFER, 7)
    assert (offered.place.status, offered.place.until) == (WaitingStatus.OFFERED, NOW + RULES.answer)
    assert step(offered.place, looked(), NOW + timedelta(hours=1), RULES).place == offered.place
    taken = step(offered.place, Yes(), NOW, RULES)
    assert (taken.do, taken.place.status, taken.place.outcome) == (Do.BOOK, WaitingStatus.CLOSED, "booked")
    with pytest.raises(NoOffer):
        step(taken.place, Yes(), NOW, RULES)


def test_not_at_night_and_not_too_near() -> None:
    night = NOW.replace(hour=22)
    assert step(FOUND, looked(night), night, RULES).place == FOUND
    near = Place(WaitingStatus.TO_OFFER, 7, NOW + timedelta(minutes=80))
    assert step(near, looked(), NOW, RULES).place.status is WaitingStatus.WAITING
    soon = step(Place(WaitingStatus.TO_OFFER, 7, NOW + timedelta(minutes=95)), looked(), NOW, RULES)
    assert soon.place.until == NOW + timedelta(minutes=35), "an hour ahead of the visit it is over"


def test_silence_a_no_and_leaving() -> None:
    offered = step(FOUND, looked(), NOW, RULES).place
    late = NOW + RULES.answer
    silent = step(offered, looked(late), late, RULES)
    assert (silent.do, silent.slot_id, silent.place.status) == (Do.NEXT, 7, WaitingStatus.WAITING)
    refused = step(offered, No(), NOW, RULES)
    assert (refused.do, refused.place.status, refused.place.offers) == (Do.NEXT, WaitingStatus.WAITING, 1)
    left = step(offered, No(is_leaving=True), NOW, RULES)
    assert (left.do, left.place.outcome) == (Do.NEXT, "left")
    assert step(Place(), No(is_leaving=True), NOW, RULES).do is Do.NOTHING
    with pytest.raises(NoOffer):
        step(Place(), No(), NOW, RULES)


def test_other_ways_to_end() -> None:
    assert step(FOUND, looked(has_visit=True), NOW, RULES).place.outcome == "has_visit"
    assert step(Place(), looked(is_over=True), NOW, RULES).place.outcome == "over"
    assert step(FOUND, Gone(), NOW, RULES).place == Place()


EVENTS = st.sampled_from(["look", "look", "look", "found", "gone", "yes", "no", "leave", "booked_elsewhere"])


@given(st.lists(st.tuples(EVENTS, st.integers(1, 300)), max_size=80))
def test_any_life_of_a_place(life: list[tuple[str, int]]) -> None:
    place, now, held, made = Place(), NOW, None, 0
    for name, minutes in life:
        now += timedelta(minutes=minutes)
        before = place
        if name == "found":
            if place.status is WaitingStatus.WAITING:
                place = Place(WaitingStatus.TO_OFFER, 7, now + timedelta(minutes=minutes * 3), offers=place.offers)
            continue
        event = {
            "look": looked(now), "booked_elsewhere": looked(now, has_visit=True), "gone": Gone(), "yes": Yes(),
            "no": No(), "leave": No(is_leaving=True),
        }[name]  # fmt: skip
        try:
            found = step(place, event, now, RULES)
        except NoOffer:
            assert place.status is not WaitingStatus.OFFERED
            continue
        place = found.place
        match found.do:
            case Do.OFFER:
                assert held is None
                assert 9 <= now.hour < 20
                assert place.until is not None
                assert place.start is not None
                assert RULES.least <= place.until - now <= RULES.answer
                assert place.until <= place.start - RULES.lead
                held, made = found.slot_id, made + 1
            case Do.BOOK | Do.NEXT:
                assert found.slot_id == before.slot_id
                assert found.do is Do.NEXT or held == before.slot_id, "only what is held is booked"
                held = None
        assert (place.status is WaitingStatus.OFFERED) == (held is not None), "a time is held as long as it is offered"
        assert made == place.offers <= RULES.most_offers
        assert before.status is not WaitingStatus.CLOSED or place == before, "closed is closed"
        assert (place.status is WaitingStatus.CLOSED) == bool(place.outcome)
