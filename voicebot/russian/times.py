"""Time words -> clock readings and parts of the day, before the whole phrase is known."""

from dataclasses import dataclass
from datetime import time

from voicebot.russian.calendar_words import DAY_UNIT, HOUR_UNIT, MINUTE_UNIT, MONTHS_GENITIVE, month_words
from voicebot.russian.clock_reading import Clock, in_part
from voicebot.russian.day_parts import ANY_PHRASES, HABITS, LUNCH_WORDS, PART_PHRASES, PARTS
from voicebot.russian.morphology import parses
from voicebot.russian.numbers import Numeral, numeral_at
from voicebot.russian.text import listed

_HALF = listed("пол половина половину половине половины половиной")
_GREETING = listed("добрый доброе доброго доброй добрым")
_COMPARED = listed("позже раньше попозже пораньше позднее")
_BEFORE_A_BOUND = listed("после до с со")
_AFTER_NO_HOURS = listed("в на к с после до около")
_BEFORE_INSTRUMENTAL = listed("между и перед")
_NOMINATIVE_UNITS = listed("два три четыре пять шесть семь восемь девять")
_HOUR_WORDS = listed("час часа часу часом")
_PARTS_OF_CLOCK = listed("утра дня вечера ночи")
_BEGINNING, _END = listed("начале начало началу"), listed("конце конец концу")
_THINGS = frozenset({"NOUN", "ADJF"})
_MAXIMUM_MINUTES_AHEAD = 24 * 60


@dataclass(frozen=True, slots=True)
class TimeCore:
    """One time expression without its preposition; the words [start, end)."""

    start: int
    end: int
    clock: Clock | None = None
    part: tuple[time | None, time | None] | None = None  # a part of the day [from, to)
    in_minutes: int | None = None  # "через два часа"
    is_any: bool = False
    is_lunch: bool = False
    is_bare: bool = False  # a number alone, "по вечерам": a time only if nothing else in the phrase explains it


def time_at(tokens: list[str], start: int, *, has_preposition: bool = False) -> TimeCore | None:
    """The time expression that begins at a word, or None. `has_preposition`: "в", "к", "после" stands before it."""
    for reader in (_any_time, _part_of_day, _relative, _half_past, _to_the_hour, _past_the_hour, _nth_hour, _half_of_hour):
        found = reader(tokens, start)
        if found is not None:
            return found
    return _clock(tokens, start, has_preposition)


def _token(tokens: list[str], index: int) -> str:
    return tokens[index] if 0 <= index < len(tokens) else ""


def _starts_with(tokens: list[str], start: int, phrase: tuple[str, ...]) -> bool:
    return tuple(tokens[start : start + len(phrase)]) == phrase


def _any_time(tokens: list[str], start: int) -> TimeCore | None:
    for phrase in ANY_PHRASES:
        if _starts_with(tokens, start, phrase):
            return TimeCore(start, start + len(phrase), is_any=True)
    return None


def _part_of_day(tokens: list[str], start: int) -> TimeCore | None:
    for phrase, part in PART_PHRASES:
        if _starts_with(tokens, start, phrase):
            return TimeCore(start, start + len(phrase), part=part)
    word = tokens[start]
    if word == "по" and (habit := HABITS.get(_token(tokens, start + 1))) is not None:
        return TimeCore(start, start + 2, part=habit, is_bare=True)
    if word in LUNCH_WORDS:
        return TimeCore(start, start + 1, part=(time(12), time(14)), is_lunch=True)
    if _token(tokens, start - 1) in _GREETING:
        return None
    simple = PARTS.get(word)
    if simple is not None:
        return TimeCore(start, start + 1, part=simple)
    if word in ("полдень", "полдня", "полудня", "полудню") and _token(tokens, start - 1) != "через":
        return TimeCore(start, start + 1, clock=Clock(12, 0, "дня"))
    if word in ("полночь", "полуночи"):
        return TimeCore(start, start + 1, clock=Clock(0))
    return None


