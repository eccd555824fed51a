"""Date words -> what they mean before the whole phrase is known: days, weekdays, ranges."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum, auto

from voicebot.russian.calendar_words import (
    DAY_OF_MONTH_WORD,
    DAY_UNIT,
    MONTH_UNIT,
    WEEK_UNIT,
    YEAR_UNIT,
    month_words,
    weekday_plurals,
    weekday_words,
)
from voicebot.russian.numbers import Numeral, numeral_at
from voicebot.russian.text import listed


class Which(Enum):
    """Which of the weekdays is meant."""

    NEXT_TO_COME = auto()  # "в среду"
    THIS_WEEK = auto()  # "в эту среду"
    NEXT_WEEK = auto()  # "в следующую среду"
    EVERY = auto()  # "по средам"


@dataclass(frozen=True, slots=True)
class DayOfMonth:
    """ "двадцать пятого", with the month and year if they were said. `month_shift`: of this month 0, of the next 1."""

    day: int
    month: int | None = None
    year: int | None = None
    month_shift: int | None = None


@dataclass(frozen=True, slots=True)
class DateCore:
    """One date expression without its preposition; the words [start, end)."""

    start: int
    end: int
    days: tuple[date, ...] = ()
    of_month: DayOfMonth | None = None
    weekdays: frozenset[int] = frozenset()
    which: Which = Which.NEXT_TO_COME
    span: tuple[date, date | None] | None = None  # first and last day; a week, a month or a part of one
    is_whole_week: bool = False  # days: "через неделю", where a weekday beside it names the day of that week
    is_nearest: bool = False
    is_end: bool = False  # span: "конец недели", so that "до конца недели" takes it in
    is_set: bool = False  # weekdays: "в выходные", "в будни": any of them


_NEXT = listed(
    "следующий следующая следующее следующего следующей следующую следующем следующие следующих будущий будущей будущую "
    "будущем будущего той ту том того"
)
_THIS = listed(
    "этот эта это этого этой эту этом эти этих текущий текущей текущую текущего текущем нынешней нынешнюю нынешнем нынешнего"
)
_CLOSEST = listed("ближайший ближайшая ближайшее ближайшего ближайшей ближайшую ближайшем ближайшие ближайших ближайшему")
_SINGLE_DAYS = {
    "сегодня": 0,
    "седня": 0,
    "сегодняшний": 0,
    "сегодняшнего": 0,
    "сегодняшнем": 0,
    "сегодняшнюю": 0,
    "завтра": 1,
    "завтрашний": 1,
    "завтрашнего": 1,
    "завтрашнему": 1,
    "завтрашнем": 1,
    "завтрашнее": 1,
    "послезавтра": 2,
    "послезавтрашний": 2,
    "послезавтрашнего": 2,
    "послепослезавтра": 3,
}
_EVERY = listed("каждый каждую каждое каждая любой любую любое любая")
_WEEKEND = listed("выходные выходных выходным выходной выходного")
_WORKDAYS = listed("будни будням будних будний будние буднии буднего буднями рабочий рабочие рабочим рабочих")
_BEGINNING = listed("начале начало начала началу")
_MIDDLE = listed("середине середину середина середины")
_END = listed("конце конец конца концу")
_FIRST_DAYS = listed("первых первые")
_LAST_DAYS = listed("последних последние")
_FIRST_HALF = listed("первой первую первая")
_SECOND_HALF = listed("второй вторую вторая")
_HALF = listed("половине половину половина половины")
_NEW_YEAR = (("новый", "год"), ("нового", "года"), ("новому", "году"), ("новым", "годом"))
_DAY_NUMBERS = listed("числах числа")
_NEAREST_PHRASES = tuple(
    tuple(phrase.split())
    for phrase in (
        "как можно раньше",
        "как можно скорее",
        "как можно быстрее",
        "как можно ближе",
        "чем раньше тем лучше",
        "чем скорее тем лучше",
        "чем быстрее тем лучше",
        "самое раннее",
        "самое ближайшее",
        "самую раннюю",
        "самую ближайшую",
        "самый ранний",
        "самый ближайший",
        "самая ближайшая",
        "ближайшее время",
        "ближайшему времени",
        "ближайшая запись",
        "ближайшую запись",
        "ближайшее окно",
        "ближайшее окошко",
        "ближайшее свободное",
        "ближайшие дни",
        "ближайший день",
        "ближайшая дата",
        "ближайшую дату",
        "ближайший прием",
        "первое свободное",
        "первое доступное",
        "первая свободная",
        "первую свободную",
        "поскорее",
        "поскорей",
        "побыстрее",
        "побыстрей",
        "скорее",
        "срочно",
        "самое быстрое",
        "ближайшее",
        "ближайшая",
        "ближайшую",
        "на днях",
        "прямо сейчас",
        "хоть сейчас",
        "сейчас же",
    )
)
_ANY_DAY_PHRASES = tuple(
    tuple(phrase.split())
    for phrase in (
        "любой день",
        "любое число",
        "любую дату",
        "любая дата",
        "день любой",
        "какой угодно день",
        "когда угодно",
        "неважно когда",
        "все равно когда",
        "не важно когда",
        "без разницы когда",
        "не принципиально когда",
        "любой другой день",
    )
)
# After a bare day of the month these show that something else was counted: "второе ухо", "первое посещение".
_NOT_AFTER_DAY = listed(
    "свободное доступное время окно место ухо посещение лицо уха раз этажа кабинета филиала врача приема ребенка лица окошко "
    "слово имя отделение отделения корпуса подъезда июнь"
)
_WEEKEND_DAYS = frozenset({5, 6})
_WORKING_DAYS = frozenset(range(5))


def date_at(tokens: list[str], start: int, today: date) -> DateCore | None:
    """The longest date expression that begins at a word, or None."""
    for reader in (
        _phrase,
        _single_day,
        _within,
        _after_some_time,
        _part_of_period,
        _with_which,
        _weekday,
        _day_of_month,
        _month,
    ):
        found = reader(tokens, start, today)
        if found is not None:
            return found
    return None


def _token(tokens: list[str], index: int) -> str:
    return tokens[index] if index < len(tokens) else ""


def _phrase(tokens: list[str], start: int, today: date) -> DateCore | None:
    for phrase in _NEAREST_PHRASES:
        if tuple(tokens[start : start + len(phrase)]) == phrase:
            following = _token(tokens, start + len(phrase))
            if (
                len(phrase) == 1
                and phrase[0].startswith("ближайш")
                and (following in weekday_words() or following in WEEK_UNIT or following in MONTH_UNIT or following in _WEEKEND)
            ):
                return None
            return DateCore(start, start + len(phrase), is_nearest=True)
    for phrase in _ANY_DAY_PHRASES:
        if tuple(tokens[start : start + len(phrase)]) == phrase:
            return DateCore(start, start + len(phrase), span=(today, None))
    if tuple(tokens[start : start + 2]) in _NEW_YEAR:
        return DateCore(start, start + 2, days=(date(today.year + 1, 1, 1),))
    return None


def _single_day(tokens: list[str], start: int, today: date) -> DateCore | None:
    token = tokens[start]
    if token in ("после", "послепосле") and _token(tokens, start + 1) in ("завтра", "послезавтра"):
        # The recogniser may cut "послезавтра" in two.
        shift = 2 if tokens[start + 1] == "завтра" else 3
        return DateCore(start, start + 2, days=(today + timedelta(days=shift),))
    shift_days = _SINGLE_DAYS.get(token)
    if shift_days is None:
        return None
    end = start + 1
    if token.endswith(("ний", "него", "нему", "нем", "нюю", "нее")):
        if _token(tokens, end) not in DAY_UNIT:
            return None
        end += 1
    return DateCore(start, end, days=(today + timedelta(days=shift_days),))


def _after_some_time(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "через две недели", "через пару дней", "дня через три", "недели через две"."""
    if tokens[start] in ("через", "спустя"):
        index = start + 1
        count, is_half = 1, False
        first = _token(tokens, index)
        if first in ("пару", "парочку"):
            count, index = 2, index + 1
        elif first in ("несколько",):
            count, index = 3, index + 1
        elif first == "полгода":
            return DateCore(start, index + 1, days=(_plus_months(today, 6),))
        elif first == "полмесяца":
            return DateCore(start, index + 1, days=(today + timedelta(days=14),))
        else:
            numeral = numeral_at(tokens, index)
            if numeral is not None and not numeral.is_ordinal:
                count, is_half, index = numeral.value, numeral.is_half_more, numeral.end
        weekday = weekday_words().get(_token(tokens, index))
        if weekday is not None and index == start + 1:  # "через среду": not the next but the one after
            return DateCore(start, index + 1, days=(resolve_weekday(weekday, Which.NEXT_TO_COME, today) + timedelta(days=7),))
        is_counted = index > start + 1
        return _shifted(start, index, _token(tokens, index), count, is_half, is_counted, today)
    if _token(tokens, start + 1) == "через" and tokens[start] in DAY_UNIT | WEEK_UNIT | MONTH_UNIT:
        numeral = numeral_at(tokens, start + 2) if start + 2 < len(tokens) else None
        if numeral is not None and not numeral.is_ordinal:
            return _shifted(start, numeral.end - 1, tokens[start], numeral.value, numeral.is_half_more, True, today)
    return None


