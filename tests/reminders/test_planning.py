"""When a visit is reminded of: by day, in time, not right after booking; on every clock, also when clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.messages.quiet_hours import Hours
from voicebot.reminders.planning import LeftOut, Planned, Visit, lead_of, plan, rules_of
from voicebot.settings import Cascade, Reminders

MOSCOW = ZoneInfo("Europe/Moscow")
RULES = rules_of(Reminders(), Cascade())


def visit(day: int, hour: int, minute: int = 0, booked_hours_before: float = 200, zone: ZoneInfo = MOSCOW) -> Visit:
    start = datetime(2026, 11, day, hour, minute, tzinfo=zone).astimezone(UTC)
    return Visit(1, start, start - timedelta(hours=booked_hours_before), zone)


def when(one: Visit) -> dict[str, str]:
    found = {}
    for planned in plan(one, RULES):
        at = planned.at.astimezone(one.zone) if isinstance(planned, Planned) else None
        found[planned.step.name] = f"{at:%d %H:%M}" if at else planned.why  # type: ignore[union-attr]
    return found


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (visit(24, 14, 30), {"24h": "23 14:30", "3h": "24 11:30"}),
        (visit(24, 12), {"24h": "23 12:00", "3h": "24 09:00"}),
        (visit(24, 10), {"24h": "23 10:00", "3h": "24 09:00"}),  # two hours later than meant, an hour before
        (visit(24, 9, 30), {"24h": "23 09:30", "3h": "23 19:30"}),  # the evening before
        (visit(24, 8), {"24h": "23 09:00", "3h": "23 19:30"}),
        (visit(24, 20), {"24h": "23 20:00", "3h": "24 17:00"}),
        (visit(24, 22), {"24h": "23 19:30", "3h": "24 19:00"}),
        (visit(24, 14, booked_hours_before=20), {"24h": "booked_too_late", "3h": "24 11:00"}),
        (visit(24, 14, booked_hours_before=25), {"24h": "booked_too_late", "3h": "24 11:00"}),  # it was only just booked
        (visit(24, 14, booked_hours_before=2), {"24h": "booked_too_late", "3h": "booked_too_late"}),
        (visit(24, 9, 15, booked_hours_before=11), {"24h": "booked_too_late", "3h": "night"}),  # booked at 22:15
    ],
)
def test_examples(one: Visit, expected: dict[str, str]) -> None:
    assert when(one) == expected


def test_two_steps_on_one_evening_are_one() -> None:
    rules = rules_of(Reminders(steps={"3h": "reminder_hours", "12h": "reminder_day"}), Cascade())
    first, second = plan(visit(24, 9), rules)
    assert isinstance(first, Planned)
    assert isinstance(second, LeftOut)
    assert (first.step.name, second.why) == ("12h", "too_close")


def test_a_step_gives_way_to_the_next_one() -> None:
    day, hours = plan(visit(24, 14), RULES)
    assert isinstance(day, Planned)
    assert isinstance(hours, Planned)
    assert day.until == hours.at
    assert hours.until == visit(24, 14).start - timedelta(minutes=30)


def test_leads() -> None:
    assert [lead_of(name) for name in ("90m", "3h", "2d")] == [timedelta(minutes=90), timedelta(hours=3), timedelta(days=2)]
    with pytest.raises(ValueError, match="3 hours"):
        lead_of("3 hours")


_ZONES = st.sampled_from(["Europe/Moscow", "Asia/Vladivostok", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
_MOMENTS = st.datetimes(datetime(2026, 10, 20), datetime(2026, 11, 5), timezones=st.just(UTC))


@given(_MOMENTS, _ZONES, st.floats(0, 300), st.sampled_from(["09:00-21:00", "10:00-18:00", "00:00-23:59"]))
def test_whatever_the_visit(start: datetime, zone: str, booked_hours_before: float, day: str) -> None:
    rules = rules_of(Reminders(), Cascade(day=day))
    one = Visit(1, start, start - timedelta(hours=booked_hours_before), ZoneInfo(zone))
    hours = rules.hours(one.zone)
    before = None
    for planned in plan(one, rules):
        if isinstance(planned, LeftOut):
            continue
        assert hours.is_open(planned.at)
        assert planned.at >= one.created_at + rules.after_booking
        assert planned.at <= start - rules.least_notice
        assert planned.at < planned.until < start
        assert abs(planned.moved_by) <= timedelta(hours=24)
        assert before is None or planned.at - before >= rules.gap
        before = planned.at
    assert plan(one, rules) == plan(one, rules)


@given(_MOMENTS, _ZONES)
def test_opening_and_closing_agree_with_a_clock_read_minute_by_minute(at: datetime, zone: str) -> None:
    hours = Hours(time(9), time(21), ZoneInfo(zone))
    opening = hours.next_open(at)
    assert hours.is_open(opening)
    minute = at.replace(second=0, microsecond=0) + timedelta(minutes=1)
    expected = at
    if not hours.is_open(at):
        while not hours.is_open(minute):
            minute += timedelta(minutes=1)
        expected = minute
    assert opening == expected
    assert hours.is_open(hours.last_open(at))
    assert hours.last_open(at) <= at
    assert hours.closing(at).astimezone(ZoneInfo(zone)).date() == at.astimezone(ZoneInfo(zone)).date()


def test_the_night_of_the_longer_hour() -> None:
    """In Berlin 25 October 2026 has 25 hours."""
    hours = Hours(time(9), time(21), ZoneInfo("Europe/Berlin"))
    night = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30, for the first time
    assert hours.next_open(night) == datetime(2026, 10, 25, 8, 0, tzinfo=UTC)
    assert hours.last_open(night) == datetime(2026, 10, 24, 17, 30, tzinfo=UTC)
    assert hours.closing(night).date() == date(2026, 10, 25)
