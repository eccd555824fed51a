"""Date words -> what they mean before the whole phrase is known: days, weekdays, ranges."""

from datetime import date, timedelta

from voicebot.russian.calendar_words import (
    DAY_UNIT,
    MONTH_UNIT,
    WEEK_UNIT,
    YEAR_UNIT,
    weekday_adjectives,
    weekday_plurals,
    weekday_words,
)
from voicebot.russian.days import DateCore, Which, plus_months, resolve_weekday, token_at
from voicebot.russian.days_of_month import day_of_month
from voicebot.russian.holidays import holidays
from voicebot.russian.numbers import numeral_at
from voicebot.russian.periods import CLOSEST, WEEKEND, month_alone, nth_weekday, part_of_period, with_which
from voicebot.russian.text import listed

_SINGLE_DAYS = {
    "сегодня": 0,
    "седня": 0,
    "седни": 0,
    "завтра": 1,
    "завтрева": 1,
    "послезавтра": 2,
    "послезавтрева": 2,
    "послепослезавтра": 3,
}
_DAY_ADJECTIVES = {
    stem + ending: ahead
    for stem, ahead in (("сегодняшн", 0), ("завтрашн", 1), ("послезавтрашн", 2))
    for ending in ("ий", "его", "ему", "им", "ем", "ее", "яя", "ей", "юю")
}
_FROM_A_DAY = listed("с со")
_PARTS_OF_DAY = listed("утро утра утру утром вечер вечера вечеру вечером обед обеда обеду время")
_OR_SO = listed("эдак этак так примерно где то может")
#: After a count "через день" tells how often, not when: "пять капельниц через день".
COUNTED_TIMES = listed(
    "раз раза штук штуки укол укола уколов капельница капельницы капельниц процедура процедуры процедур сеанс сеанса сеансов"
)
_EVERY = listed("каждый каждую каждое каждая любой любую любое любая")
_OLD = ("старый", "старого", "старому", "старым")
_NEW_YEAR = (("новый", "год"), ("нового", "года"), ("новому", "году"), ("новым", "годом"))
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


def date_at(tokens: list[str], start: int, today: date) -> DateCore | None:
    """The longest date expression that begins at a word, or None."""
    for reader in (
        _phrase,
        _single_day,
        holidays,
        _within,
        _after_some_time,
        nth_weekday,
        part_of_period,
        with_which,
        _weekday,
        day_of_month,
        month_alone,
    ):
        found = reader(tokens, start, today)
        if found is not None:
            return found
    return None


def _phrase(tokens: list[str], start: int, today: date) -> DateCore | None:
    for phrase in _NEAREST_PHRASES:
        if tuple(tokens[start : start + len(phrase)]) == phrase:
            following = token_at(tokens, start + len(phrase))
            if (
                len(phrase) == 1
                and phrase[0].startswith("ближайш")
                and (following in weekday_words() or following in WEEK_UNIT or following in MONTH_UNIT or following in WEEKEND)
            ):
                return None
            return DateCore(start, start + len(phrase), is_nearest=True)
    for phrase in _ANY_DAY_PHRASES:
        if tuple(tokens[start : start + len(phrase)]) == phrase:
            return DateCore(start, start + len(phrase), span=(today, None))
    if tuple(tokens[start : start + 2]) in _NEW_YEAR:
        return DateCore(start, start + 2, days=(date(today.year + 1, 1, 1),))
    if tokens[start].startswith(_OLD) and tuple(tokens[start + 1 : start + 3]) in _NEW_YEAR:
        year = today.year + (today > date(today.year, 1, 14))
        return DateCore(start, start + 3, span=(max(today, date(year, 1, 13)), date(year, 1, 14)))
    return None


def _single_day(tokens: list[str], start: int, today: date) -> DateCore | None:
    token = tokens[start]
    if token in ("после", "послепосле") and token_at(tokens, start + 1) in ("завтра", "послезавтра"):
        # The recogniser may cut "послезавтра" in two.
        shift = 2 if tokens[start + 1] == "завтра" else 3
        return DateCore(start, start + 2, days=(today + timedelta(days=shift),))
    shift_days = _SINGLE_DAYS.get(token, _DAY_ADJECTIVES.get(token))
    if shift_days is None:
        return None
    end = start + 1
    if token in _DAY_ADJECTIVES:
        following = token_at(tokens, end)
        if following in DAY_UNIT:
            end += 1
        elif following not in _PARTS_OF_DAY and (start == 0 or tokens[start - 1] not in _FROM_A_DAY or end < len(tokens)):
            return None  # "завтрашний приём" tells which appointment; "начать с завтрашнего" is a day
    return DateCore(start, end, days=(today + timedelta(days=shift_days),))