def _relative(tokens: list[str], start: int) -> TimeCore | None:
    """ "через полчаса", "через два часа", "через двадцать минут", "часа через два"."""
    if tokens[start] == "через":
        index = start + 1
        word = _token(tokens, index)
        if word == "полчаса":
            return TimeCore(start, index + 1, in_minutes=30)
        count, is_half = 1, False
        if word in ("пару", "парочку"):
            count, index = 2, index + 1
        else:
            numeral = numeral_at(tokens, index) if index < len(tokens) else None
            if numeral is not None and not numeral.is_ordinal:
                count, is_half, index = numeral.value, numeral.is_half_more, numeral.end
        return _in_units(start, index + 1, _token(tokens, index), count, is_half)
    if tokens[start] in HOUR_UNIT | MINUTE_UNIT and _token(tokens, start + 1) == "через":
        numeral = numeral_at(tokens, start + 2) if start + 2 < len(tokens) else None
        if numeral is not None and not numeral.is_ordinal:
            return _in_units(start, numeral.end, tokens[start], numeral.value, numeral.is_half_more)
    return None


def _in_units(start: int, end: int, unit: str, count: int, is_half: bool) -> TimeCore | None:
    if unit in HOUR_UNIT:
        minutes = count * 60 + (30 if is_half else 0)
    elif unit in MINUTE_UNIT:
        minutes = count
    else:
        return None
    return TimeCore(start, end, in_minutes=minutes) if minutes <= _MAXIMUM_MINUTES_AHEAD else None


def _part_after(tokens: list[str], index: int) -> tuple[str, int]:
    """ "утра" and the like after a clock reading, and where it ends."""
    word = _token(tokens, index)
    return (word, index + 1) if word in _PARTS_OF_CLOCK else ("", index)


def _half_past(tokens: list[str], start: int) -> TimeCore | None:
    """ "половина шестого", "пол второго", "полшестого"."""
    word = tokens[start]
    if word in _HALF:
        numeral = numeral_at(tokens, start + 1) if start + 1 < len(tokens) else None
        end = numeral.end if numeral is not None else 0
    elif word.startswith("пол") and len(word) > 6:
        numeral = numeral_at([word[3:]], 0)
        end = start + 1
    else:
        return None
    if numeral is None or not _is_running_hour(numeral):
        return None
    part, end = _part_after(tokens, end)
    return TimeCore(start, end, clock=Clock((numeral.value - 1) or 12, 30, part))


def _is_running_hour(numeral: Numeral) -> bool:
    """Whether an ordinal names the running hour: "шестого" in "половина шестого"."""
    return numeral.is_ordinal and 1 <= numeral.value <= 12


def _to_the_hour(tokens: list[str], start: int) -> TimeCore | None:
    """ "без пятнадцати девять", "без четверти час", "без пяти минут десять утра"."""
    if tokens[start] != "без":
        return None
    index = start + 1
    if _token(tokens, index) == "четверти":
        minutes, index = 15, index + 1
    else:
        numeral = numeral_at(tokens, index) if index < len(tokens) else None
        if numeral is None or numeral.is_ordinal or not 1 <= numeral.value <= 30:
            return None
        minutes, index = numeral.value, numeral.end
        if minutes > 20 and tokens[index - 1] in _NOMINATIVE_UNITS:
            minutes, index = minutes // 10 * 10, index - 1  # "без двадцати два": the hour is not genitive
        if _token(tokens, index) in MINUTE_UNIT:
            index += 1
    if _token(tokens, index) in _HOUR_WORDS:
        hour, end = 1, index + 1
    else:
        numeral = numeral_at(tokens, index) if index < len(tokens) else None
        if numeral is None or numeral.is_ordinal or not 1 <= numeral.value <= 24:
            return None
        hour, end = numeral.value, numeral.end
        if _token(tokens, end) in HOUR_UNIT:
            end += 1
    part, end = _part_after(tokens, end)
    before = hour - 1
    if part:
        full = in_part(hour, part)
        return TimeCore(start, end, clock=Clock((full - 1) % 24 or 24, 60 - minutes, part if full <= 12 else ""))
    return TimeCore(start, end, clock=Clock(before or 12, 60 - minutes))


