"""The date marks of a phrase -> the date part of a wish."""

from dataclasses import replace
from datetime import date, timedelta

from voicebot.russian.days import DateCore, DayOfMonth, Which, resolve_day, resolve_weekday
from voicebot.russian.marks import AFTER, AT, BEFORE, BETWEEN, FROM, UNTIL, Mark
from voicebot.russian.wish import When

_MOST_EXCLUDED = 62  # days


def _date_core(mark: Mark) -> DateCore:
    assert isinstance(mark.core, DateCore)
    return mark.core


def of_dates(marks: list[Mark], today: date, context: When | None) -> When:
    """What the date marks of one wish mean together. `context`: what was agreed before."""
    marks = _with_between(marks)
    cores = [_date_core(mark) for mark in marks]
    is_nearest = any(core.is_nearest for core in cores)
    positive = [mark for mark in marks if not _date_core(mark).is_nearest]
    if not positive:
        return When(is_nearest=is_nearest)
    first, last = _period(positive)
    open_spans = [core.span for core in cores if core.span is not None and core.span[1] is None]
    if open_spans and first is None:
        first = open_spans[0][0]
    days: list[date] = []
    weekdays: set[int] = set()
    wholes = [core for core in cores if core.is_whole_week]
    bounds: list[tuple[str, date]] = []
    inside = (first, last) if first is not None and last is not None else None
    previous: date | None = None
    for place, mark in enumerate(positive):
        core = _date_core(mark)
        if core.span is not None:
            bounds += _bounds_of_span(mark, core)
            continue
        if core.is_whole_week and any(other.weekdays for other in cores):
            continue
        if core.weekdays and mark.relation == AT and _is_said_better(positive, place):
            continue  # "в среду двадцать пятого": the number decides
        if core.weekdays and mark.relation == AT:
            of_set, of_days = _weekday_days(core, today, wholes, first, last, context, days)
            weekdays |= of_set
            days += of_days
            continue
        is_of_period = core.of_month is not None and place > 0 and _date_core(positive[place - 1]).span == inside
        resolved = _inside(core, inside) if mark.relation != AT or is_of_period else []
        resolved = resolved or _resolved(core, positive, place, today, previous if mark.relation in (BEFORE, UNTIL) else None)
        if not resolved:
            continue
        previous = resolved[-1]
        if mark.relation == AT:
            days += resolved
        else:
            bounds.append((mark.relation, resolved[0] if mark.relation in (FROM, BETWEEN, BEFORE) else resolved[-1]))
    if _is_span_bounded(positive):
        first, last = _period([mark for mark in positive if mark.relation == AT])
    first, last = _narrowed(first, last, bounds, today)
    if first is not None and last is not None and first > last:
        last = None
    unique = tuple(sorted(set(days)))
    if unique:
        return When(dates=unique, is_nearest=is_nearest, weekdays=frozenset(), date_from=None, date_to=None)
    return When(date_from=first, date_to=last, weekdays=frozenset(weekdays), is_nearest=is_nearest)


def _period(marks: list[Mark]) -> tuple[date | None, date | None]:
    """What all weeks and months said have in common; of two that exclude each other the later said."""
    spans = [core.span for core in map(_date_core, marks) if core.span is not None and core.span[1] is not None]
    first = max((span[0] for span in spans), default=None)
    last = min((span[1] for span in spans if span[1] is not None), default=None)
    return (first, last) if first is None or last is None or first <= last else spans[-1]


def _with_between(marks: list[Mark]) -> list[Mark]:
    """ "Между пятым и десятым": the second is the end."""
    pairs = zip([None, *marks], marks, strict=False)
    return [
        replace(mark, relation=UNTIL) if before is not None and before.relation == BETWEEN and mark.relation == AT else mark
        for before, mark in pairs
    ]


def _bounds_of_span(mark: Mark, core: DateCore) -> list[tuple[str, date]]:
    """ "После следующей недели", "до декабря"."""
    assert core.span is not None
    if mark.relation == AFTER and core.span[1] is not None:
        return [(AFTER, core.span[1])]
    if mark.relation == FROM:
        return [(FROM, core.span[0])]
    if mark.relation == BEFORE:
        return [(UNTIL, core.span[1])] if core.is_end and core.span[1] is not None else [(BEFORE, core.span[0])]
    if mark.relation == UNTIL and core.span[1] is not None and mark.preposition != "по":
        return [(UNTIL, core.span[1])]
    return []


def _is_span_bounded(marks: list[Mark]) -> bool:
    return any(_date_core(mark).span is not None and mark.relation in (AFTER, FROM, BEFORE) for mark in marks)


def _inside(core: DateCore, period: tuple[date, date] | None) -> list[date]:
    """The one day of a period that a weekday or a day of the month names: "со вторника на этой неделе", "в январе пятого"."""
    if period is None or core.days or (core.of_month is not None and core.of_month.month is not None):
        return []
    days = _days_between(*period, core.weekdays or frozenset(range(7)))
    found = [day for day in days if core.of_month is None or day.day == core.of_month.day]
    return found if len(found) == 1 else []


def _is_said_better(marks: list[Mark], place: int) -> bool:
    """Whether the day of this weekday is told by its neighbour, or later by "в следующую"."""
    weekdays = _date_core(marks[place]).weekdays
    is_later_one = _date_core(marks[place]).which is Which.NEXT_TO_COME and any(
        _date_core(mark).which is Which.NEXT_WEEK and _date_core(mark).weekdays == weekdays and not mark.is_joined
        for mark in marks[place + 1 :]
    )
    return is_later_one or _is_named_by_neighbour(marks, place)


