"""Dates, times and amounts as they are written for people who read: digits, no stress marks."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from voicebot.russian.calendar_words import MONTHS_GENITIVE, WEEKDAYS
from voicebot.russian.case import Case
from voicebot.russian.inflect import adjective_form, agree, inflect
from voicebot.russian.numbers import numeral_at
from voicebot.russian.text import without_stress, words

_FAR_AHEAD = timedelta(days=300)
_NEAR = ("сегодня", "завтра", "послезавтра")
_SHORT_DAYS = ("пн", "вт", "ср", "чт", "пт", "сб", "вс")
_HOUR_MINUTES = 60
_RUBLE = "\u00a0₽"
_THIN = "\u00a0"  # between groups of digits: the number is never torn apart at a line's end

#: Nouns before which a number is better read in digits: the forms of the units that texts of a clinic count in.
_UNITS = re.compile(
    r"рубл|процент|минут|секунд|час(?:а|ов|ам|ами|ах)?$|д(?:ень|ня|ней|ням|нями|нях)$|недел|месяц|год|года|годов|лет$|летн"
    r"|грамм|миллилитр|литр|метр|килограмм|градус|раз(?:а)?$|человек|кабинет|этаж"
)
_BETWEEN = frozenset({"рабочих", "рабочий", "рабочие", "рабочего", "календарных", "календарный", "полных", "прошлых"})
_TOKEN = re.compile(r"[а-яё]+(?:-[а-яё]+)*", re.IGNORECASE)


def write_date(day: date, today: date, case: Case | None = None, *, is_brief: bool = False) -> str:
    """A date, as `spoken_when.say_date`: "завтра, во вторник, 24 ноября"; with a case "вторник, 24 ноября"."""
    ahead = (day - today).days
    near = _NEAR[ahead] if 0 <= ahead < len(_NEAR) else ""
    year = f" {day.year} года" if not timedelta(0) <= day - today < _FAR_AHEAD else ""
    number = f"{day.day} {MONTHS_GENITIVE[day.month - 1]}{year}"
    weekday = WEEKDAYS[day.weekday()]
    if case is not None:
        return f"{inflect(weekday, case)}, {number}"
    if is_brief and near:
        return near
    said = f"{'во' if weekday.startswith('вт') else 'в'} {inflect(weekday, Case.ACCUSATIVE)}, {number}"
    return f"{near}, {said}" if near else said


def write_time(at: time | datetime) -> str:
    """A time: "9:00", "10:30"; in any case the same."""
    return f"{at.hour}:{at.minute:02}"


def write_when(at: datetime, today: date, *, is_brief: bool = False) -> str:
    """A moment: "завтра, во вторник, 24 ноября, в 10:30"; `is_brief`: "завтра в 10:30"."""
    day = write_date(at.date(), today, is_brief=is_brief)
    return f"{day}{',' if ',' in day else ''} в {write_time(at)}"


def write_short_when(at: datetime) -> str:
    """A moment where there is little room (a button): "вт 24 ноября, 10:30"."""
    return f"{_SHORT_DAYS[at.weekday()]} {at.day} {MONTHS_GENITIVE[at.month - 1]}, {write_time(at)}"


def write_birth_date(born: date) -> str:
    """A birth date: "25.03.1985"."""
    return f"{born:%d.%m.%Y}"


def write_number(n: int) -> str:
    """A whole number, from ten thousand on in groups of three; "1500" stays together, "12 500" does not."""
    return f"{n:,}".replace(",", _THIN) if abs(n) >= 10_000 else str(n)


def write_money(rubles: int) -> str:
    """An amount of money: "1 500 ₽"."""
    return f"{rubles:,}".replace(",", _THIN) + _RUBLE


def write_phone(e164: str) -> str:
    """A number: "+7 (912) 345-67-89"; one of another country as it is."""
    digits = e164.removeprefix("+7")
    if e164.startswith("+7") and len(digits) == 10 and digits.isdecimal():
        return f"+7 ({digits[:3]}) {digits[3:6]}-{digits[6:8]}-{digits[8:]}"
    return e164


def write_count(n: int, noun: str, case: Case = Case.NOMINATIVE) -> str:
    """A number with its noun, which may have adjectives: "2 рабочих дня"."""
    *adjectives, head = noun.split(" ")
    agreed = [adjective_form(adjective, n, head, case) for adjective in adjectives]
    return " ".join([write_number(n), *agreed, agree(n, head, case)])


def write_span(low: int, high: int, noun: str) -> str:
    """An amount between two numbers, as `spoken_amounts.say_span`: "от 1 до 3 дней", "2 часа", "в тот же день"."""
    is_days = noun.split(" ")[-1] == "день"
    if is_days and high <= 0:
        return "в тот же день"
    if is_days and low <= 0 and high == 1:
        return "в тот же или на следующий день"
    if low <= 0:
        return f"до {write_count(high, noun, Case.GENITIVE)}"
    if low >= high:
        return write_count(high, noun)
    return f"от {write_number(low)} до {write_count(high, noun, Case.GENITIVE)}"


def write_duration(minutes: int) -> str:
    """A length of time: "45 минут", "1 час 30 минут"."""
    hours, rest = divmod(minutes, _HOUR_MINUTES)
    parts = [write_count(hours, "час")] if hours else []
    if rest or not hours:
        parts.append(write_count(rest, "минута"))
    return " ".join(parts)


def write_hours(weekly: Mapping[str, str]) -> str:
    """Hours of a week: {"mon-fri": "08:00-21:00", "sat": "09:00-15:00"} is "пн–пт 8:00–21:00, сб 9:00–15:00"."""
    return ", ".join(f"{_write_days(days)} {_write_spans(hours)}" for days, hours in weekly.items())


def write_amounts(text: str) -> str:
    """Put digits where a text counts in words: "за десять минут" is "за 10 минут", "пятьсот рублей" is "500 ₽".

    Only before units; other numerals ("один из врачей", "на первом этаже") stay words. Stress marks are dropped.
    """
    plain = without_stress(text)
    found = list(_TOKEN.finditer(plain))
    tokens = [match.group() for match in found]
    result, end, index = [], 0, 0
    while index < len(tokens):
        place = _amount_at(plain, found, tokens, index)
        if place is None:
            index += 1
            continue
        value, last = place
        result.append(plain[end : found[index].start()] + write_number(value))
        end, index = found[last - 1].end(), last
    written = "".join(result) + plain[end:]
    written = re.sub(r"(\d) процент\w*", rf"\1{_THIN}%", written)
    return re.sub(r"(\d) рубл\w*", rf"\1{_RUBLE}", written)


def _amount_at(plain: str, found: list["re.Match[str]"], tokens: list[str], index: int) -> tuple[int, int] | None:
    """The number that begins at a word and stands before a unit: its value and the word after it."""
    numeral = numeral_at(tokens, index)
    if numeral is None or numeral.is_ordinal or numeral.is_half_more or numeral.end >= len(tokens):
        return None
    if any(plain[found[n].end() : found[n + 1].start()] != " " for n in range(index, numeral.end)):
        return None  # a comma or a full stop stands between: no amount
    after = tokens[numeral.end].lower()
    if after in _BETWEEN and numeral.end + 1 < len(tokens):
        after = tokens[numeral.end + 1].lower()
    return (numeral.value, numeral.end) if _UNITS.match(after) and words(tokens[index]) else None


def _write_days(days: str) -> str:
    names = dict(zip(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), _SHORT_DAYS, strict=True))
    spans = [part.split("-") for part in days.replace(" ", "").lower().split(",")]
    return ", ".join("–".join(names[day] for day in span) for span in spans)


def _write_spans(hours: str) -> str:
    return ", ".join("–".join(time.removeprefix("0") for time in span.strip().split("-")) for span in hours.split(","))
