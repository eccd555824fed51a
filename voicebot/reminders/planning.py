"""When a patient is reminded of a visit: so long before it, but never at night, too late, or right after booking. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from voicebot.messages.quiet_hours import Hours
from voicebot.settings import Cascade, Reminders

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


@dataclass(frozen=True, slots=True)
class Step:
    """`name` is its lead as written in the settings: "24h"."""

    name: str
    lead: timedelta
    template: str


@dataclass(frozen=True, slots=True)
class Rules:
    """`steps`: the longest lead first."""

    steps: tuple[Step, ...]
    after_booking: timedelta
    least_notice: timedelta
    gap: timedelta
    first: time
    last: time

    def hours(self, zone: ZoneInfo) -> Hours:
        return Hours(self.first, self.last, zone)

    @property
    def together(self) -> timedelta:
        """How much sooner than planned a reminder may go out with another one's, at most."""
        return max((step.lead for step in self.steps), default=timedelta()) / 2

    @property
    def longest(self) -> timedelta:
        """How long before a visit the first reminder of it may be due, at most: by day, so up to a day before its lead."""
        return max((step.lead for step in self.steps), default=timedelta()) + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Visit:
    """A booked visit. Times are aware; `zone` is its branch's."""

    id: int
    start: datetime
    created_at: datetime
    zone: ZoneInfo


@dataclass(frozen=True, slots=True)
class Planned:
    """To be sent at `at`; of no use from `until` on. `moved_by`: how far from its lead, because of the night."""

    step: Step
    at: datetime
    until: datetime
    moved_by: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """`why`: booked_too_late, night, too_close."""

    step: Step
    why: str


def rules_of(settings: Reminders, cascade: Cascade) -> Rules:
    """Return the rules as the settings have them."""
    first, last = (time.fromisoformat(part) for part in cascade.day.split("-"))
    return Rules(
        steps=_steps(settings.steps),
        after_booking=timedelta(minutes=settings.after_booking_minutes),
        least_notice=timedelta(minutes=settings.least_notice_minutes),
        gap=timedelta(minutes=settings.gap_minutes),
        first=first,
        last=last,
    )


def plan(visit: Visit, rules: Rules) -> tuple[Planned | LeftOut, ...]:
    """Return what becomes of each step, the longest lead first. Depends on nothing but the visit and the rules."""
    found: list[Planned | LeftOut] = []
    for step in rules.steps:
        one = _planned(visit, step, rules)
        before = next((other for other in reversed(found) if isinstance(other, Planned)), None)
        if isinstance(one, Planned) and before is not None and one.at - before.at < rules.gap:
            one = LeftOut(step, "too_close")
        found.append(one)
    return tuple(_until_next(found))


def are_together(first: Visit, planned: Planned, other: Visit, others: Planned) -> bool:
    """Whether two visits may be reminded of in one message: on one day of their branch, and neither much too soon."""
    is_one_day = first.start.astimezone(first.zone).date() == other.start.astimezone(other.zone).date()
    return is_one_day and planned.step == others.step and abs(others.at - planned.at) <= planned.step.lead / 2


def _planned(visit: Visit, step: Step, rules: Rules) -> Planned | LeftOut:
    wanted = visit.start - step.lead
    earliest = visit.created_at + rules.after_booking
    latest = visit.start - min(rules.least_notice, step.lead)
    if wanted < earliest:
        return LeftOut(step, "booked_too_late")
    hours = rules.hours(visit.zone)
    # The morning after, or the evening before: what is nearer to the time that was meant, and neither too late nor too early.
    choices = [at for at in {hours.next_open(wanted), hours.last_open(wanted)} if earliest <= at <= latest]
    if not choices:
        return LeftOut(step, "night")
    at = min(choices, key=lambda one: (abs(one - wanted), one))
    # What could not be sent at once may still be tried for half of the notice.
    return Planned(step, at, latest + min(rules.least_notice, step.lead) / 2, at - wanted)


def _until_next(found: Iterable[Planned | LeftOut]) -> list[Planned | LeftOut]:
    """A reminder that could not be sent until the next one is due gives way to it."""
    after: datetime | None = None
    done: list[Planned | LeftOut] = []
    for one in reversed(list(found)):
        if isinstance(one, Planned):
            until = one.until if after is None else min(one.until, after)
            after = one.at
            one = Planned(one.step, one.at, until, one.moved_by)
        done.append(one)
    return done[::-1]


def _steps(steps: Mapping[str, str]) -> tuple[Step, ...]:
    known = [Step(name, lead_of(name), template) for name, template in steps.items()]
    return tuple(sorted(known, key=lambda step: step.lead, reverse=True))


def lead_of(name: str) -> timedelta:
    """Return how long "24h" is; ValueError if it is no such thing."""
    match = re.fullmatch(r"(\d+)([mhd])", name)
    if match is None:
        raise ValueError(f"{name!r} is no time before a visit: write 90m, 24h or 2d")
    return int(match[1]) * _UNITS[match[2]]
