"""A phrase about date and time -> a wish. What the caller says last about a thing counts."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from voicebot.russian.calendar_words import HOUR_UNIT, MONTHS_GENITIVE
from voicebot.russian.case import Case, Gender
from voicebot.russian.dates import DateCore, Which, date_at, resolve_day, resolve_weekday
from voicebot.russian.numbers import numeral_at, say_ordinal
from voicebot.russian.spoken_when import say_date, say_time, say_when_spoken
from voicebot.russian.text import listed, words
from voicebot.russian.times import LUNCH, Clock, TimeCore, time_at
from voicebot.russian.wish import When

__all__ = ["When", "parse_when", "say_date", "say_time", "say_when_spoken"]

_AT, _FROM, _AFTER, _BEFORE, _UNTIL, _EXCEPT, _BETWEEN = "at", "from", "after", "before", "until", "except", "between"
_RELATIONS: tuple[tuple[tuple[str, ...], str], ...] = tuple(
    sorted(
        (
            (tuple(phrase.split()), relation)
            for relation, phrases in {
                _EXCEPT: "кроме, за исключением, исключая, только не, но не, а не, не, лишь бы не, кроме как, ни, не на",
                _FROM: "с, со, от, начиная с, начиная со, не раньше, не ранее, не раньше чем, не раньше чем в, не ранее чем в, "
                "не раньше чем с, где то с, примерно с, не до",
                _AFTER: "после, позже, позднее, не раньше чем после, где то после, позже чем, позже чем в",
                _BEFORE: "до, раньше, ранее, раньше чем, раньше чем в, где то до, не после",
                _UNTIL: "по, не позже, не позднее, не позже чем, не позже чем в, не позднее чем в, включительно до",
                _BETWEEN: "между",
                _AT: "в, во, на, к, ко, около, примерно, примерно в, где то в, в районе, приблизительно в, ближе к, часов в, "
                "часа в, часов на, часа на, часам к, часов около, часиков в, ровно в, за, под, именно в, только в, не в",
            }.items()
            for phrase in (part.strip() for part in phrases.split(","))
        ),
        key=lambda item: -len(item[0]),
    )
)
_CORRECTIONS = listed("нет ой точнее вернее ошибся ошиблась перепутал перепутала лучше передумал передумала стоп неа")
_HARD_BREAKS = listed(
    "перенести перенесите перенесем переносим перезаписать перезапишите поменять поменяйте переписать перенос сдвинуть"
)
_THAN = "чем"
_JOINS = listed("или либо и")
_TURNS = listed("но а давайте давай можно так поэтому значит только")
_CANNOT_PHRASES = """не могу, не смогу, не сможем, не можем, не получится, не получается, не подходит, не подойдет, неудобно,
    не удобно, не устраивает, не устроит, никак, не хочу, не надо, не нужно, занят, занята, исключено, отпадает, не выйдет,
    не хотелось бы, не приду, не буду, уезжаю, мимо, не вариант, не годится, не успеваю, не успею, не очень, не хотел бы,
    не хотела бы, не работает, меня нет, работаю, на работе, в отпуске, в командировке, не пойдет, не в состоянии, не по мне"""
_CANNOT = tuple(sorted((tuple(phrase.split()) for phrase in _CANNOT_PHRASES.split(",")), key=lambda phrase: -len(phrase)))
# What follows these is their number or their name: "полис двенадцать тридцать четыре", "улица первого мая".
_NUMBERED = listed(
    "полис полиса паспорт паспорта номер номера карта карты карту снилс дом дома доме квартира квартиры квартире кабинет "
    "кабинета кабинете офис офиса подъезд этаж телефон код серия улица улице улицы улицу площадь площади проспект проспекте"
)
# Words that leave a bare number a time: "давайте десять", "ну можно пять пожалуйста".
_FILLERS = listed(
    "ну вот давайте давай можно пожалуйста а и да нет лучше тогда наверное наверно то есть где так хорошо ладно хочу хотел "
    "хотела бы мне меня нам нас запишите записать записаться запись если я мы буду будет удобно подойдет подходит устроит "
    "ровно время времени часов часа часам час конечно э эм м мм ой значит например попробуем именно только же пусть будет "
    "примерно около приблизительно там это ага угу ок окей спасибо желательно скажем допустим точно прием приеме"
)
_SLASHED_DATE = re.compile(r"\b(\d{1,2})[./](\d{1,2})(?:[./](\d{4}|\d{2}))?\b")
_COLON_TIME = re.compile(r"\b(\d{1,2})\s?[:.]\s?(\d{2})\b")
_TYPED_ORDINAL = re.compile(r"\b(\d{1,2})\s?-?\s?(?:го|ого|ое|му|е)\b")


@dataclass(frozen=True, slots=True)
class _Mark:
    """One date or time expression with the words around it that decide what it does."""

    core: DateCore | TimeCore
    relation: str
    start: int  # of the preposition
    preposition: str
    is_joined: bool  # "или", "и" stands before it
    is_negated: bool = False

    @property
    def is_date(self) -> bool:
        return isinstance(self.core, DateCore)


def parse_when(text: str, now: datetime, *, context: When | None = None) -> When | None:
    """The wish about date and time in a phrase; None when the phrase holds none.

    `now`: the clinic's local time; dates before its day never come out. `context`: what was agreed before (a week, a
    month): a weekday alone is then looked for inside it.
    """
    tokens = words(_typed_to_words(text))
    segments = _scan(tokens, now.date())
    wish: When | None = None
    for segment in segments:
        part = _combined(segment, now, wish if wish is not None else context)
        if part is not None and not part.is_empty:
            wish = part if wish is None else wish.merged(part)
    return wish


# -- scanning ------------------------------------------------------------------------------------------------------------


def _typed_to_words(text: str) -> str:
    """Typed dates and times ("25.11", "10:30", "25-го") in words that the readers know; speech has none of them."""
    if not any(character.isdecimal() for character in text):
        return text

    def as_date(found: re.Match[str]) -> str:
        day, month, year = int(found[1]), int(found[2]), found[3]
        if not (1 <= day <= 31 and 1 <= month <= 12) or (year is None and found[2] == "00"):
            return found[0]
        full_year = "" if year is None else f" {int(year) + (2000 if len(year) == 2 else 0)} года"
        return f" {day} {MONTHS_GENITIVE[month - 1]}{full_year} "

    def as_time(found: re.Match[str]) -> str:
        hour, minute = int(found[1]), int(found[2])
        return f" {hour} часов {minute} минут " if hour <= 24 and minute <= 59 else found[0]

    def as_ordinal(found: re.Match[str]) -> str:
        return f" {say_ordinal(int(found[1]), Case.GENITIVE, Gender.NEUTER)} "

    return _TYPED_ORDINAL.sub(as_ordinal, _COLON_TIME.sub(as_time, _SLASHED_DATE.sub(as_date, text.lower())))


def _scan(tokens: list[str], today: date) -> list[list[_Mark]]:
    """Marks by segment; a correction ("нет", "лучше") begins a new segment."""
    segments: list[list[_Mark]] = [[]]
    relation, preposition, relation_start = _AT, "", -1
    is_joined = is_excluding = is_cannot_ahead = False
    unknown = 0
    index = 0
    while index < len(tokens):
        cannot = _phrase_at(tokens, index, _CANNOT)
        if cannot:
            last = _last_mark(segments)
            if last is not None and not last.is_negated and _is_near(tokens, last, index):
                _negate_back(segments)
                is_cannot_ahead = False
            else:
                is_cannot_ahead = True
            index += cannot
            relation, preposition = _AT, ""
            continue
        core: DateCore | TimeCore | None = _core_at(tokens, index, today, bool(preposition))
        if core is not None and index > 0 and tokens[index - 1] in _NUMBERED:
            index = core.end
            unknown += 1
            continue
        found_relation = _relation_at(tokens, index) if core is None or tokens[index] in ("с", "до", "после") else None
        if core is None and found_relation is not None:
            length, kind = found_relation
            if kind == _EXCEPT:
                is_excluding = True
            else:
                if relation_start < 0 or not preposition:
                    relation_start = index
                if not (kind == _AT and relation != _AT and preposition):
                    relation = kind
                preposition = tokens[index + length - 1]
                if tokens[index] == "не" and tokens[index : index + length] == ["не", "в"]:
                    is_excluding = True
            index += length
            continue
        token = tokens[index]
        if core is not None:
            if is_cannot_ahead and not is_joined and _has_such(segments[-1], core):
                is_cannot_ahead = False  # "работаю до шести, после семи": the second is a wish
            is_negated = is_excluding or is_cannot_ahead
            if preposition == "по" and isinstance(core, DateCore) and (core.is_set or core.which is Which.EVERY):
                relation = _AT  # "по вторникам" is no end of a range
            mark = _Mark(core, relation, relation_start if preposition else core.start, preposition, is_joined, is_negated)
            segments[-1].append(mark)
            relation, preposition, relation_start = _AT, "", -1
            is_joined = False
            following = tokens[core.end] if core.end < len(tokens) else ""
            # "Кроме среды и пятницы" goes on; "не завтра а послезавтра" does not.
            is_excluding = is_excluding and following in _JOINS
            index = core.end
            continue
        if token in _HARD_BREAKS:
            if any(segments):
                segments.append([])
                segments = [[]] if _has_mark_ahead(tokens, index + 1, today) else segments
            is_cannot_ahead = False
        elif token in _CORRECTIONS:
            if tokens[index] == "нет" and segments[-1] and not _has_mark_ahead(tokens, index + 1, today):
                _negate_back(segments)
            elif segments[-1]:
                segments.append([])
            is_excluding = is_cannot_ahead = False
        elif token == _THAN:
            is_excluding = True  # "лучше вечером, чем утром"
        elif token in _JOINS:
            is_joined = True
        elif token in _TURNS:
            is_cannot_ahead = False
        numeral = numeral_at(tokens, index)
        if token not in _FILLERS and token not in _JOINS and token not in _CORRECTIONS:
            unknown += 1
        if token not in HOUR_UNIT and token not in _FILLERS:
            relation, preposition, relation_start = _AT, "", -1
            is_excluding = is_excluding and (token in _JOINS or token == _THAN)
        # A number that is no date or time is passed over whole: "сорок первого" holds no "первого".
        index = numeral.end if numeral is not None else index + 1
    return [[mark for mark in segment if not _is_doubtful(mark, unknown)] for segment in segments]


def _is_doubtful(mark: _Mark, unknown: int) -> bool:
    """A number alone, among words that may explain it otherwise."""
    return isinstance(mark.core, TimeCore) and mark.core.is_bare and unknown > 0


def _core_at(tokens: list[str], index: int, today: date, has_preposition: bool) -> DateCore | TimeCore | None:
    """The longer of the date and the time that begin here; the date when they are equally long."""
    of_time = time_at(tokens, index, has_preposition=has_preposition)
    of_date = date_at(tokens, index, today)
    if of_time is None:
        return of_date
    if of_date is None or of_time.end > of_date.end:
        return of_time
    return of_date


def _relation_at(tokens: list[str], index: int) -> tuple[int, str] | None:
    for phrase, relation in _RELATIONS:
        if tuple(tokens[index : index + len(phrase)]) == phrase:
            return len(phrase), relation
    return None


def _phrase_at(tokens: list[str], index: int, phrases: tuple[tuple[str, ...], ...]) -> int:
    return next((len(phrase) for phrase in phrases if tuple(tokens[index : index + len(phrase)]) == phrase), 0)


def _last_mark(segments: list[list[_Mark]]) -> _Mark | None:
    return next((segment[-1] for segment in reversed(segments) if segment), None)


def _is_near(tokens: list[str], last: _Mark, index: int) -> bool:
    """Whether "не могу" still speaks of the mark before it."""
    between = tokens[last.core.end : index]
    return len(between) <= 4 and not any(token in ("но", "а", "только", "давайте", "можно") for token in between)


def _has_such(segment: list[_Mark], core: DateCore | TimeCore) -> bool:
    """Whether the segment already has a negated mark of the same kind."""
    return any(mark.is_negated and mark.is_date == isinstance(core, DateCore) for mark in segment)


def _negate_back(segments: list[list[_Mark]]) -> None:
    """Negate the marks of the last segment that has any; a newly named day after an earlier wish only that day."""
    segment = next(segment for segment in reversed(segments) if segment)
    segment[:] = [replace(mark, is_negated=True) for mark in segment]


def _has_mark_ahead(tokens: list[str], index: int, today: date) -> bool:
    return any(_core_at(tokens, place, today, has_preposition=True) is not None for place in range(index, len(tokens)))


# -- combining -----------------------------------------------------------------------------------------------------------


def _combined(segment: list[_Mark], now: datetime, context: When | None) -> When | None:
    if not segment:
        return None
    dates = _without_moved_from([mark for mark in segment if isinstance(mark.core, DateCore)])
    times = _without_moved_from([mark for mark in segment if isinstance(mark.core, TimeCore)])
    # "В пятницу утром не могу" rules the day out, not all mornings.
    is_day_negated = any(mark.is_negated for mark in dates)
    times = _turned([mark for mark in times if not (mark.is_negated and is_day_negated)])
    dates = _turned(dates)
    today = now.date()
    wish = _of_dates([mark for mark in dates if not mark.is_negated], today, context)
    excluded_dates, excluded_weekdays = _exclusions([mark for mark in dates if mark.is_negated], today)
    wish = replace(
        wish,
        excluded_dates=frozenset(excluded_dates - set(wish.dates)),
        excluded_weekdays=frozenset(excluded_weekdays - wish.weekdays),
    )
    return _of_times(times, wish, now)


def _without_moved_from(marks: list[_Mark]) -> list[_Mark]:
    """ "С понедельника на среду": what is moved from is no wish."""
    result: list[_Mark] = []
    for mark in marks:
        if mark.preposition == "на" and any(other.preposition in ("с", "со") for other in result):
            result = [other for other in result if other.preposition not in ("с", "со")]
        result.append(mark)
    return result


def _turned(marks: list[_Mark]) -> list[_Mark]:
    """ "До шести не могу" is from six on, "после пяти не получится" until five; a closed range cannot be turned."""
    is_closed = {mark.relation for mark in marks if mark.is_negated} >= {_FROM, _BEFORE}
    turns = {_BEFORE: _FROM, _UNTIL: _AFTER, _FROM: _BEFORE, _AFTER: _UNTIL}
    result = []
    for mark in marks:
        if mark.is_negated and mark.relation in turns:
            if not is_closed:
                result.append(replace(mark, relation=turns[mark.relation], is_negated=False, preposition=""))
        else:
            result.append(mark)
    return result


def _date_core(mark: _Mark) -> DateCore:
    assert isinstance(mark.core, DateCore)
    return mark.core


def _of_dates(marks: list[_Mark], today: date, context: When | None) -> When:
    cores = [_date_core(mark) for mark in marks]
    is_nearest = any(core.is_nearest for core in cores)
    positive = [mark for mark in marks if not _date_core(mark).is_nearest]
    if not positive:
        return When(is_nearest=is_nearest)
    spans = [core.span for core in cores if core.span is not None and core.span[1] is not None]
    first = max((span[0] for span in spans), default=None)
    last = min((span[1] for span in spans if span[1] is not None), default=None)
    if first is not None and last is not None and first > last:
        first, last = spans[-1]  # two periods that exclude each other: the later said
    open_spans = [core.span for core in cores if core.span is not None and core.span[1] is None]
    if open_spans and first is None:
        first = open_spans[0][0]
    days: list[date] = []
    weekdays: set[int] = set()
    wholes = [core for core in cores if core.is_whole_week]
    explicit = any((core.days or core.of_month) and not core.is_whole_week for core in cores)
    bounds: list[tuple[str, date]] = []
    previous: date | None = None
    for place, mark in enumerate(positive):
        core = _date_core(mark)
        if core.span is not None:
            bounds += _bounds_of_span(mark, core)
            continue
        if core.is_whole_week and any(other.weekdays for other in cores):
            continue
        if core.weekdays and explicit and mark.relation == _AT and not _is_choice(positive, place):
            continue  # "в среду двадцать пятого": the number decides
        if core.weekdays and mark.relation == _AT:
            of_set, of_days = _weekday_days(core, today, wholes, first, last, context, days)
            weekdays |= of_set
            days += of_days
            continue
        resolved = _resolved(core, positive, place, today, previous if mark.relation in (_BEFORE, _UNTIL) else None)
        if not resolved:
            continue
        previous = resolved[-1]
        if mark.relation == _AT:
            days += resolved
        else:
            bounds.append((mark.relation, resolved[0] if mark.relation in (_FROM, _BETWEEN) else resolved[-1]))
    if _is_span_bounded(positive):
        first = last = None
    first, last = _narrowed(first, last, bounds, today)
    if first is not None and last is not None and first > last:
        last = None
    unique = tuple(sorted(set(days)))
    if unique:
        return When(dates=unique, is_nearest=is_nearest, weekdays=frozenset(), date_from=None, date_to=None)
    return When(date_from=first, date_to=last, weekdays=frozenset(weekdays), is_nearest=is_nearest)


def _bounds_of_span(mark: _Mark, core: DateCore) -> list[tuple[str, date]]:
    """ "После следующей недели", "до декабря"."""
    assert core.span is not None
    if mark.relation == _AFTER and core.span[1] is not None:
        return [(_AFTER, core.span[1])]
    if mark.relation == _FROM:
        return [(_FROM, core.span[0])]
    if mark.relation == _BEFORE:
        return [(_UNTIL, core.span[1])] if core.is_end and core.span[1] is not None else [(_BEFORE, core.span[0])]
    if mark.relation == _UNTIL and core.span[1] is not None and mark.preposition != "по":
        return [(_UNTIL, core.span[1])]
    return []


def _is_span_bounded(marks: list[_Mark]) -> bool:
    return any(_date_core(mark).span is not None and mark.relation in (_AFTER, _FROM, _BEFORE) for mark in marks)


def _is_choice(marks: list[_Mark], place: int) -> bool:
    """Whether this mark and its neighbour are alternatives ("во вторник или двадцать пятого")."""
    return marks[place].is_joined or (place + 1 < len(marks) and marks[place + 1].is_joined)


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


def _resolved(core: DateCore, marks: list[_Mark], place: int, today: date, after: date | None) -> list[date]:
    """The days a core means; a day of the month borrows the month of the next one ("с пятого по десятое декабря")."""
    if core.days:
        return list(core.days)
    if core.weekdays:
        base = after if after is not None else today
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
    resolved = resolve_day(of_month, max(today, after) if after is not None else today)
    return [resolved] if resolved is not None else []


def _narrowed(
    first: date | None, last: date | None, bounds: list[tuple[str, date]], today: date
) -> tuple[date | None, date | None]:
    has_start = any(relation in (_FROM, _AFTER, _BETWEEN) for relation, _ in bounds)
    for relation, day in bounds:
        if relation in (_FROM, _AFTER):
            low = day + timedelta(days=1) if relation == _AFTER else day
            first = low if first is None else max(first, low)
        elif relation == _BETWEEN:
            if first is None:
                first = day
            else:
                last = day
        else:
            # "До пятницы" leaves Friday out, "с понедельника до пятницы" does not.
            high = day - timedelta(days=1) if relation == _BEFORE and not has_start else day
            high = max(high, today)
            last = high if last is None else min(last, high)
    return first, last


def _exclusions(marks: list[_Mark], today: date) -> tuple[set[date], set[int]]:
    days: set[date] = set()
    weekdays: set[int] = set()
    for place, mark in enumerate(marks):
        core = _date_core(mark)
        if core.weekdays and core.which in (Which.NEXT_TO_COME, Which.EVERY):
            weekdays |= core.weekdays
        elif core.span is not None and core.span[1] is not None:
            days.update(core.span[0] + timedelta(days=n) for n in range(min(62, (core.span[1] - core.span[0]).days + 1)))
        else:
            days.update(_resolved(core, marks, place, today, None))
    return days, weekdays


def _of_times(marks: list[_Mark], wish: When, now: datetime) -> When:
    parts: list[tuple[time | None, time | None]] = []
    is_any = is_either = False
    clocks: list[tuple[_Mark, Clock]] = []
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
            is_open_start = core.part[0] is None and mark.relation == _AT and not mark.is_negated
            if is_open_start and any(other.relation in (_BEFORE, _UNTIL) for other in marks):
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


def _part_with_relation(mark: _Mark, core: TimeCore) -> tuple[time | None, time | None]:
    """ "После обеда" is from lunch on, "до обеда" until it, "до вечера" until the evening."""
    assert core.part is not None
    if core.is_lunch and mark.relation in (_AFTER, _FROM):
        return LUNCH, None
    if core.is_lunch and mark.relation in (_BEFORE, _UNTIL):
        return None, LUNCH
    if mark.relation in (_BEFORE, _UNTIL) and core.part[0] is not None:
        return None, core.part[0]
    if mark.relation == _AFTER and core.part[1] is not None:
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
    clocks: list[tuple[_Mark, Clock]],
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
        if relation == _BETWEEN or (relation == _FROM and _has_end(clocks, place)):
            low, last_range_clock = (
                _start_of_range(clock, clocks[place + 1][1] if place + 1 < len(clocks) else None, fits),
                clock,
            )
            has_range_start = True
        elif relation in (_FROM, _AFTER):
            bound = _choose(clock, fits)
            low = bound if low is None else max(low, bound)
        elif relation in (_BEFORE, _UNTIL) or (has_range_start and last_range_clock is not None and relation == _AT):
            high = _end_of_range(clock, low)
            last_range_clock = None
        else:
            times.append(_choose(clock, fits))
    if times:
        unique = tuple(sorted(set(times)))
        inside = tuple(t for t in unique if (low is None or t >= low) and (high is None or t < high))
        # A part of the day beside an exact time only told which half of the day was meant.
        return replace(wish, times=inside or unique)
    if low is not None and high is not None and high <= low:
        if any(mark.is_joined for mark, _ in clocks):
            low, is_any = None, True  # "до двенадцати или после трёх": nearly any time
        high = None
    if low is None and high is None and is_any:
        low = time(0)
    return replace(wish, time_from=low, time_to=high)


def _has_end(clocks: list[tuple[_Mark, Clock]], place: int) -> bool:
    return place + 1 < len(clocks) and clocks[place + 1][0].relation in (_BEFORE, _UNTIL)


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