def _past_the_hour(tokens: list[str], start: int) -> TimeCore | None:
    """ "четверть шестого", "пять минут шестого", "минут двадцать одиннадцатого"."""
    index = start
    if tokens[start] == "четверть":
        minutes, index = 15, start + 1
    elif tokens[start] == "три" and _token(tokens, start + 1) == "четверти":
        minutes, index = 45, start + 2
    elif tokens[start] in MINUTE_UNIT:
        numeral = numeral_at(tokens[start + 1 : start + 2], 0)  # one word: "двадцать пятого" would be one number
        if numeral is None or numeral.is_ordinal or not 1 <= numeral.value <= 59:
            return None
        minutes, index = numeral.value, start + 2
    else:
        numeral = numeral_at(tokens, start)
        if numeral is None or numeral.is_ordinal or not 1 <= numeral.value <= 59:
            return None
        minutes, index = numeral.value, numeral.end
        if _token(tokens, index) not in MINUTE_UNIT:
            return None
        index += 1
    following = numeral_at(tokens, index) if index < len(tokens) else None
    if following is None or not _is_running_hour(following) or _token(tokens, following.end) in MONTHS_GENITIVE:
        return None
    part, end = _part_after(tokens, following.end)
    return TimeCore(start, end, clock=Clock((following.value - 1) or 12, minutes, part))


def _nth_hour(tokens: list[str], start: int) -> TimeCore | None:
    """ "(в) десятом часу": from nine to ten."""
    numeral = numeral_at(tokens, start)
    if numeral is None or not _is_running_hour(numeral) or _token(tokens, numeral.end) not in ("часу", "часе"):
        return None
    part, end = _part_after(tokens, numeral.end + 1)
    first = Clock((numeral.value - 1) or 12, 0, part).candidates()[0]
    return TimeCore(start, end, part=(first, time(first.hour + 1) if first.hour < 23 else None))


def _half_of_hour(tokens: list[str], start: int) -> TimeCore | None:
    """ "(в) начале третьего", "конце третьего": a half of that hour; "начале третьего квартала" is none."""
    is_first = tokens[start] in _BEGINNING
    numeral = numeral_at(tokens, start + 1) if (is_first or tokens[start] in _END) and start + 1 < len(tokens) else None
    if numeral is None or not _is_running_hour(numeral) or not tokens[numeral.end - 1].endswith("го"):
        return None
    part, end = _part_after(tokens, numeral.end)
    following = _token(tokens, end)
    if following and parses(following)[0].tag.POS in _THINGS:
        return None
    first = Clock((numeral.value - 1) or 12, 0, part).candidates()[0]
    middle = first.replace(minute=30)
    last = first.replace(hour=first.hour + 1) if first.hour < 23 else None
    return TimeCore(start, end, part=(first, middle) if is_first else (middle, last))


def _clock(tokens: list[str], start: int, has_preposition: bool) -> TimeCore | None:
    """ "десять", "десять тридцать", "час дня", "десять часов тридцать минут", "девять ноль ноль"."""
    if start > 1 and tokens[start - 1] == "на" and tokens[start - 2] in MINUTE_UNIT | DAY_UNIT:
        return None  # "опаздываю минут на десять", "дня на три"
    found = _reading(tokens, start, has_preposition)
    # "На час позже" is a length of time (see shift); "после шести, раньше никак" is not.
    is_compared = found is not None and _token(tokens, found.end) in _COMPARED
    return None if is_compared and _token(tokens, start - 1) not in _BEFORE_A_BOUND else found


