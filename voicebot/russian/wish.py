"""A caller's wish about date and time: constraints that hold together, and alternatives to them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

_A_FEW_DAYS = timedelta(days=3)
_TIME_MARGIN_MINUTES = 90


def any_of(wishes: Sequence["When"]) -> "When":
    """One wish that any of these fulfils."""
    first, *others = dict.fromkeys(wishes)
    return replace(first, alternatives=tuple(others))


@dataclass(frozen=True, slots=True)
class When:
    """What the caller wishes. All that is set must hold; all times are the clinic's local times.

    `alternatives` are wishes that will do as well ("во вторник утром или в четверг вечером"); they have none themselves.
    """

    dates: tuple[date, ...] = ()  # any of
    date_from: date | None = None  # inclusive
    date_to: date | None = None  # inclusive
    weekdays: frozenset[int] = frozenset()  # any of; 0 is Monday
    excluded_dates: frozenset[date] = frozenset()
    excluded_weekdays: frozenset[int] = frozenset()
    times: tuple[time, ...] = ()  # any of
    time_from: time | None = None  # inclusive
    time_to: time | None = None  # exclusive
    is_nearest: bool = False  # the earlier the better
    alternatives: tuple["When", ...] = ()  # any of these instead

    @property
    def has_date(self) -> bool:
        """Whether anything is said about the date."""
        return bool(
            self.dates or self.date_from or self.date_to or self.weekdays or self.excluded_dates or self.excluded_weekdays
        )

    @property
    def has_time(self) -> bool:
        """Whether anything is said about the time of day. "В любое время" is: from midnight."""
        return bool(self.times) or self.time_from is not None or self.time_to is not None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is wished at all."""
        return not (self.has_date or self.has_time or self.is_nearest)

    def allows(self, at: datetime) -> bool:
        """Whether a moment (the clinic's local time) fits the wish."""
        if self._allows_date(at.date()) and self._allows_time(at.time()):
            return True
        return any(other.allows(at) for other in self.alternatives)

    def allows_date(self, day: date) -> bool:
        """Whether a day fits, at some time of it."""
        return self._allows_date(day) or any(other.allows_date(day) for other in self.alternatives)

    def allows_time(self, at: time) -> bool:
        """Whether a time of day fits, on some day."""
        return self._allows_time(at) or any(other.allows_time(at) for other in self.alternatives)

    def _allows_date(self, day: date) -> bool:
        if self.dates and day not in self.dates:
            return False
        if self.date_from is not None and day < self.date_from:
            return False
        if self.date_to is not None and day > self.date_to:
            return False
        if self.weekdays and day.weekday() not in self.weekdays:
            return False
        return day not in self.excluded_dates and day.weekday() not in self.excluded_weekdays

    def _allows_time(self, at: time) -> bool:
        at = at.replace(second=0, microsecond=0, tzinfo=None)
        if self.times and at not in self.times:
            return False
        if self.time_from is not None and at < self.time_from:
            return False
        return self.time_to is None or at < self.time_to

    def merged(self, newer: "When") -> "When":
        """This wish corrected by a newer one.

        A newer date replaces the older date, a newer time the older time; exclusions add up, but a day that the newer
        wish asks for is no longer excluded, and a newly excluded day is no longer asked for. Of alternatives, the newer
        replace all that was; what is newly said without a date or without a time corrects each of them.
        """
        if newer.alternatives:
            older = replace(self, alternatives=())
            return any_of([older.merged(one) for one in (replace(newer, alternatives=()), *newer.alternatives)])
        if self.alternatives:
            if newer.has_date and newer.has_time:
                return replace(self, alternatives=()).merged(newer)
            merged = [(one, one.merged(newer)) for one in (replace(self, alternatives=()), *self.alternatives)]
            # An alternative all of whose days are excluded now is none any more.
            left = [new for old, new in merged if new.dates or not old.dates] or [merged[0][1]]
            return any_of(left)
        has_positive_date = bool(newer.dates or newer.date_from or newer.date_to or newer.weekdays)
        base = newer if has_positive_date else self
        wanted = set(newer.dates)
        wanted_weekdays = newer.weekdays | {day.weekday() for day in newer.dates}
        excluded_dates = (self.excluded_dates - wanted) | newer.excluded_dates
        excluded_weekdays = (self.excluded_weekdays - wanted_weekdays) | newer.excluded_weekdays
        dates, weekdays = base.dates, base.weekdays
        if not has_positive_date:
            dates = tuple(d for d in dates if d not in excluded_dates and d.weekday() not in excluded_weekdays)
            weekdays = weekdays - excluded_weekdays
        of_time = newer if newer.has_time else self
        return When(
            dates=dates,
            date_from=base.date_from,
            date_to=base.date_to,
            weekdays=weekdays,
            excluded_dates=excluded_dates,
            excluded_weekdays=excluded_weekdays,
            times=of_time.times,
            time_from=of_time.time_from,
            time_to=of_time.time_to,
            is_nearest=newer.is_nearest or (self.is_nearest and not has_positive_date),
        )

    def relaxed(self) -> tuple["When", ...]:
        """Weaker wishes to offer when nothing fits, the nearest first; exclusions are always kept.

        A time near the wished one on the same days, any time on the same days, then the days around (or the same
        weekdays of other weeks) at the same time, then at any time, then from the first wished day on.
        """
        if self.alternatives:
            return self._relaxed_alternatives()
        steps: list[When] = []
        if self.times:
            steps.append(self._around_times())
        without_time = replace(self, times=(), time_from=None, time_to=None)
        if self.has_time:
            steps.append(without_time)
        wider = self._wider_dates()
        if wider is not None:
            steps.append(wider)
            if self.has_time:
                steps.append(replace(wider, times=(), time_from=None, time_to=None))
        if self.dates or self.date_from or self.date_to or self.weekdays:
            earliest = self._earliest()
            steps.append(replace(without_time, dates=(), weekdays=frozenset(), date_from=earliest, date_to=None))
        unique: list[When] = []
        for step in steps:
            if step != self and step not in unique:
                unique.append(step)
        return tuple(unique)

    def _relaxed_alternatives(self) -> tuple["When", ...]:
        """Each alternative a step weaker, as many steps as the longest has."""
        ladders = [(one, *one.relaxed()) for one in (replace(self, alternatives=()), *self.alternatives)]
        steps: list[When] = []
        for depth in range(1, max(map(len, ladders))):
            step = any_of([ladder[min(depth, len(ladder) - 1)] for ladder in ladders])
            if step != self and step not in steps:
                steps.append(step)
        return tuple(steps)

    def _earliest(self) -> date | None:
        return min(self.dates) if self.dates else self.date_from

    def _around_times(self) -> "When":
        minutes = [at.hour * 60 + at.minute for at in self.times]
        low = max(0, min(minutes) - _TIME_MARGIN_MINUTES)
        high = min(23 * 60 + 59, max(minutes) + _TIME_MARGIN_MINUTES + 1)
        return replace(self, times=(), time_from=time(low // 60, low % 60), time_to=time(high // 60, high % 60))

    def _wider_dates(self) -> "When | None":
        """The days around the wished ones, forward; the wished first day is never passed backwards into the past."""
        if self.dates:
            return replace(
                self, dates=(), weekdays=frozenset(), date_from=min(self.dates), date_to=max(self.dates) + _A_FEW_DAYS
            )
        if self.weekdays:
            return replace(self, weekdays=frozenset())
        if self.date_to is not None:
            return replace(self, date_to=self.date_to + _A_FEW_DAYS)
        return None
