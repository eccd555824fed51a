"""Which marks of a phrase go together: "во вторник утром или в четверг вечером" is two wishes, "утром во вторник" one."""

from dataclasses import replace
from datetime import time

from voicebot.russian.days import DateCore
from voicebot.russian.marks import AT, Mark
from voicebot.russian.times import TimeCore
from voicebot.russian.wish import When, any_of

_OR = frozenset({"или", "либо"})
_MAXIMUM = 4


def split(segment: list[Mark]) -> list[list[Mark]]:
    """The marks of each alternative; one list when the phrase is one wish."""
    if any(mark.is_negated for mark in segment):
        return [segment]
    groups = [part for group in _by_days(segment) for part in _by_times(group)]
    return groups if len(groups) <= _MAXIMUM else [segment]


def _is_day(mark: Mark) -> bool:
    return isinstance(mark.core, DateCore) and not mark.core.is_nearest


def _is_time(mark: Mark) -> bool:
    return isinstance(mark.core, TimeCore)


def _by_days(segment: list[Mark]) -> list[list[Mark]]:
    """A day after a day with its time begins another alternative, if it has a time too; or the other way round."""
    firsts = [mark for mark in segment if _is_day(mark) or _is_time(mark)]
    if not firsts:
        return [segment]
    leads, follows = (_is_day, _is_time) if _is_day(firsts[0]) else (_is_time, _is_day)
    groups: list[list[Mark]] = [[]]
    for place, mark in enumerate(segment):
        begins = (
            leads(mark)
            and (mark.relation == AT or _is_time(mark))
            and any(map(leads, groups[-1]))
            and any(map(follows, groups[-1]))
            and any(map(follows, segment[place:]))
        )
        if begins:
            groups.append([])
        groups[-1].append(mark)
    return groups


def _by_times(group: list[Mark]) -> list[list[Mark]]:
    """ "(завтра) утром или после пяти": each with the same days. Exact times are any of one wish."""
    others = [mark for mark in group if not _is_time(mark)]
    runs: list[list[Mark]] = [[]]
    for mark in group:
        if not _is_time(mark):
            continue
        if runs[-1] and mark.join in _OR:
            runs.append([])
        runs[-1].append(mark)
    if len(runs) == 1 or all(_is_exact(mark) for run in runs for mark in run):
        return [group]
    return [[*others, *run] for run in runs]


def _is_exact(mark: Mark) -> bool:
    return isinstance(mark.core, TimeCore) and mark.core.clock is not None and mark.relation == AT


def united(wishes: list[When]) -> When:
    """One wish of several alternatives; those that together are one are joined ("утром или днём" is until five)."""
    left: list[When] = []
    for wish in wishes:
        for place, known in enumerate(left):
            joined = _joined(known, wish)
            if joined is not None:
                left[place] = joined
                break
        else:
            left.append(wish)
    return any_of(left)


def _joined(first: When, second: When) -> When | None:
    if first == second:
        return first
    if replace(first, dates=()) == replace(second, dates=()) and first.dates and second.dates:
        return replace(first, dates=tuple(sorted({*first.dates, *second.dates})))
    if _without_time(first) != _without_time(second):
        return None
    if first.times and second.times:
        return replace(first, times=tuple(sorted({*first.times, *second.times})))
    if first.times or second.times:
        return None
    lows = [one.time_from or time(0) for one in (first, second)]
    highs = [one.time_to or time.max for one in (first, second)]
    if max(lows) > min(highs):
        return None
    low, high = min(lows), max(highs)
    return replace(
        first,
        time_from=low if low > time(0) or high == time.max else None,
        time_to=high if high < time.max else None,
    )


def _without_time(wish: When) -> When:
    return replace(wish, times=(), time_from=None, time_to=None)