def _reading(tokens: list[str], start: int, has_preposition: bool) -> TimeCore | None:
    word = tokens[start]
    is_hour_word_first = word in ("час", "часу", "часа") and _token(tokens, start + 1) != "назад"
    is_hour_word_first = is_hour_word_first or (word == "часом" and _token(tokens, start - 1) in _BEFORE_INSTRUMENTAL)
    if is_hour_word_first:
        hour, index, has_unit = 1, start + 1, False
        if word not in ("час", "часом") and not has_preposition:
            return None
    else:
        numeral = numeral_at(tokens, start)
        if numeral is None or numeral.is_ordinal or numeral.is_collective or numeral.is_half_more or numeral.value > 24:
            return None
        # "С двумя детьми", "одну", "один врач" are no hours.
        index, hour = numeral.end, numeral.value
        has_unit = _token(tokens, index) in HOUR_UNIT
        is_timed = has_unit or _token(tokens, index) in _PARTS_OF_CLOCK
        if tokens[start] in ("один", "одного", "одному", "одна", "одну", "одной", "одно", "раз") and not is_timed:
            return None
        if has_unit:
            index += 1
            if _token(tokens, index) in ("назад", "подряд"):
                return None
    minute, index_after, is_minute_said = _minutes(tokens, index, has_unit)
    part, end = _part_after(tokens, index_after)
    if part == "дня" and not (has_preposition or has_unit or is_minute_said or is_hour_word_first):
        return TimeCore(start, end, clock=Clock(hour, minute, part), is_bare=True)
    if part:
        return TimeCore(start, end, clock=Clock(hour, minute, part))
    if hour == 0 and not (is_minute_said or has_unit):
        return None
    if hour == 0 and has_unit and not is_minute_said and _token(tokens, index) in _AFTER_NO_HOURS:
        return None  # "ноль часов в десять" is a misheard "ну часов в десять"
    if is_minute_said:
        # A third number in a row: digits are being dictated, not a time.
        following = numeral_at(tokens, end) if end < len(tokens) else None
        is_dictated = (following is not None and not following.is_ordinal) or _token(tokens, start - 1).isdecimal()
        is_bare = not has_preposition and is_dictated
        return TimeCore(start, end, clock=Clock(hour, minute), is_bare=is_bare)
    if has_unit:
        return TimeCore(start, end, clock=Clock(hour), is_bare=not has_preposition)
    if _counts_something(tokens, start, end):
        return None
    return TimeCore(start, end, clock=Clock(hour), is_bare=not has_preposition)


def _minutes(tokens: list[str], index: int, has_unit: bool) -> tuple[int, int, bool]:
    """Minutes after the hour, where they end, and whether there were any: "тридцать", "ноль пять", "пять минут"."""
    numeral = numeral_at(tokens, index) if index < len(tokens) else None
    if numeral is None and _token(tokens, index) == "с" and _token(tokens, index + 1) == "половиной":
        return 30, index + 2, True
    if numeral is None or numeral.is_ordinal or numeral.is_collective or numeral.is_half_more:
        if _token(tokens, index) == "ровно":
            return 0, index + 1, True
        return 0, index, False
    if numeral.value == 0:
        second = numeral_at(tokens, numeral.end) if numeral.end < len(tokens) else None
        if numeral.digits == "00":
            end = numeral.end
            return 0, end + (_token(tokens, end) in MINUTE_UNIT), True
        if second is not None and second.value <= 9 and not second.is_ordinal:
            end = second.end
            return second.value, end + (_token(tokens, end) in MINUTE_UNIT), True
        end = numeral.end + (_token(tokens, numeral.end) in MINUTE_UNIT)
        return 0, end, True
    has_minute_unit = _token(tokens, numeral.end) in MINUTE_UNIT
    is_two_digits = 10 <= numeral.value <= 59 or (len(numeral.digits) == 2 and numeral.value <= 59)
    if has_minute_unit and numeral.value <= 59:
        # "В десять двадцать минут одиннадцатого" does not occur; "десять минут одиннадцатого" was read before.
        return numeral.value, numeral.end + 1, True
    if is_two_digits and not _counts_something(tokens, index, numeral.end) and not _is_day_of(tokens, numeral.end):
        return numeral.value, numeral.end, True
    return 0, index, False


def _is_day_of(tokens: list[str], index: int) -> bool:
    return _token(tokens, index) in month_words()


def _counts_something(tokens: list[str], start: int, end: int) -> bool:
    """Whether a noun that agrees with the number follows: "пять лет", "двум врачам"."""
    word = _token(tokens, end)
    if not word or word in _PARTS_OF_CLOCK or word in HOUR_UNIT:
        return False
    if word in DAY_UNIT or word in MINUTE_UNIT or word in month_words():
        return True
    value_numeral = numeral_at(tokens, start)
    value = value_numeral.value if value_numeral is not None else 0
    for reading in parses(word)[:4]:
        if reading.tag.POS != "NOUN" or "Name" in reading.tag or "Surn" in reading.tag:
            continue
        is_few = 2 <= value % 10 <= 4 and not 12 <= value <= 14
        if is_few and "sing" in reading.tag and "gent" in reading.tag:
            return True
        if "plur" in reading.tag and any(case in reading.tag for case in ("gent", "datv", "ablt", "loct")):
            return True
    return False
