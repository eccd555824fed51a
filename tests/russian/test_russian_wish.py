"""Wishes: what they allow, how a newer one corrects an older, what is offered when nothing fits."""

from datetime import date, datetime, time

from hypothesis import given
from hypothesis import strategies as st

from voicebot.russian.wish import When, any_of

MONDAY, TUESDAY, FRIDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 27)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute))


def test_an_empty_wish_allows_everything() -> None:
    assert When().is_empty
    assert When().allows(at(MONDAY, 3))


def test_all_parts_must_hold() -> None:
    wish = When(dates=(MONDAY,), time_from=time(14), time_to=time(16))
    assert wish.allows(at(MONDAY, 14))
    assert wish.allows(at(MONDAY, 15, 59))
    assert not wish.allows(at(MONDAY, 16))
    assert not wish.allows(at(MONDAY, 13, 59))
    assert not wish.allows(at(TUESDAY, 14))


def test_bounds_weekdays_and_exclusions() -> None:
    week = When(date_from=MONDAY, date_to=FRIDAY, excluded_weekdays=frozenset({2}), excluded_dates=frozenset({TUESDAY}))
    assert [week.allows_date(date(2026, 11, day)) for day in range(22, 29)] == [False, True, False, False, True, True, False]
    assert When(weekdays=frozenset({5, 6})).allows_date(date(2026, 11, 28))
    assert not When(weekdays=frozenset({5, 6})).allows_date(MONDAY)


def test_exact_times_ignore_seconds_and_zones() -> None:
    assert When(times=(time(10),)).allows(datetime(2026, 11, 23, 10, 0, 30))


def test_a_newer_date_replaces_the_date_and_keeps_the_time() -> None:
    older = When(date_from=MONDAY, date_to=FRIDAY, time_from=time(13))
    assert older.merged(When(dates=(TUESDAY,))) == When(dates=(TUESDAY,), time_from=time(13))


def test_a_newer_time_replaces_the_time_and_keeps_the_date() -> None:
    older = When(dates=(MONDAY,), times=(time(10),))
    assert older.merged(When(time_from=time(14))) == When(dates=(MONDAY,), time_from=time(14))


def test_exclusions_add_up_and_take_the_day_out() -> None:
    older = When(dates=(MONDAY, TUESDAY), excluded_weekdays=frozenset({5}))
    merged = older.merged(When(excluded_dates=frozenset({MONDAY})))
    assert merged.dates == (TUESDAY,)
    assert merged.excluded_dates == {MONDAY}
    assert merged.excluded_weekdays == {5}


def test_a_day_asked_for_again_is_no_longer_excluded() -> None:
    older = When(excluded_dates=frozenset({MONDAY}), excluded_weekdays=frozenset({1}))
    merged = older.merged(When(dates=(MONDAY, TUESDAY)))
    assert merged.allows_date(MONDAY)
    assert merged.allows_date(TUESDAY)


def test_relaxed_drops_the_time_before_the_date() -> None:
    wish = When(dates=(TUESDAY,), times=(time(10),), excluded_weekdays=frozenset({4}))
    near, same_day, around, around_any, later = wish.relaxed()
    assert near.allows(at(TUESDAY, 11))
    assert not near.allows(at(TUESDAY, 12))
    assert same_day.allows(at(TUESDAY, 18))
    assert not same_day.allows(at(MONDAY, 10))
    assert around.allows(at(date(2026, 11, 25), 10))
    assert not around.allows(at(date(2026, 11, 25), 11))
    assert around_any.allows(at(date(2026, 11, 25), 11))
    assert later.allows(at(date(2026, 12, 25), 11)) is False  # a Friday is still excluded
    assert later.allows(at(date(2026, 12, 24), 11))
    assert not later.allows(at(MONDAY, 11))


def test_nothing_is_weaker_than_an_empty_wish() -> None:
    assert When().relaxed() == ()
    assert When(is_nearest=True).relaxed() == ()


_dates = st.dates(date(2026, 11, 1), date(2026, 12, 31))
_wishes = st.builds(
    When,
    dates=st.lists(_dates, max_size=2).map(tuple),
    date_from=st.none() | _dates,
    weekdays=st.frozensets(st.integers(0, 6), max_size=3),
    excluded_dates=st.frozensets(_dates, max_size=2),
    times=st.lists(st.times().map(lambda t: t.replace(second=0, microsecond=0)), max_size=2).map(tuple),
    time_to=st.none() | st.times(),
)


@given(_wishes, st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 31)))
def test_no_relaxed_wish_gives_up_what_was_allowed(wish: When, moment: datetime) -> None:
    if wish.allows(moment):
        assert all(weaker.allows(moment) for weaker in wish.relaxed())


@given(_wishes, _wishes)
def test_merging_never_excludes_the_newer_days(older: When, newer: When) -> None:
    merged = older.merged(newer)
    assert all(merged.allows_date(day) for day in newer.dates if newer.allows_date(day))


def test_alternatives() -> None:
    wish = any_of([When(dates=(MONDAY,), time_to=time(12)), When(dates=(FRIDAY,), time_from=time(17))])
    assert wish.allows(at(MONDAY, 9))
    assert wish.allows(at(FRIDAY, 18))
    assert not wish.allows(at(MONDAY, 18))
    assert not wish.allows(at(FRIDAY, 9))
    assert wish.allows_date(FRIDAY)
    assert wish.allows_time(time(18))
    assert not wish.allows_time(time(14))


def test_what_is_said_later_corrects_each_alternative() -> None:
    wish = any_of([When(dates=(MONDAY,), time_to=time(12)), When(dates=(FRIDAY,), time_from=time(17))])
    assert wish.merged(When(times=(time(10),))) == any_of(
        [When(dates=(MONDAY,), times=(time(10),)), When(dates=(FRIDAY,), times=(time(10),))]
    )
    without_monday = wish.merged(When(excluded_dates=frozenset({MONDAY})))
    assert not without_monday.allows(at(MONDAY, 9))
    assert not without_monday.allows(at(TUESDAY, 9))
    assert without_monday.allows(at(FRIDAY, 18))
    assert wish.merged(When(dates=(TUESDAY,), times=(time(10),))) == When(dates=(TUESDAY,), times=(time(10),))


def test_alternatives_of_time_keep_the_day_said_before() -> None:
    times = any_of([When(time_to=time(12)), When(time_from=time(17))])
    merged = When(dates=(MONDAY,)).merged(times)
    assert merged.allows(at(MONDAY, 9))
    assert merged.allows(at(MONDAY, 18))
    assert not merged.allows(at(MONDAY, 14))
    assert not merged.allows(at(TUESDAY, 9))


@given(st.lists(_wishes, min_size=2, max_size=3).map(any_of), st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 31)))
def test_relaxed_alternatives_give_up_nothing(wish: When, moment: datetime) -> None:
    steps = wish.relaxed()
    if wish.allows(moment):
        assert all(weaker.allows(moment) for weaker in steps)
    assert wish not in steps
    assert len(set(steps)) == len(steps)
