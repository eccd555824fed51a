"""Wishes survive the database."""

import json
from datetime import date, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.clinic.wishes import from_json, to_json
from voicebot.russian.when import When

_days = st.dates(date(2026, 1, 1), date(2028, 1, 1))
_times = st.times().map(lambda at: at.replace(second=0, microsecond=0))
_plain = st.builds(
    When,
    dates=st.lists(_days, max_size=3).map(tuple),
    date_from=st.none() | _days,
    date_to=st.none() | _days,
    weekdays=st.frozensets(st.integers(0, 6)),
    excluded_dates=st.frozensets(_days, max_size=2),
    excluded_weekdays=st.frozensets(st.integers(0, 6), max_size=3),
    times=st.lists(_times, max_size=2).map(tuple),
    time_from=st.none() | _times,
    time_to=st.none() | _times,
    is_nearest=st.booleans(),
)
_wishes = st.builds(
    lambda one, others: When(**{**_fields(one), "alternatives": tuple(others)}), _plain, st.lists(_plain, max_size=2)
)


def _fields(wish: When) -> dict[str, object]:
    return {name: getattr(wish, name) for name in When.__dataclass_fields__ if name != "alternatives"}


@given(_wishes)
def test_there_and_back(wish: When) -> None:
    assert from_json(json.loads(json.dumps(to_json(wish)))) == wish


def test_midnight_is_a_time() -> None:
    assert from_json(to_json(When(time_from=time(0)))) == When(time_from=time(0))


def test_every_part_is_kept() -> None:
    """A part added to When must be written down too."""
    assert set(When.__dataclass_fields__) == {
        "dates", "date_from", "date_to", "weekdays", "excluded_dates", "excluded_weekdays", "times", "time_from", "time_to",
        "is_nearest", "alternatives",
    }  # fmt: skip


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError):
        from_json({"dates": ["tomorrow"]})
