"""Date words -> what they mean before the whole phrase is known: days, weekdays, ranges."""

import calendar
from datetime import date, timedelta

from voicebot.russian.calendar_words import (
    DAY_OF_MONTH_WORD,
    DAY_UNIT,
    HOUR_UNIT,
    MINUTE_UNIT,
    MONTH_UNIT,
    WEEK_UNIT,
    YEAR_UNIT,
    month_words,
    weekday_plurals,
    weekday_words,
)
from voicebot.russian.days import DateCore, DayOfMonth, Which, plus_months, resolve_weekday, token_at
from voicebot.russian.holidays import holidays
from voicebot.russian.numbers import Numeral, numeral_at
from voicebot.russian.periods import CLOSEST, NEXT, THIS, WEEKEND, month_alone, nth_weekday, part_of_period, with_which, year_at
from voicebot.russian.text import listed

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


_HOURS = 24
# After a bare day of the month these show that something else was counted: "второе ухо", "первое посещение".
_NOT_AFTER_DAY = listed(
    "свободное доступное время окно место ухо посещение лицо уха раз этажа кабинета филиала врача приема ребенка лица окошко "
    "слово имя отделение отделения корпуса подъезда июнь"
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
        _day_of_month,
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
    return None


def _single_day(tokens: list[str], start: int, today: date) -> DateCore | None:
    token = tokens[start]
    if token in ("после", "послепосле") and token_at(tokens, start + 1) in ("завтра", "послезавтра"):
        # The recogniser may cut "послезавтра" in two.
        shift = 2 if tokens[start + 1] == "завтра" else 3
        return DateCore(start, start + 2, days=(today + timedelta(days=shift),))
    shift_days = _SINGLE_DAYS.get(token)
    if shift_days is None:
        return None
    end = start + 1
    if token.endswith(("ний", "него", "нему", "нем", "нюю", "нее")):
        if token_at(tokens, end) not in DAY_UNIT:
            return None
        end += 1
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
        weekday = weekday_words().get(token_at(tokens, index))
        if weekday is not None and index == start + 1:  # "через среду": not the next but the one after
            return DateCore(start, index + 1, days=(resolve_weekday(weekday, Which.NEXT_TO_COME, today) + timedelta(days=7),))
        is_counted = index > start + 1
        return _shifted(start, index, token_at(tokens, index), count, is_half, is_counted, today)
    if token_at(tokens, start + 1) == "через" and tokens[start] in DAY_UNIT | WEEK_UNIT | MONTH_UNIT:
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
    following = token_at(tokens, end)
    month = month_words().get(following)
    if month is not None:
        year, end = year_at(tokens, end + 1)
        return DateCore(start, end, of_month=DayOfMonth(numeral.value, month, year))
    if not numeral.is_ordinal and following not in ("число", "числа"):
        return None
    if following in DAY_OF_MONTH_WORD:
        end += 1
        shift, end = _month_shift(tokens, end)
        month = month_words().get(token_at(tokens, end)) if shift is None else None
        if month is not None:
            end += 1
        return DateCore(start, end, of_month=DayOfMonth(numeral.value, month, None, shift))
    is_between = start > 0 and tokens[start - 1] in ("между", "и") and tokens[numeral.end - 1].endswith(("ым", "им"))
    if not (_is_date_form(tokens[numeral.end - 1]) or is_between) or following in _NOT_AFTER_DAY:
        return None
    second = numeral_at(tokens, end) if end < len(tokens) else None
    if second is not None and _is_month_number(numeral, second, tokens, today):
        year, end = year_at(tokens, second.end)
        return DateCore(start, end, of_month=DayOfMonth(numeral.value, second.value, year))
    shift, end = _month_shift(tokens, end)
    return DateCore(start, end, of_month=DayOfMonth(numeral.value, None, None, shift))


def day_and_month(tokens: list[str], start: int) -> DateCore | None:
    """A date by numbers alone: "двадцать четыре одиннадцать", "двенадцать ноль три", "двенадцатое ноль третье".

    What may as well be a time ("десять тридцать", "двенадцать ноль пять") is none: no appointment begins at 12:03.
    """
    day = numeral_at(tokens, start)
    if day is None or not 1 <= day.value <= 31 or day.is_collective or day.is_half_more or len(day.digits) > 2:
        return None
    month = numeral_at(tokens, day.end) if day.end < len(tokens) else None
    has_zero = month is not None and month.value == 0 and not month.is_ordinal
    if month is not None and has_zero:
        month = numeral_at(tokens, month.end) if month.end < len(tokens) else None
    if month is None or not 1 <= month.value <= 12 or not (has_zero or month.value >= 10) or (has_zero and month.value >= 10):
        return None
    if day.is_ordinal and not (has_zero and _is_date_form(tokens[day.end - 1])):
        return None
    if not day.is_ordinal and (month.is_ordinal or (day.value < _HOURS and month.value % 5 == 0)):
        return None
    if day.value > calendar.monthrange(2024, month.value)[1]:
        return None
    year, end = year_at(tokens, month.end)
    following = token_at(tokens, end)
    if following in MINUTE_UNIT | HOUR_UNIT | YEAR_UNIT or (year is None and numeral_at([following], 0) is not None):
        return None
    return DateCore(start, end, of_month=DayOfMonth(day.value, month.value, year))


def _is_date_form(word: str) -> bool:
    """Days of the month are neuter: "пятое", "пятого", "пятому"; "пятый" and "пятая" are something else."""
    return word.endswith(("ое", "ого", "ому", "ье", "ьего", "ьему"))


def _is_month_number(day: Numeral, month: Numeral, tokens: list[str], today: date) -> bool:
    """Whether "пятого двенадцатого" is 05.12. "Пятого шестого" is rather two days, unless June is near."""
    if not month.is_ordinal or not 1 <= month.value <= 12 or not _is_date_form(tokens[month.end - 1]):
        return False
    if token_at(tokens, month.end) in DAY_OF_MONTH_WORD or token_at(tokens, month.end) in month_words():
        return False
    if day.value > calendar.monthrange(2024, month.value)[1]:
        return False
    if year_at(tokens, month.end)[0] is not None:
        return True
    months_ahead = (month.value - today.month) % 12
    return month.value != day.value + 1 or months_ahead <= 1


def _month_shift(tokens: list[str], index: int) -> tuple[int | None, int]:
    """ "этого месяца" is 0, "следующего месяца" 1."""
    word, following = token_at(tokens, index), token_at(tokens, index + 1)
    if following in MONTH_UNIT and (word in NEXT or word in THIS):
        return (1 if word in NEXT else 0), index + 2
    return None, index
