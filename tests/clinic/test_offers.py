"""Which few times are said of many."""

import itertools
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from voicebot.clinic.offers import Offer, spread

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Moscow"))


def offer(number: int, after: timedelta, doctor: str = "anna", branch: str = "north") -> Offer:
    return Offer(number, MORNING + after, 30, doctor, branch, "therapist")


OFFERS = st.lists(
    st.builds(
        lambda number, steps, doctor: offer(number, timedelta(minutes=15 * steps), doctor),
        st.integers(1, 10_000),
        st.integers(0, 2000),
        st.sampled_from(["anna", "boris"]),
    ),
    unique_by=lambda o: o.slot_id,
    max_size=40,
)


@given(OFFERS, st.integers(0, 6))
def test_earliest_is_always_among_them_in_order_of_time(offers: list[Offer], limit: int) -> None:
    chosen = spread(offers, limit)
    assert len(chosen) == min(limit, len(offers))
    assert len({o.slot_id for o in chosen}) == len(chosen)
    assert set(chosen) <= set(offers)
    assert [o.start for o in chosen] == sorted(o.start for o in chosen)
    if chosen:
        assert chosen[0].start == min(o.start for o in offers)


@given(OFFERS, st.randoms())
def test_order_of_rows_does_not_matter(offers: list[Offer], random) -> None:
    shuffled = list(offers)
    random.shuffle(shuffled)
    assert spread(shuffled, 3) == spread(offers, 3)


def test_neighbouring_times_are_not_a_choice() -> None:
    offers = [offer(n, timedelta(minutes=15 * n)) for n in range(12)] + [offer(50, timedelta(hours=6))]
    chosen = spread(offers, 3)
    gaps = [b.start - a.start for a, b in itertools.pairwise(chosen)]
    assert min(gaps) >= timedelta(minutes=90)
    assert chosen[-1].slot_id == 50


def test_one_time_at_two_doctors_is_one_choice() -> None:
    offers = [offer(1, timedelta(0), "anna"), offer(2, timedelta(0), "boris"), offer(3, timedelta(hours=30), "anna")]
    assert [o.slot_id for o in spread(offers, 2)] == [1, 3]


def test_what_there_is_is_offered_though_alike() -> None:
    offers = [offer(n, timedelta(minutes=30 * n)) for n in range(3)]
    assert [o.slot_id for o in spread(offers, 5)] == [0, 1, 2]


def test_soon_beats_different() -> None:
    """A caller is not sent to next week for variety's sake."""
    offers = [offer(1, timedelta(0)), offer(2, timedelta(hours=5)), offer(3, timedelta(days=9), "boris", "south")]
    assert [o.slot_id for o in spread(offers, 2)] == [1, 2]