def _after_some_time(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "через две недели", "через пару дней", "дня через три", "недели через две"."""
    if tokens[start] in ("через", "спустя"):
        index = start + 1
        count, is_half = 1, False
        first = token_at(tokens, index)
        if first in ("пару", "парочку"):
            count, index = 2, index + 1
        elif first in ("несколько",):
            count, index = 3, index + 1
        elif first == "полгода":
            return DateCore(start, index + 1, days=(plus_months(today, 6),))
        elif first == "полмесяца":
            return DateCore(start, index + 1, days=(today + timedelta(days=14),))
        else:
            numeral = numeral_at(tokens, index)
            if numeral is not None and not numeral.is_ordinal:
                count, is_half, index = numeral.value, numeral.is_half_more, numeral.end
        if first in DAY_UNIT and start > 0 and tokens[start - 1] in COUNTED_TIMES:
            return None
        weekday = weekday_words().get(token_at(tokens, index))
        if weekday is not None and index == start + 1:  # "через среду": not the next but the one after
            return DateCore(start, index + 1, days=(resolve_weekday(weekday, Which.NEXT_TO_COME, today) + timedelta(days=7),))
        is_counted = index > start + 1
        return _shifted(start, index, token_at(tokens, index), count, is_half, is_counted, today)
    if tokens[start] in DAY_UNIT | WEEK_UNIT | MONTH_UNIT:
        index = start + 1
        while token_at(tokens, index) in _OR_SO:
            index += 1
        is_after = token_at(tokens, index) == "через"
        numeral = numeral_at(tokens, index + 1) if is_after and index + 1 < len(tokens) else None
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
        day = plus_months(today, count) + timedelta(days=15 if is_half else 0)
        return DateCore(start, end, days=(day,), is_whole_week=True)
    if unit in YEAR_UNIT and count <= 2:
        return DateCore(start, end, days=(plus_months(today, 12 * count),), is_whole_week=True)
    return None


def _within(tokens: list[str], start: int, today: date) -> DateCore | None:
    """ "(в) течение двух недель", "ближайшие три дня": from today on."""
    if tokens[start] not in CLOSEST and tokens[start] not in ("течение", "течении"):
        return None
    index = start + 1
    if tokens[start] not in CLOSEST and token_at(tokens, index) in CLOSEST:
        index += 1
    numeral = numeral_at(tokens, index) if index < len(tokens) else None
    count = 1
    if numeral is not None and not numeral.is_ordinal:
        count, index = numeral.value, numeral.end
    elif token_at(tokens, index) in ("пару", "пары", "парочку"):
        count, index = 2, index + 1
    elif tokens[start] in CLOSEST or token_at(tokens, index) in DAY_UNIT:
        return None
    shifted = _shifted(start, index, token_at(tokens, index), count, False, True, today)
    return DateCore(start, shifted.end, span=(today, shifted.days[0])) if shifted is not None else None


def _weekday(tokens: list[str], start: int, today: date) -> DateCore | None:
    word = tokens[start]
    if word in _EVERY and token_at(tokens, start + 1) in weekday_words():
        return DateCore(start, start + 2, weekdays=frozenset({weekday_words()[tokens[start + 1]]}), which=Which.EVERY)
    day = weekday_words().get(word)
    if day is not None:
        return DateCore(start, start + 1, weekdays=frozenset({day}))
    day = weekday_adjectives().get(word)
    following = token_at(tokens, start + 1)
    if day is not None and (following in DAY_UNIT or following in _PARTS_OF_DAY):
        return DateCore(start, start + 1 + (following in DAY_UNIT), weekdays=frozenset({day}))
    day = weekday_plurals().get(word)
    if day is not None:
        return DateCore(start, start + 1, weekdays=frozenset({day}), which=Which.EVERY)
    return None