def _is_named_by_neighbour(marks: list[Mark], place: int) -> bool:
    """Whether a day beside this weekday, without "или", is the same day ("завтра, в среду", "в среду двадцать пятого")."""
    neighbours = []
    if place + 1 < len(marks) and not marks[place + 1].is_joined:
        neighbours.append(_date_core(marks[place + 1]))
    if place > 0 and not marks[place].is_joined:
        neighbours.append(_date_core(marks[place - 1]))
    weekdays = _date_core(marks[place]).weekdays
    return any(
        core.of_month is not None
        or (not core.is_whole_week and bool(core.days) and {day.weekday() for day in core.days} <= weekdays)
        for core in neighbours
    )


def _weekday_days(
    core: DateCore,
    today: date,
    wholes: list[DateCore],
    first: date | None,
    last: date | None,
    context: When | None,
    known: list[date],
) -> tuple[set[int], list[date]]:
    """A weekday as a set of weekdays ("по средам", "в выходные") or as days."""
    if wholes:
        monday = wholes[0].days[0] - timedelta(days=wholes[0].days[0].weekday())
        return set(), [monday + timedelta(days=day) for day in sorted(core.weekdays) if monday + timedelta(days=day) >= today]
    if first is not None and last is not None:
        inside = _days_between(first, last, core.weekdays)
        if inside and (last - first).days <= 7 and core.which is not Which.EVERY:
            return set(), inside
        if not inside and core.which is Which.NEXT_TO_COME and not core.is_set:
            # "На этой неделе в пятницу", said on Saturday
            return set(), [resolve_weekday(day, core.which, first) for day in sorted(core.weekdays)]
        return set(core.weekdays), []
    if core.is_set or core.which is Which.EVERY:
        return set(core.weekdays), []
    if core.which is Which.NEXT_TO_COME and context is not None and not known:
        start, end = context.date_from, context.date_to
        if start is not None and end is not None and (end - start).days <= 7:
            inside = _days_between(max(start, today), end, core.weekdays)
            if inside:
                return set(), inside
    return set(), [resolve_weekday(day, core.which, today) for day in sorted(core.weekdays)]


def _days_between(first: date, last: date, weekdays: frozenset[int]) -> list[date]:
    count = (last - first).days + 1
    return [day for day in (first + timedelta(days=n) for n in range(count)) if day.weekday() in weekdays]


def _resolved(core: DateCore, marks: list[Mark], place: int, today: date, after: date | None) -> list[date]:
    """The days a core means; a day of the month borrows the month of the next one ("с пятого по десятое декабря")."""
    if core.days:
        return list(core.days)
    if core.weekdays:
        base = after if after is not None else today
        if core.is_set:  # "после выходных", said on Sunday, is tomorrow
            return [resolve_weekday(day, Which.THIS_WEEK, base) for day in sorted(core.weekdays)]
        return [resolve_weekday(day, core.which, base) for day in sorted(core.weekdays)]
    if core.of_month is None:
        return []
    of_month = core.of_month
    if of_month.month is None and of_month.month_shift is None:
        for mark in marks[place + 1 :]:
            later = _date_core(mark).of_month
            if later is not None and (later.month is not None or later.month_shift is not None):
                of_month = replace(of_month, month=later.month, year=later.year, month_shift=later.month_shift)
                break
        else:
            of_month = _in_month_before(of_month, marks, place)
    resolved = resolve_day(of_month, max(today, after) if after is not None else today)
    return [resolved] if resolved is not None else []


def _in_month_before(of_month: DayOfMonth, marks: list[Mark], place: int) -> DayOfMonth:
    """ "В январе пятого или шестого": the latter is of January too, being the later day."""
    earlier = _date_core(marks[place - 1]).of_month if place and marks[place].is_joined else None
    if earlier is None or earlier.month is None or earlier.day >= of_month.day:
        return of_month
    return replace(of_month, month=earlier.month, year=earlier.year)


def _narrowed(
    first: date | None, last: date | None, bounds: list[tuple[str, date]], today: date
) -> tuple[date | None, date | None]:
    has_start = any(relation in (FROM, AFTER, BETWEEN) for relation, _ in bounds)
    for relation, day in bounds:
        if relation in (FROM, AFTER):
            low = day + timedelta(days=1) if relation == AFTER else day
            first = low if first is None else max(first, low)
        elif relation == BETWEEN:
            if first is None:
                first = day
            else:
                last = day
        else:
            # "До пятницы" leaves Friday out, "с понедельника до пятницы" does not.
            high = day - timedelta(days=1) if relation == BEFORE and not has_start else day
            high = max(high, today)
            last = high if last is None else min(last, high)
    return first, last


def days_of_range(marks: list[Mark], today: date, context: When | None) -> set[date]:
    """Every day of the range that these marks tell; none where it has no end."""
    wish = of_dates(marks, today, context)
    if wish.date_from is None or wish.date_to is None:
        return set()
    return _days_of_span(wish.date_from, wish.date_to)


def _days_of_span(first: date, last: date) -> set[date]:
    return {first + timedelta(days=n) for n in range(min(_MOST_EXCLUDED, (last - first).days + 1))}


def exclusions(marks: list[Mark], today: date) -> tuple[set[date], set[int]]:
    """The days and the weekdays that negated marks rule out."""
    days: set[date] = set()
    weekdays: set[int] = set()
    for place, mark in enumerate(marks):
        core = _date_core(mark)
        if core.weekdays and core.which in (Which.NEXT_TO_COME, Which.EVERY):
            weekdays |= core.weekdays
        elif core.span is not None and core.span[1] is not None:
            days |= _days_of_span(core.span[0], core.span[1])
        else:
            days.update(_resolved(core, marks, place, today, None))
    return days, weekdays
