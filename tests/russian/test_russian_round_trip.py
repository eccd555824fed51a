"""Whatever the robot says, and however people say the same, is understood: exhaustively where that takes seconds."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.russian.birth import parse_birth_date
from voicebot.russian.calendar_words import MONTHS_GENITIVE, WEEKDAYS
from voicebot.russian.case import Case, Gender
from voicebot.russian.inflect import inflect, say_money
from voicebot.russian.names import PersonName, all_cases, parse_person
from voicebot.russian.numbers import parse_numbers, say_number, say_ordinal
from voicebot.russian.phones import is_complete_phone, parse_phone, say_phone
from voicebot.russian.spoken_when import say_birth_date, say_date, say_time, say_when_spoken
from voicebot.russian.spoken_wish import say_wish
from voicebot.russian.when import parse_when
from voicebot.russian.wish import When, any_of

ZONE = ZoneInfo("Europe/Moscow")
TODAY = date(2026, 11, 22)
NOW = datetime(2026, 11, 22, 0, 1, tzinfo=ZONE)
NOMINATIVE, GENITIVE, DATIVE = Case.NOMINATIVE, Case.GENITIVE, Case.DATIVE


def _two(n: int) -> str:
    """A number as two digits are said: "ноль три", "двенадцать"."""
    return f"{'ноль ' if n < 10 else ''}{say_number(n)}"


# -- numbers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", Case)
def test_cardinals(case: Case) -> None:
    for n in (*range(1000), *range(1000, 1_000_000, 1000 + 17), *range(1000, 1_000_000, 1000)):
        said = say_number(n, case)
        assert [number.value for number in parse_numbers(said.split())] == [n], said


@pytest.mark.heavy
@pytest.mark.timeout(600)
def test_every_number_there_is() -> None:
    for n in range(1_000_000):
        said = say_number(n)
        assert [number.value for number in parse_numbers(said.split())] == [n], said


def test_ordinals() -> None:
    for n in (*range(1000), *range(1000, 3000)):
        for case, gender in ((NOMINATIVE, Gender.NEUTER), (GENITIVE, Gender.FEMININE), (DATIVE, Gender.MASCULINE)):
            said = say_ordinal(n, case, gender)
            assert [number.value for number in parse_numbers(said.split())] == [n], said


@given(st.integers(0, 999_999), st.sampled_from(Case))
def test_money(rubles: int, case: Case) -> None:
    assert [number.value for number in parse_numbers(say_money(rubles, case).split())] == [rubles]


# -- times of the day ---------------------------------------------------------------------------------------------------


def _ways_to_say(at: time) -> Iterator[tuple[str, bool]]:
    """How people say a time, and whether only its half of the day must be guessed."""
    hour, minute = at.hour, at.minute
    half = hour % 12 or 12
    part = "ночи" if hour < 4 else "утра" if hour < 12 else "дня" if hour < 17 else "вечера"
    word = "час" if half == 1 else f"{say_number(half)} {'часа' if half < 5 else 'часов'}"
    following = say_ordinal(half % 12 + 1, GENITIVE)
    yield f"в {say_time(at)}", False
    is_early = 1 <= hour < 8  # "5:30" is the afternoon in a clinic
    yield f"{hour}:{minute:02}", is_early
    yield f"в {hour}-{minute:02}", is_early
    yield f"{hour} ч {minute:02} мин", is_early
    if hour > 12:
        yield f"в {say_number(hour)} {_two(minute) if minute else 'ноль ноль'}", False
        yield f"в {say_number(hour)} часов {say_number(minute, gender=Gender.FEMININE)} минут", False
    if minute == 0:
        yield f"в {word} {part}", False
        yield word if half == 1 else f"в {word}", True
        yield f"часов в {say_number(half)} {part}", False
        yield f"к {say_time(at, DATIVE)}", False
        return
    yield f"в {word} {say_number(minute, gender=Gender.FEMININE)} минут {part}", False
    if minute == 30:
        yield from ((f"{start} {following}", True) for start in ("половина", "в половине", "пол"))
        yield f"в половине {following} {part}", False
    if minute == 15:
        yield f"четверть {following}", True
    if minute % 5 == 0 and minute > 30:
        before = "четверти" if minute == 45 else say_number(60 - minute, GENITIVE)
        to = "час" if half == 12 else say_number(half + 1)
        yield f"без {before} {to}", True
        yield f"без {say_number(60 - minute, GENITIVE)} минут {to}", True
    if minute < 30:
        yield f"{say_number(minute, gender=Gender.FEMININE)} минут {following}", True


def test_every_minute_of_the_day() -> None:
    for minutes in range(24 * 60):
        at = time(minutes // 60, minutes % 60)
        for said, is_half_guessed in _ways_to_say(at):
            found = parse_when(said, NOW)
            assert found is not None, said
            if is_half_guessed:
                assert {t.hour % 12 for t in found.times} == {at.hour % 12}, said
                assert {t.minute for t in found.times} == {at.minute}, said
            else:
                assert found == When(times=(at,)), said


@pytest.mark.parametrize("hour", range(24))
@pytest.mark.parametrize("minute", [0, 5, 30, 45])
def test_bounds(hour: int, minute: int) -> None:
    at = time(hour, minute)
    said = say_time(at, GENITIVE)
    assert parse_when(f"после {said}", NOW) == When(time_from=at)
    assert parse_when(f"не раньше {said}", NOW) == When(time_from=at)
    assert parse_when(f"до {said}", NOW) == When(time_to=at)
    if not 1 <= hour < 8:
        assert parse_when(f"после {hour}:{minute:02}", NOW) == When(time_from=at)


# -- days ---------------------------------------------------------------------------------------------------------------


def _ways_to_name(day: date, today: date) -> Iterator[str]:
    number, genitive = say_ordinal(day.day, NOMINATIVE, Gender.NEUTER), say_ordinal(day.day, GENITIVE, Gender.NEUTER)
    month = MONTHS_GENITIVE[day.month - 1]
    year = say_ordinal(day.year, GENITIVE)
    weekday = inflect(WEEKDAYS[day.weekday()], Case.ACCUSATIVE)
    is_within_a_year = (day - today).days < 365
    yield f"{genitive} {month} {year} года"
    yield f"на {number} {month} {year}"
    yield f"{genitive} {say_ordinal(day.month, GENITIVE)} {year} года"
    yield (
        f"{number} ноль {say_ordinal(day.month, NOMINATIVE, Gender.NEUTER)} {year}"
        if day.month < 10
        else genitive + f" {month} {year}"
    )
    yield f"{day:%d.%m.%Y}"
    yield f"{day:%Y-%m-%d}"
    yield f"{day.day} {month} {day.year} года"
    yield f"{day:%d.%m.%y}"
    if is_within_a_year:
        yield f"{genitive} {month}"
        yield f"на {number} {month}"
        yield f"в {weekday} {genitive} {month}"
        yield f"{WEEKDAYS[day.weekday()]} {number} {month}"
        yield f"{day.day} {month}"
        yield f"{day.day}-го {month}"
        yield f"{day:%d.%m}" if day.day > 24 else f"на {day:%d.%m}"
        yield f"{day.day} {month[:3]}"
    ahead = (day - today).days
    if 0 < ahead < 28:
        yield f"{genitive} числа"
        yield f"на {number}"
        yield f"{day.day} числа"
    if 0 < ahead <= 7:
        yield f"{'во' if weekday.startswith('вт') else 'в'} {weekday}"
        yield f"в ближайшую {weekday}" if weekday.endswith("у") else f"в ближайший {weekday}"
    if 7 <= day.toordinal() - today.toordinal() + today.weekday() < 14:
        yield f"на следующей неделе в {weekday}"
        yield f"в {weekday} следующей недели"
    if ahead == 1:
        yield from ("завтра", "на завтра", "завтрашний день")
    if ahead == 2:
        yield from ("послезавтра", "после завтра")
    if 1 < ahead < 21:
        yield f"через {say_number(ahead)} {'день' if ahead == 1 else 'дня' if ahead < 5 else 'дней'}"
    if ahead % 7 == 0 and 7 < ahead < 50:
        yield f"через {say_number(ahead // 7, Case.ACCUSATIVE, Gender.FEMININE)} недели"


@pytest.mark.parametrize("today", [TODAY, date(2026, 12, 31), date(2027, 2, 28), date(2027, 12, 1)])
def test_every_day_of_two_years(today: date) -> None:
    now = datetime.combine(today, time(9), ZONE)
    for ahead in range(1, 731):
        day = today + timedelta(days=ahead)
        for said in _ways_to_name(day, today):
            assert parse_when(said, now) == When(dates=(day,)), (said, today)


@pytest.mark.parametrize("is_brief", [False, True])
@pytest.mark.parametrize("today", [TODAY, date(2026, 12, 31), date(2027, 2, 28)])
def test_every_day_that_we_speak(today: date, *, is_brief: bool) -> None:
    now = datetime.combine(today, time(0, 1), ZONE)
    for ahead in range(731):
        day = today + timedelta(days=ahead)
        said = say_date(day, today, is_brief=is_brief)
        assert parse_when(said, now) == When(dates=(day,)), said


@pytest.mark.parametrize("is_brief", [False, True])
def test_every_moment_that_we_speak(*, is_brief: bool) -> None:
    """Every minute of the day and every day of two years, each on one of the other."""
    for minute in range(24 * 60):
        at = datetime.combine(TODAY + timedelta(days=1 + minute % 730), time(minute // 60, minute % 60), ZONE)
        said = say_when_spoken(at, TODAY, is_brief=is_brief)
        assert parse_when(said, NOW) == When(dates=(at.date(),), times=(at.time(),)), said


@settings(max_examples=40)
@given(st.integers(1, 364), st.integers(8 * 12, 21 * 12 - 1))
def test_a_day_and_a_time_in_any_words(ahead: int, fives: int) -> None:
    day, at = TODAY + timedelta(days=ahead), time(fives // 12, fives % 12 * 5)
    for said in _ways_to_name(day, TODAY):
        for moment, is_half_guessed in _ways_to_say(at):
            if not is_half_guessed and moment.startswith(("в ", "к ")):
                assert parse_when(f"{said} {moment}", NOW) == When(dates=(day,), times=(at,)), (said, moment)


# -- wishes -------------------------------------------------------------------------------------------------------------

_days = st.integers(0, 300).map(lambda n: TODAY + timedelta(days=n))
_hours = st.integers(8 * 2, 20 * 2).map(lambda n: time(n // 2, n % 2 * 30))
_times_of = st.one_of(
    st.just({}),
    _hours.map(lambda at: {"times": (at,)}),
    _hours.map(lambda at: {"time_from": at}),
    _hours.map(lambda at: {"time_to": at}),
    st.tuples(_hours, _hours).filter(lambda two: two[0] < two[1]).map(lambda two: {"time_from": two[0], "time_to": two[1]}),
)
_dates_of = st.one_of(
    _days.map(lambda day: {"dates": (day,)}),
    st.sets(_days, min_size=2, max_size=3).map(lambda several: {"dates": tuple(sorted(several))}),
    st.sets(st.integers(0, 6), min_size=1, max_size=3).map(lambda several: {"weekdays": frozenset(several)}),
    st.tuples(_days, _days).filter(lambda two: two[0] < two[1]).map(lambda two: {"date_from": two[0], "date_to": two[1]}),
    _days.map(lambda day: {"date_to": day}),
    _days.filter(lambda day: day > TODAY).map(lambda day: {"date_from": day}),
)


@settings(max_examples=150)
@given(_dates_of, _times_of)
def test_a_wish_repeated_is_the_wish(dates: dict[str, object], times: dict[str, object]) -> None:
    wish = When(**dates, **times)  # type: ignore[arg-type]
    assert parse_when(say_wish(wish, TODAY), NOW) == wish, say_wish(wish, TODAY)


@settings(max_examples=60)
@given(_days, _days, _hours, _hours)
def test_alternatives_repeated(first: date, second: date, at: time, before: time) -> None:
    if first == second:
        return
    wish = any_of([When(dates=(first,), time_from=at), When(dates=(second,), time_to=before)])
    assert parse_when(say_wish(wish, TODAY), NOW) == wish, say_wish(wish, TODAY)


# -- birth dates --------------------------------------------------------------------------------------------------------


def _ways_to_be_born(born: date) -> list[str]:
    day, day_of = say_ordinal(born.day, NOMINATIVE, Gender.NEUTER), say_ordinal(born.day, GENITIVE, Gender.NEUTER)
    month, month_of = MONTHS_GENITIVE[born.month - 1], say_ordinal(born.month, GENITIVE)
    month_number = f"{'ноль ' if born.month < 10 else ''}{say_ordinal(born.month, NOMINATIVE, Gender.NEUTER)}"
    year_of, year = say_ordinal(born.year, GENITIVE), say_number(born.year)
    century, rest = divmod(born.year, 100)
    by_halves = f"{say_number(century)} {_two(rest) if rest else 'ноль ноль'}"
    said = [
        say_birth_date(born),
        f"{day_of} {month} {year_of}",
        f"я родилась {day_of} {month} {year_of} года рождения",
        f"{day} {month} {year}",
        f"{say_number(born.day)} {month} {year} года",
        f"{day_of} {month_of} {year_of}",
        f"{day} {month_number} {year_of} года",
        f"{_two(born.day)} {_two(born.month)} {year}",
        f"{say_number(born.day)} {say_number(born.month)} {year}",
        f"{_two(born.day)} {_two(born.month)} {by_halves}",
        f"{day} {month} {by_halves}",
        f"{year_of} года {day_of} {month}",
        " ".join(say_number(int(digit)) for digit in f"{born:%d%m%Y}"),
        f"{born:%d.%m.%Y}",
        f"{born:%d/%m/%Y}",
        f"{born:%d-%m-%Y}",
        f"{born:%d %m %Y}",
        f"{born:%Y-%m-%d}",
        f"{born.day}.{born.month}.{born.year}",
        f"{born.day} {month} {born.year} г.",
        f"{born:%d%m%Y}",
    ]
    if TODAY.year - 99 <= born.year:  # the year in two digits means no other century
        short = say_ordinal(rest, GENITIVE) if rest else "двухтысячного"
        said += [
            f"{day} {month} {short} года",
            f"{day_of} {month_of} {short}",
            f"{day} {month_number} {short}",
            f"{_two(born.day)} {_two(born.month)} {_two(rest) if rest else 'ноль ноль'}",
            f"{day} {month} {_two(rest) if rest else 'ноль ноль'}",
            f"{born:%d.%m.%y}",
        ]
    return said


def test_every_birth_date_since_1920() -> None:
    """Every day in one way, in turn, so that every way meets every kind of day."""
    born, turn = date(1920, 1, 1), 0
    while born <= TODAY:
        ways = _ways_to_be_born(born)
        turn += 1
        said = ways[turn % len(ways)]
        assert parse_birth_date(said, TODAY) == born, said
        born += timedelta(days=1)


@pytest.mark.parametrize(
    ("said", "born"),
    [
        ("двенадцатое ноль третье восемьдесят пятого", date(1985, 3, 12)),
        ("двенадцатого марта тысяча девятьсот восемьдесят пятого года", date(1985, 3, 12)),
        ("двенадцать ноль три восемьдесят пять", date(1985, 3, 12)),
        ("двенадцатого марта восемьдесят пятого ой нет восемьдесят шестого", date(1986, 3, 12)),
        ("двенадцатого марта ой нет тринадцатого марта восемьдесят пятого", date(1985, 3, 13)),
        ("восемьдесят пятого года двенадцатого марта", date(1985, 3, 12)),
        ("дата рождения двенадцатое марта восемьдесят пятый год", date(1985, 3, 12)),
    ],
)
def test_birth_dates_as_they_come(said: str, born: date) -> None:
    assert parse_birth_date(said, TODAY) == born


# -- phones -------------------------------------------------------------------------------------------------------------

_DIGIT_NAMES = ["нолик", "единица", "двойка", "тройка", "четвёрка", "пятёрка", "шестёрка", "семёрка", "восьмёрка", "девятка"]
_REPEATED = ["нуля", "единицы", "двойки", "тройки", "четвёрки", "пятёрки", "шестёрки", "семёрки", "восьмёрки", "девятки"]
_PREFIXES = ("восемь", "восьмёрка", "плюс семь", "семь", "")


def _repeats(digits: str) -> str:
    """ "Два нуля", "три семёрки"."""
    said, index = [], 0
    while index < len(digits):
        run = 1
        while index + run < len(digits) and digits[index + run] == digits[index] and run < 4:
            run += 1
        digit = int(digits[index])
        said.append(say_number(digit) if run == 1 else f"{say_number(run)} {_REPEATED[digit]}")
        index += run
    return " ".join(said)


_PHONE_WAYS: tuple[Callable[[str], str], ...] = (
    lambda digits: " ".join(say_number(int(digit)) for digit in digits),
    lambda digits: " ".join(_DIGIT_NAMES[int(digit)] for digit in digits),
    _repeats,
)


@given(st.from_regex(r"9[0-9]{9}", fullmatch=True), st.sampled_from(_PREFIXES))
def test_phones_digit_by_digit(digits: str, prefix: str) -> None:
    for way in _PHONE_WAYS:
        said = f"{prefix} {way(digits)}"
        assert parse_phone(said) == f"+7{digits}", said


@given(st.from_regex(r"9[0-9]{9}", fullmatch=True))
def test_phones_typed(digits: str) -> None:
    a, b, c, d = digits[:3], digits[3:6], digits[6:8], digits[8:]
    for typed in (
        f"8{digits}",
        digits,
        f"8-{a}-{b}-{c}-{d}",
        f"+7 ({a}) {b} {c} {d}",
        f"8({a}){b}-{c}-{d}",
        f"мой номер {a} {b} {c} {d}, звоните",
    ):
        assert parse_phone(typed) == f"+7{digits}"
        assert parse_when(typed.removeprefix("мой номер "), NOW) is None


#: Numbers as the plans of the countries have them: Russia and Kazakhstan, the mobile ones of Belarus.
@given(st.from_regex(r"\+(?:7[34789][0-9]{9}|37529[1-9][0-9]{6})", fullmatch=True))
def test_any_phone_read_back(phone: str) -> None:
    assert parse_phone(say_phone(phone)) == phone


@given(st.from_regex(r"\+7[3489][0-9]{9}", fullmatch=True))
def test_a_phone_read_back(phone: str) -> None:
    assert parse_phone(say_phone(phone)) == phone
    assert is_complete_phone(f"{say_phone(phone)}") or say_phone(phone).split()[-1].endswith(("дцать", "десят", "сорок", "сто"))


@pytest.mark.parametrize("sizes", [(3, 3, 2, 2), (3, 2, 3, 2), (3, 2, 2, 3), (3, 3, 1, 1, 1, 1)])
@given(st.from_regex(r"9[0-9]{9}", fullmatch=True), st.sampled_from(_PREFIXES))
def test_phones_by_groups(sizes: tuple[int, ...], digits: str, prefix: str) -> None:
    """A group that runs into the next ("сто", "двадцать") may be lost and asked again, never mistaken."""
    groups, at = [], 0
    for size in sizes:
        group = digits[at : at + size]
        zeros = len(group) - len(group.lstrip("0"))
        groups.append(" ".join(["ноль"] * zeros + ([say_number(int(group))] if group[zeros:] else [])))
        at += size
    found = parse_phone(f"{prefix} {' '.join(groups)}")
    assert found in (None, f"+7{digits}")
    runs_on = any(
        len(first) > 1 and (first.endswith("00") or (first[-1] == "0" and first[-2] > "1"))
        for first in _split(digits, sizes)[:-1]
    )
    assert found is not None or runs_on


def _split(digits: str, sizes: tuple[int, ...]) -> list[str]:
    ends = [sum(sizes[: n + 1]) for n in range(len(sizes))]
    return [digits[end - size : end] for end, size in zip(ends, sizes, strict=True)]


# -- names --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_woman", [False, True])
def test_names_in_every_case_and_order(is_woman: bool) -> None:
    women, men = ["Анна", "Мария", "Ольга", "Екатерина", "Татьяна"], ["Иван", "Пётр", "Сергей", "Дмитрий", "Андрей"]
    surnames = ["Иванов", "Кузнецов", "Соловьёв", "Никитин", "Зайцев", "Фёдоров", "Тихомиров"]
    given_names = women if is_woman else men
    patronymics = ("Сергеевна", "Ивановна", "Павловна") if is_woman else ("Сергеевич", "Иванович", "Павлович")
    for surname in surnames:
        for given_name in given_names:
            for patronymic in patronymics:
                name = PersonName(surname + "а" * is_woman, given_name, patronymic)
                for said in all_cases(name):
                    family, *rest = said.lower().split()
                    assert parse_person(said.lower()) == name
                    assert parse_person(" ".join([*rest, family])) == name
                    assert parse_person(f"{family} {rest[0]}") == PersonName(name.surname, name.given)
