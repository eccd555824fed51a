"""Wishes told from a visit: so much later or earlier, at the same time, simply later."""

from datetime import date, datetime, time

import pytest

from voicebot.russian.relative import parse_relative
from voicebot.russian.wish import When

VISIT = datetime(2026, 11, 25, 12, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("на час позже", datetime(2026, 11, 25, 13, 0)),
        ("часа на два попозже", datetime(2026, 11, 25, 14, 0)),
        ("на полтора часа пораньше", datetime(2026, 11, 25, 10, 30)),
        ("на полчасика нет на полчаса раньше", datetime(2026, 11, 25, 11, 30)),
        ("на двадцать минут позже", datetime(2026, 11, 25, 12, 20)),
        ("на пару дней позже", datetime(2026, 11, 27, 12, 0)),
        ("на день раньше", datetime(2026, 11, 24, 12, 0)),
        ("перенесите на неделю позже", datetime(2026, 12, 2, 12, 0)),
        ("на месяц позже", datetime(2026, 12, 25, 12, 0)),
        ("сдвиньте мне прием на полчаса", datetime(2026, 11, 25, 12, 30)),
        ("отложите на недельку", datetime(2026, 12, 2, 12, 0)),
        ("сдвиньте на час пораньше", datetime(2026, 11, 25, 11, 0)),
    ],
)
def test_an_amount_moves_the_visit(text: str, expected: datetime) -> None:
    assert parse_relative(text, VISIT) == When(dates=(expected.date(),), times=(expected.time(),))


def test_the_same_time_is_added_to_the_day_that_is_said() -> None:
    friday = When(dates=(date(2026, 11, 27),))
    assert parse_relative("в пятницу в то же время", VISIT, friday) == When(dates=(date(2026, 11, 27),), times=(time(12),))
    assert parse_relative("на следующий день в то же самое время", VISIT) == When(
        dates=(date(2026, 11, 26),), times=(time(12),)
    )
    assert parse_relative("в тот же день", VISIT) == When(dates=(VISIT.date(),))


def test_simply_later_is_later_than_the_visit_on_any_day() -> None:
    later = parse_relative("можно попозже", VISIT)
    assert later is not None
    assert not later.allows(VISIT)
    assert later.allows(datetime(2026, 11, 25, 15, 0))
    assert later.allows(datetime(2026, 11, 27, 8, 0))
    earlier = parse_relative("а пораньше нет", VISIT)
    assert earlier is not None
    assert earlier.allows(datetime(2026, 11, 25, 10, 0))
    assert earlier.allows(datetime(2026, 11, 23, 17, 0))
    assert not earlier.allows(VISIT)


@pytest.mark.parametrize("text", ["в пятницу", "сдвиньте прием", "не позже среды", "как можно раньше", "второй", "в три часа"])
def test_what_is_not_told_from_the_visit(text: str) -> None:
    assert parse_relative(text, VISIT) is None


def test_a_day_that_is_said_is_no_mere_later() -> None:
    assert parse_relative("в пятницу попозже", VISIT, When(dates=(date(2026, 11, 27),))) is None