def _shifted(
    start: int, unit_index: int, unit: str, count: int, is_half: bool, is_counted: bool, today: date
) -> DateCore | None:
    end = unit_index + 1
    if count > 400:
        return None
    if unit in DAY_UNIT:
        # "Через день" leaves one day out.
        return DateCore(start, end, days=(today + timedelta(days=count if is_counted else 2),))
    if unit in WEEK_UNIT:
        days = count * 7 + (4 if is_half else 0)
        return DateCore(start, end, days=(today + timedelta(days=days),), is_whole_week=True)
    if unit in MONTH_UNIT and count <= 24:
        day = _plus_months(today, count) + timedelta(days=15 if is_half else 0)
        return DateCore(start, end, days=(day,), is_whole_week=True)
    if unit in YEAR_UNIT and count <= 2:
        return DateCore(start, end, days=(_plus_months(today, 12 * count),), is_whole_week=True)
    return None


def _within(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "(в) течение двух недель", "ближайшие три дня": from today on."""
    if tokens[start] not in _CLOSEST and tokens[start] not in ("течение", "течении"):
        return None
    index = start + 1
    if tokens[start] not in _CLOSEST and _token(tokens, index) in _CLOSEST:
        index += 1
    numeral = numeral_at(tokens, index) if index < len(tokens) else None
    count = 1
    if numeral is not None and not numeral.is_ordinal:
        count, index = numeral.value, numeral.end
    elif _token(tokens, index) in ("пару", "пары", "парочку"):
        count, index = 2, index + 1
    elif tokens[start] in _CLOSEST or _token(tokens, index) in DAY_UNIT:
        return None
    shifted = _shifted(start, index, _token(tokens, index), count, False, True, today)
    return DateCore(start, shifted.end, span=(today, shifted.days[0])) if shifted is not None else None


def _plus_months(day: date, months: int) -> date:
    index = day.month - 1 + months
    year, month = day.year + index // 12, index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _part_of_period(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "(в) начале следующего месяца", "конце недели", "середине декабря", "первых числах"."""
    token = tokens[start]
    if token in _FIRST_DAYS | _LAST_DAYS and _token(tokens, start + 1) in _DAY_NUMBERS:
        part, index = ("first" if token in _FIRST_DAYS else "last"), start + 2
        period = _period(tokens, index, today) or (*_month_span(today, 0), index, "month", None)
    elif token in _FIRST_HALF | _SECOND_HALF and _token(tokens, start + 1) in _HALF:
        found = _period(tokens, start + 2, today)
        if found is None:
            return None
        part, period = ("half1" if token in _FIRST_HALF else "half2"), found
    else:
        part = next(
            (name for name, forms in (("beginning", _BEGINNING), ("middle", _MIDDLE), ("end", _END)) if token in forms), ""
        )
        if not part:
            return None
        found = _period(tokens, start + 1, today)
        if found is None:
            return None
        period = found
    first, last, end, kind, name = period
    span = _part(part, first, last, kind)
    if span[1] < today:
        # This month's beginning has passed: the next month's (or, of a named month, the next year's).
        if kind == "month":
            again = _plus_months(first, 12 if name is not None else 1)
            span = _part(part, again, again.replace(day=calendar.monthrange(again.year, again.month)[1]), kind)
        else:
            span = _part(part, first + timedelta(days=7), last + timedelta(days=7), kind)
    return DateCore(start, end, span=(max(span[0], today), span[1]), is_end=part in ("end", "last", "half2"))


def _part(part: str, first: date, last: date, kind: str) -> tuple[date, date]:
    if kind == "week":
        offsets = {"beginning": (0, 1), "middle": (2, 3), "end": (3, 6), "half1": (0, 2), "half2": (3, 6)}[part]
        return first + timedelta(days=offsets[0]), first + timedelta(days=offsets[1])
    if part == "first":
        return first, first.replace(day=5)
    if part == "last":
        return last - timedelta(days=4), last
    if part == "half1":
        return first, first.replace(day=15)
    if part == "half2":
        return first.replace(day=16), last
    if part == "beginning":
        return first, first.replace(day=10)
    return (first.replace(day=11), first.replace(day=20)) if part == "middle" else (first.replace(day=21), last)


def _month_span(today: date, shift: int) -> tuple[date, date]:
    first = _plus_months(today.replace(day=1), shift)
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _week_span(today: date, shift: int) -> tuple[date, date]:
    monday = today - timedelta(days=today.weekday()) + timedelta(days=7 * shift)
    return monday, monday + timedelta(days=6)


def _period(tokens: list[str], index: int, today: date) -> tuple[date, date, int, str, int | None] | None:
    """A week or a month with "следующей" or "этой" before it, or a named month: first day, last day, end, kind, month."""
    shift = 0
    word = _token(tokens, index)
    if word in _NEXT:
        shift, index = 1, index + 1
    elif word in _THIS or word in _CLOSEST:
        index += 1
    word = _token(tokens, index)
    if word in WEEK_UNIT:
        return (*_week_span(today, shift), index + 1, "week", None)
    if word in MONTH_UNIT:
        return (*_month_span(today, shift), index + 1, "month", None)
    month = month_words().get(word)
    if month is not None:
        year = today.year + (month < today.month)
        first = date(year, month, 1)
        end = index + 1 + (_token(tokens, index + 1) in MONTH_UNIT)
        return first, first.replace(day=calendar.monthrange(year, month)[1]), end, "month", month
    return None


def _with_which(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "следующую среду", "этой неделе", "ближайшие выходные", "следующем месяце"."""
    word, following = tokens[start], _token(tokens, start + 1)
    if word in _NEXT:
        which, shift = Which.NEXT_WEEK, 1
    elif word in _THIS:
        which, shift = Which.THIS_WEEK, 0
    elif word in _CLOSEST:
        which, shift = Which.NEXT_TO_COME, 0
    else:
        return _plain_week_or_set(tokens, start, today)
    weekday = weekday_words().get(following)
    if weekday is not None:
        return DateCore(start, start + 2, weekdays=frozenset({weekday}), which=which)
    if following in WEEK_UNIT:
        first, last = _week_span(today, shift)
        if word in _CLOSEST:
            last = today + timedelta(days=7)
        return DateCore(start, start + 2, span=(max(first, today), last))
    if following in MONTH_UNIT:
        first, last = _month_span(today, shift)
        if word in _CLOSEST:
            last = _plus_months(today, 1)
        return DateCore(start, start + 2, span=(max(first, today), last))
    if following in _WEEKEND:
        first, last = _week_span(today, shift)
        return DateCore(start, start + 2, days=tuple(d for d in (last - timedelta(days=1), last) if d >= today))
    if following == "день" and word in _NEXT:
        return DateCore(start, start + 2, days=(today + timedelta(days=1),))
    if following in YEAR_UNIT and word in _NEXT:
        return DateCore(start, start + 2, span=(date(today.year + 1, 1, 1), date(today.year + 1, 12, 31)))
    return None


def _plain_week_or_set(tokens: list[str], start: int, today: date) -> DateCore | None:
    word, following = tokens[start], _token(tokens, start + 1)
    if word in ("неделе", "недельке"):  # "на неделе"
        return DateCore(start, start + 1, span=(today, _week_span(today, 0)[1]))
    if word in _WEEKEND:
        end = start + 1 + (following in DAY_UNIT)
        return DateCore(start, end, weekdays=_WEEKEND_DAYS, is_set=True)
    if word in _WORKDAYS:
        is_day_said = following in DAY_UNIT or following == "дням"
        if word.startswith("рабоч") and not is_day_said:
            return None
        return DateCore(start, start + 1 + is_day_said, weekdays=_WORKING_DAYS, is_set=True)
    return None


def _weekday(tokens: list[str], start: int, today: date) -> DateCore | None:
    word = tokens[start]
    if word in _EVERY and _token(tokens, start + 1) in weekday_words():
        return DateCore(start, start + 2, weekdays=frozenset({weekday_words()[tokens[start + 1]]}), which=Which.EVERY)
    day = weekday_words().get(word)
    if day is not None:
        return DateCore(start, start + 1, weekdays=frozenset({day}))
    day = weekday_plurals().get(word)
    if day is not None:
        return DateCore(start, start + 1, weekdays=frozenset({day}), which=Which.EVERY)
    return None


def _day_of_month(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "двадцать пятого ноября", "двадцать пятое", "первого числа", "пятого двенадцатого", "числа двадцатого"."""
    index = start
    is_number_word_first = tokens[start] in DAY_OF_MONTH_WORD
    if is_number_word_first:
        index += 1
    numeral = numeral_at(tokens, index) if index < len(tokens) else None
    if numeral is None or not 1 <= numeral.value <= 31 or numeral.is_half_more or numeral.is_collective:
        return None
    end = numeral.end
    following = _token(tokens, end)
    month = month_words().get(following)
    if month is not None:
        year, end = _year(tokens, end + 1)
        return DateCore(start, end, of_month=DayOfMonth(numeral.value, month, year))
    if not numeral.is_ordinal:
        return None
    if following in DAY_OF_MONTH_WORD:
        end += 1
        shift, end = _month_shift(tokens, end)
        month = month_words().get(_token(tokens, end)) if shift is None else None
        if month is not None:
            end += 1
        return DateCore(start, end, of_month=DayOfMonth(numeral.value, month, None, shift))
    if not _is_date_form(tokens[numeral.end - 1]) or following in _NOT_AFTER_DAY:
        return None
    second = numeral_at(tokens, end) if end < len(tokens) else None
    if second is not None and _is_month_number(numeral, second, tokens, today):
        year, end = _year(tokens, second.end)
        return DateCore(start, end, of_month=DayOfMonth(numeral.value, second.value, year))
    shift, end = _month_shift(tokens, end)
    return DateCore(start, end, of_month=DayOfMonth(numeral.value, None, None, shift))


def _is_date_form(word: str) -> bool:
    """Days of the month are neuter: "пятое", "пятого", "пятому"; "пятый" and "пятая" are something else."""
    return word.endswith(("ое", "ого", "ому", "ье", "ьего", "ьему"))


def _is_month_number(day: Numeral, month: Numeral, tokens: list[str], today: date) -> bool:
    """Whether "пятого двенадцатого" is 05.12. "Пятого шестого" is rather two days, unless June is near."""
    if not month.is_ordinal or not 1 <= month.value <= 12 or not _is_date_form(tokens[month.end - 1]):
        return False
    if _token(tokens, month.end) in DAY_OF_MONTH_WORD or _token(tokens, month.end) in month_words():
        return False
    if day.value > calendar.monthrange(2024, month.value)[1]:
        return False
    months_ahead = (month.value - today.month) % 12
    return month.value != day.value + 1 or months_ahead <= 1


def _year(tokens: list[str], index: int) -> tuple[int | None, int]:
    """A year after a month ("две тысячи двадцать шестого года", "26 года"), and where it ends."""
    numeral = numeral_at(tokens, index) if index < len(tokens) else None
    if numeral is None:
        if _token(tokens, index) in _NEXT and _token(tokens, index + 1) in YEAR_UNIT:
            return None, index + 2
        return None, index
    is_year_said = _token(tokens, numeral.end) in YEAR_UNIT
    if numeral.value >= 1900 and numeral.value <= 2100:
        return numeral.value, numeral.end + is_year_said
    if is_year_said and 0 <= numeral.value < 100:
        return 2000 + numeral.value if numeral.value < 50 else 1900 + numeral.value, numeral.end + 1
    return None, index


def _month_shift(tokens: list[str], index: int) -> tuple[int | None, int]:
    """ "этого месяца" is 0, "следующего месяца" 1."""
    word, following = _token(tokens, index), _token(tokens, index + 1)
    if following in MONTH_UNIT and (word in _NEXT or word in _THIS):
        return (1 if word in _NEXT else 0), index + 2
    return None, index


def _month(tokens: list[str], start: int, today: date) -> DateCore | None:
    """A month alone: "(в) декабре"; this month is from today on, a passed one is next year's."""
    month = month_words().get(tokens[start])
    if month is None:
        return None
    period = _period(tokens, start, today)
    if period is None:
        return None
    year, end = _year(tokens, period[2])
    first = period[0].replace(year=year) if year is not None else period[0]
    last = first.replace(day=calendar.monthrange(first.year, first.month)[1])
    return DateCore(start, end, span=(max(first, today), last)) if last >= today else None


def resolve_day(of_month: DayOfMonth, today: date) -> date | None:
    """The nearest such day that is not in the past; None when its year has passed or there is no such day."""
    if of_month.year is not None and of_month.month is not None:
        try:
            day = date(of_month.year, of_month.month, of_month.day)
        except ValueError:
            return None
        return day if day >= today else None
    if of_month.month is not None:
        for year in range(today.year, today.year + 9):
            if of_month.day <= calendar.monthrange(year, of_month.month)[1]:
                day = date(year, of_month.month, of_month.day)
                if day >= today:
                    return day
        return None
    first_shift = of_month.month_shift if of_month.month_shift is not None else 0
    for shift in range(first_shift, first_shift + 14):
        first = _plus_months(today.replace(day=1), shift)
        if of_month.day <= calendar.monthrange(first.year, first.month)[1]:
            day = first.replace(day=of_month.day)
            if day >= today:
                return day
    return None


def resolve_weekday(weekday: int, which: Which, today: date) -> date:
    """ "В среду" is the next one after today; "в эту" may be today; "в следующую" is of the next calendar week."""
    if which is Which.NEXT_WEEK:
        return today - timedelta(days=today.weekday()) + timedelta(days=7 + weekday)
    ahead = (weekday - today.weekday()) % 7
    if ahead == 0 and which is not Which.THIS_WEEK:
        ahead = 7
    return today + timedelta(days=ahead)
