"""The time marks of a phrase -> the time part of a wish."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta

from voicebot.russian.clock_reading import Clock
from voicebot.russian.day_parts import LUNCH
from voicebot.russian.marks import AFTER, AT, BEFORE, BETWEEN, FROM, UNTIL, Mark
from voicebot.russian.times import TimeCore
from voicebot.russian.wish import When


def of_times(marks: list[Mark], wish: When, now: datetime) -> When:
    """The wish about days with what the time marks add to it. `now`: the clinic's local time."""
    parts: list[tuple[time | None, time | None]] = []
    is_any = is_either = False
    clocks: list[tuple[Mark, Clock]] = []
    for mark in marks:
        core = mark.core
        assert isinstance(core, TimeCore)
        if core.is_any:
            is_any = True
        elif core.in_minutes is not None:
            return _in_a_while(core.in_minutes, wish, now)
        elif core.clock is not None:
            clocks.append((mark, core.clock))
        elif core.part is not None:
            is_open_start = core.part[0] is None and mark.relation == AT and not mark.is_negated
            if is_open_start and any(other.relation in (BEFORE, UNTIL) for other in marks):
                continue  # "с утра до обеда": the end is named
            parts.append(_opposite(core.part) if mark.is_negated else _part_with_relation(mark, core))
            is_either = is_either or (mark.is_joined and len(parts) > 1)
    low, high = _common(parts, is_either)
    return _with_clocks(clocks, wish, now, low, high, is_any)


def _common(parts: list[tuple[time | None, time | None]], is_either: bool) -> tuple[time | None, time | None]:
    """What all parts of the day share; from the first to the last of them when they are alternatives."""
    if not parts:
        return None, None
    starts, ends = [part[0] or time(0) for part in parts], [part[1] or time.max for part in parts]
    low, high = max(starts), min(ends)
    if is_either or low >= high:
        low, high = min(starts), max(ends)
    is_whole = (low, high) == (time(0), time.max) and len(parts) > 1
    return (low if low > time(0) or is_whole else None), (high if high < time.max else None)


def _part_with_relation(mark: Mark, core: TimeCore) -> tuple[time | None, time | None]:
    """ "После обеда" is from lunch on, "до обеда" until it, "до вечера" until the evening."""
    assert core.part is not None
    if core.is_lunch and mark.relation in (AFTER, FROM):
        return LUNCH, None
    if core.is_lunch and mark.relation in (BEFORE, UNTIL):
        return None, LUNCH
    if mark.relation in (BEFORE, UNTIL) and core.part[0] is not None:
        return None, core.part[0]
    if mark.relation == AFTER and core.part[1] is not None:
        return core.part[1], None
    return core.part


def _opposite(part: tuple[time | None, time | None]) -> tuple[time | None, time | None]:
    if part[0] is None:
        return part[1], None
    return (None, part[0]) if part[1] is None else (None, None)


def _in_a_while(minutes: int, wish: When, now: datetime) -> When:
    """ "Через два часа", up to the next five minutes."""
    at = now.replace(second=0, microsecond=0, tzinfo=None) + timedelta(minutes=minutes)
    at += timedelta(minutes=-at.minute % 5)
    return replace(wish, dates=(at.date(),), date_from=None, date_to=None, weekdays=frozenset(), time_from=at.time())


def _with_clocks(
    clocks: list[tuple[Mark, Clock]],
    wish: When,
    now: datetime,
    low: time | None,
    high: time | None,
    is_any: bool,
) -> When:
    times: list[time] = []
    has_range_start = False
    fits = _fits(wish, now, low, high)
    last_range_clock: Clock | None = None
    for place, (mark, clock) in enumerate(clocks):
        if mark.is_negated:
            continue
        relation = mark.relation
        if relation == BETWEEN or (relation == FROM and _has_end(clocks, place)):
            low, last_range_clock = (
                _start_of_range(clock, clocks[place + 1][1] if place + 1 < len(clocks) else None, fits),
                clock,
            )
            has_range_start = True
        elif relation in (FROM, AFTER):
            bound = _choose(clock, fits)
            low = bound if low is None else max(low, bound)
        elif relation in (BEFORE, UNTIL) or (has_range_start and last_range_clock is not None and relation == AT):
            high = _end_of_range(clock, low)
            last_range_clock = None
        else:
            times.append(_choose(clock, fits))
    if times:
        unique = tuple(sorted(set(times)))
        inside = tuple(t for t in unique if (low is None or t >= low) and (high is None or t < high))
        if not inside and _is_bound_last(clocks):
            return replace(wish, time_from=low, time_to=high)  # "автобус в одиннадцать, так что не раньше двенадцати"
        # A part of the day beside an exact time only told which half of the day was meant.
        return replace(wish, times=inside or unique)
    if low is not None and high is not None and high <= low:
        if any(mark.is_joined for mark, _ in clocks):
            low, is_any = None, True  # "до двенадцати или после трёх": nearly any time
        high = None
    if low is None and high is None and is_any:
        low = time(0)
    return replace(wish, time_from=low, time_to=high)


def _is_bound_last(clocks: list[tuple[Mark, Clock]]) -> bool:
    """Whether the last time said is a bound, not a moment."""
    return clocks[-1][0].relation in (FROM, AFTER, BEFORE, UNTIL) and not clocks[-1][0].is_negated


def _has_end(clocks: list[tuple[Mark, Clock]], place: int) -> bool:
    return place + 1 < len(clocks) and clocks[place + 1][0].relation in (BEFORE, UNTIL)


def _fits(wish: When, now: datetime, low: time | None, high: time | None) -> Callable[[time], bool]:
    """Whether a reading of an ambiguous hour fits the part of the day and, today, is still ahead."""
    is_today_only = wish.dates == (now.date(),)

    def fits(at: time) -> bool:
        if low is not None and at < low:
            return False
        if high is not None and at >= high:
            return False
        return not is_today_only or at > now.time().replace(tzinfo=None)

    return fits


def _choose(clock: Clock, fits: Callable[[time], bool]) -> time:
    candidates = clock.candidates()
    return next((at for at in candidates if fits(at)), candidates[0])


def _start_of_range(clock: Clock, end: Clock | None, fits: Callable[[time], bool]) -> time:
    """ "С шести до восьми вечера" begins in the evening too."""
    if end is not None and end.part and not clock.part:
        ends = end.candidates()[0]
        shared = Clock(clock.hour, clock.minute, end.part).candidates()[0]
        if shared < ends:
            return shared
        plain = clock.candidates()
        return next((at for at in plain if at < ends), plain[0])
    return _choose(clock, fits)


def _end_of_range(clock: Clock, low: time | None) -> time:
    """The end comes after the beginning; "до восьми" alone is the evening: a clinic has no hours before eight."""
    candidates = sorted(clock.candidates())
    if low is not None:
        return next((at for at in candidates if at > low), candidates[-1])
    return next((at for at in candidates if at > time(8)), candidates[-1])
