from datetime import datetime

import pytest

from voicebot.errors import ConfigurationError
from voicebot.talk.hours import check, is_open

WEEK = {"mon-fri": "08:00-20:00", "sat": "09:00-15:00"}


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (datetime(2026, 11, 23, 8, 0), True),  # Monday
        (datetime(2026, 11, 23, 7, 59), False),
        (datetime(2026, 11, 23, 20, 0), False),
        (datetime(2026, 11, 28, 14, 59), True),  # Saturday
        (datetime(2026, 11, 28, 15, 0), False),
        (datetime(2026, 11, 29, 12, 0), False),  # Sunday
    ],
)
def test_hours(at: datetime, expected: bool) -> None:
    assert is_open(WEEK, at) is expected


def test_round_the_clock() -> None:
    assert is_open({"mon-sun": "00:00-24:00"}, datetime(2026, 11, 29, 23, 59))


@pytest.mark.parametrize(
    "hours", [{"monday": "08:00-20:00"}, {"mon": "8-20"}, {"mon": "20:00-08:00"}, {"fri-mon": "08:00-09:00"}]
)
def test_nonsense_is_refused_with_a_cure(hours: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check(hours)
    assert caught.value.cure
