"""What callers say about date and time. Now is Sunday 22 November 2026, 10:15, unless a case says otherwise."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.russian.case import Case
from voicebot.russian.when import When, parse_when, say_date, say_time, say_when_spoken

NOW = datetime(2026, 11, 22, 10, 15, tzinfo=ZoneInfo("Europe/Moscow"))


def d(day: int, month: int = 11, year: int = 2026) -> date:
    return date(year, month, day)


def on(*days: date, **more: object) -> When:
    return When(dates=days, **more)  # type: ignore[arg-type]


def at(hour: int, minute: int = 0) -> When:
    return When(times=(time(hour, minute),))


def either(first: When, *others: When) -> When:
    return replace(first, alternatives=others)


DATES = {
    "сегодня": on(d(22)),
    "на сегодня": on(d(22)),
    "завтра": on(d(23)),
    "на завтра": on(d(23)),
    "на завтрашний день": on(d(23)),
    "послезавтра": on(d(24)),
    "после завтра": on(d(24)),
    "через две недели": on(d(6, 12)),
    "через три дня": on(d(25)),
    "дня через три": on(d(25)),
    "недели через две": on(d(6, 12)),
    "через неделю": on(d(29)),
    "через неделю в среду": on(d(25)),
    "через месяц": on(d(22, 12)),
    "через пару дней": on(d(24)),
    "через день": on(d(24)),
    "на следующей неделе": When(date_from=d(23), date_to=d(29)),
    "на той неделе": When(date_from=d(23), date_to=d(29)),
    "на этой неделе": When(date_from=d(22), date_to=d(22)),
    "в понедельник": on(d(23)),
    "в воскресенье": on(d(29)),
    "во вторник": on(d(24)),
    "в эту субботу": on(d(28)),
    "в следующую среду": on(d(25)),
    "в ближайший четверг": on(d(26)),
    "на следующей неделе в среду": on(d(25)),
    "в среду на следующей неделе": on(d(25)),
    "в среду следующей недели": on(d(25)),
    "по вторникам": When(weekdays=frozenset({1})),
    "по вторникам и четвергам": When(weekdays=frozenset({1, 3})),
    "в выходные": When(weekdays=frozenset({5, 6})),
    "на выходных": When(weekdays=frozenset({5, 6})),
    "в будни": When(weekdays=frozenset(range(5))),
    "в будний день": When(weekdays=frozenset(range(5))),
    "двадцать пятого ноября": on(d(25)),
    "двадцать пятое ноября": on(d(25)),
    "двадцать пятое": on(d(25)),
    "на двадцать пятое": on(d(25)),
    "двадцать пятого": on(d(25)),
    "двадцать первого": on(d(21, 12)),
    "двадцать второго ноября": on(d(22)),
    "двадцать первого ноября": on(d(21, 11, 2027)),
    "первого числа": on(d(1, 12)),
    "первого декабря": on(d(1, 12)),
    "тридцать первого": on(d(31, 12)),
    "пятого двенадцатого": on(d(5, 12)),
    "двадцать девятого февраля": on(d(29, 2, 2028)),
    "пятого числа следующего месяца": on(d(5, 12)),
    "двадцать пятого декабря две тысячи двадцать шестого года": on(d(25, 12)),
    "в начале месяца": When(date_from=d(1, 12), date_to=d(10, 12)),
    "в середине месяца": When(date_from=d(11, 12), date_to=d(20, 12)),
    "в конце месяца": When(date_from=d(22), date_to=d(30)),
    "в начале декабря": When(date_from=d(1, 12), date_to=d(10, 12)),
    "в середине декабря": When(date_from=d(11, 12), date_to=d(20, 12)),
    "в конце следующего месяца": When(date_from=d(21, 12), date_to=d(31, 12)),
    "в первых числах декабря": When(date_from=d(1, 12), date_to=d(5, 12)),
    "в начале следующей недели": When(date_from=d(23), date_to=d(24)),
    "в декабре": When(date_from=d(1, 12), date_to=d(31, 12)),
    "на декабрь": When(date_from=d(1, 12), date_to=d(31, 12)),
    "в ноябре": When(date_from=d(22), date_to=d(30)),
    "в октябре": When(date_from=d(1, 10, 2027), date_to=d(31, 10, 2027)),
    "в следующем месяце": When(date_from=d(1, 12), date_to=d(31, 12)),
    "в понедельник или в среду": on(d(23), d(25)),
    "завтра или послезавтра": on(d(23), d(24)),
    "двадцать пятого или двадцать шестого": on(d(25), d(26)),
    "двадцать пятого двадцать шестого": on(d(25), d(26)),
    "пятого шестого": on(d(5, 12), d(6, 12)),
    "пятого или шестого декабря": on(d(5, 12), d(6, 12)),
    "в среду двадцать пятого": on(d(25)),
    "в понедельник двадцать третьего ноября": on(d(23)),
    "завтра в понедельник": on(d(23)),
    "после двадцать пятого": When(date_from=d(26)),
    "после двадцатого декабря": When(date_from=d(21, 12)),
    "не раньше пятницы": When(date_from=d(27)),
    "со среды": When(date_from=d(25)),
    "начиная со среды": When(date_from=d(25)),
    "до пятницы": When(date_to=d(26)),
    "не позже пятницы": When(date_to=d(27)),
    "с пятого по десятое декабря": When(date_from=d(5, 12), date_to=d(10, 12)),
    "с пятого по десятое": When(date_from=d(5, 12), date_to=d(10, 12)),
    "с двадцать восьмого по третье": When(date_from=d(28), date_to=d(3, 12)),
    "со вторника по пятницу": When(date_from=d(24), date_to=d(27)),
    "после следующей недели": When(date_from=d(30)),
    "в любой день": When(date_from=d(22)),
    "25.11": on(d(25)),
    "25.12.2026": on(d(25, 12)),
    "25-го": on(d(25)),
    "25 декабря": on(d(25, 12)),
    "в пт": on(d(27)),
}

TIMES = {
    "в десять": at(10),
    "десять": at(10),
    "в десять тридцать": at(10, 30),
    "десять тридцать": at(10, 30),
    "в десять часов тридцать минут": at(10, 30),
    "в десять ноль ноль": at(10),
    "в девять ноль пять": at(9, 5),
    "в половине шестого": at(17, 30),
    "в половину шестого": at(17, 30),
    "пол второго": at(13, 30),
    "полвторого": at(13, 30),
    "полпервого": at(12, 30),
    "в полдесятого": at(9, 30),
    "полдевятого": at(8, 30),
    "без пятнадцати девять": at(8, 45),
    "без четверти девять": at(8, 45),
    "без пяти минут десять": at(9, 55),
    "без двадцати час": at(12, 40),
    "без десяти три": at(14, 50),
    "четверть шестого": at(17, 15),
    "в пять минут шестого": at(17, 5),
    "двадцать минут одиннадцатого": at(10, 20),
    "к девяти": at(9),
    "к двум": at(14),
    "часов в пять": at(17),
    "часам к пяти": at(17),
    "часа в три": at(15),
    "в три": at(15),
    "в восемь": at(8),
    "в семь": at(19),
    "в семь утра": at(7),
    "в восемь вечера": at(20),
    "в семь вечера": at(19),
    "вечером в семь": at(19),
    "вечером часов в восемь": at(20),
    "утром в семь": at(7),
    "утром в девять": at(9),
    "в час": at(13),
    "в час дня": at(13),
    "час дня": at(13),
    "в час тридцать": at(13, 30),
    "в три часа дня": at(15),
    "в три дня": at(15),
    "в двенадцать": at(12),
    "в двенадцать дня": at(12),
    "пятнадцать тридцать": at(15, 30),
    "в семнадцать": at(17),
    "в двадцать ноль ноль": at(20),
    "в полдень": at(12),
    "ровно в десять": at(10),
    "в десять сорок пять": at(10, 45),
    "ну давайте десять": at(10),
    "в три или в четыре": When(times=(time(15), time(16))),
    "утром": When(time_to=time(12)),
    "с утра": When(time_to=time(12)),
    "днём": When(time_from=time(12), time_to=time(17)),
    "вечером": When(time_from=time(17)),
    "после обеда": When(time_from=time(13)),
    "до обеда": When(time_to=time(13)),
    "в обед": When(time_from=time(12), time_to=time(14)),
    "в первой половине дня": When(time_to=time(13)),
    "во второй половине дня": When(time_from=time(13)),
    "после трёх": When(time_from=time(15)),
    "после часа": When(time_from=time(13)),
    "после шести вечера": When(time_from=time(18)),
    "вечером после шести": When(time_from=time(18)),
    "не раньше двенадцати": When(time_from=time(12)),
    "не раньше чем в двенадцать": When(time_from=time(12)),
    "позже трёх": When(time_from=time(15)),
    "до пяти": When(time_to=time(17)),
    "до восьми": When(time_to=time(20)),
    "не позже пяти": When(time_to=time(17)),
    "с двух до четырёх": When(time_from=time(14), time_to=time(16)),
    "между двумя и четырьмя": When(time_from=time(14), time_to=time(16)),
    "с девяти до двенадцати": When(time_from=time(9), time_to=time(12)),
    "с девяти до часу": When(time_from=time(9), time_to=time(13)),
    "с девяти утра до шести вечера": When(time_from=time(9), time_to=time(18)),
    "с шести до восьми": When(time_from=time(18), time_to=time(20)),
    "с шести до восьми вечера": When(time_from=time(18), time_to=time(20)),
    "после обеда до пяти": When(time_from=time(13), time_to=time(17)),
    "после работы": When(time_from=time(18)),
    "в десятом часу": When(time_from=time(9), time_to=time(10)),
    "в любое время": When(time_from=time(0)),
    "не утром": When(time_from=time(12)),
    "утром или днём": When(time_to=time(17)),
    "10:30": at(10, 30),
    "в 15.00": at(15),
    "в 10": at(10),
    "в 9": at(9),
}

BOTH = {
    "завтра в десять": on(d(23), times=(time(10),)),
    "завтра утром": on(d(23), time_to=time(12)),
    "завтра десять": on(d(23), times=(time(10),)),
    "в пятницу после обеда": on(d(27), time_from=time(13)),
    "нет лучше в пятницу после обеда": on(d(27), time_from=time(13)),
    "сегодня вечером": on(d(22), time_from=time(17)),
    "сегодня в восемь": on(d(22), times=(time(20),)),
    "сегодня в девять": on(d(22), times=(time(21),)),
    "двадцать пятого ноября в десять тридцать": on(d(25), times=(time(10, 30),)),
    "двадцать пятого в пять": on(d(25), times=(time(17),)),
    "в пять двадцать пятого": on(d(25), times=(time(17),)),
    "во вторник с двух до четырёх": on(d(24), time_from=time(14), time_to=time(16)),
    "на следующей неделе после трёх": When(date_from=d(23), date_to=d(29), time_from=time(15)),
    "хочу записаться к кардиологу на завтра после обеда": on(d(23), time_from=time(13)),
    "можно к терапевту в понедельник часов в одиннадцать": on(d(23), times=(time(11),)),
    "через два часа": on(d(22), time_from=time(12, 15)),
    "через полчаса": on(d(22), time_from=time(10, 45)),
    "завтра в любое время": on(d(23), time_from=time(0)),
    "в будни после шести": When(weekdays=frozenset(range(5)), time_from=time(18)),
    "ближайшее время": When(is_nearest=True),
    "на ближайшее время": When(is_nearest=True),
    "как можно раньше": When(is_nearest=True),
    "как можно скорее": When(is_nearest=True),
    "ближайшее время после обеда": When(is_nearest=True, time_from=time(13)),
}

CORRECTIONS = {
    "завтра нет послезавтра": on(d(24)),
    "завтра ой нет послезавтра": on(d(24)),
    "завтра точнее в среду": on(d(25)),
    "завтра в десять нет в одиннадцать": on(d(23), times=(time(11),)),
    "завтра в десять нет лучше послезавтра": on(d(24), times=(time(10),)),
    "с понедельника на среду": on(d(25)),
    "перенести с понедельника на среду": on(d(25)),
    "перенести запись с двадцать третьего на двадцать пятое": on(d(25)),
    "с десяти на двенадцать": at(12),
    "я записан на завтра на десять хочу перенести на пятницу": on(d(27)),
    "только не завтра": When(excluded_dates=frozenset({d(23)})),
    "не завтра": When(excluded_dates=frozenset({d(23)})),
    "завтра не могу": When(excluded_dates=frozenset({d(23)})),
    "завтра нет": When(excluded_dates=frozenset({d(23)})),
    "не завтра а послезавтра": on(d(24), excluded_dates=frozenset({d(23)})),
    "завтра не могу давайте послезавтра": on(d(24), excluded_dates=frozenset({d(23)})),
    "кроме пятницы": When(excluded_weekdays=frozenset({4})),
    "кроме среды и пятницы": When(excluded_weekdays=frozenset({2, 4})),
    "в любой день кроме пятницы": When(date_from=d(22), excluded_weekdays=frozenset({4})),
    "в понедельник я не могу": When(excluded_weekdays=frozenset({0})),
    "не в понедельник": When(excluded_weekdays=frozenset({0})),
    "на следующей неделе только не в среду": When(date_from=d(23), date_to=d(29), excluded_weekdays=frozenset({2})),
    "не могу в пятницу": When(excluded_weekdays=frozenset({4})),
    "не могу в пятницу давайте в субботу": on(d(28), excluded_weekdays=frozenset({4})),
}


@pytest.mark.parametrize("said", [*DATES, *TIMES, *BOTH, *CORRECTIONS])
def test_understood(said: str) -> None:
    expected = {**DATES, **TIMES, **BOTH, **CORRECTIONS}[said]
    assert parse_when(said, NOW) == expected


NOTHING = [
    "",
    "да",
    "нет",
    "здравствуйте",
    "добрый день",
    "добрый вечер",
    "доброе утро",
    "хочу записаться к кардиологу",
    "мне сорок пять лет",
    "ребёнку пять лет",
    "у меня двое детей",
    "к двум врачам",
    "восемь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь",
    "девять один шесть один два три",
    "сколько стоит узи",
    "меня зовут иванов пётр сергеевич",
    "кабинет двенадцать",
    "я опаздываю минут на десять",
    "больничный дня на три",
    "второй врач",
    "первый раз",
    "у меня болит спина три дня",
    "не знаю",
    "у меня запись на завтра хочу перенести",  # when the visit is, not when it should be
    "я записан на завтра на десять перенесите пожалуйста",
    "я записана к орлову на среду мне надо перенести",
]


@pytest.mark.parametrize("said", NOTHING)
def test_no_date_or_time(said: str) -> None:
    assert parse_when(said, NOW) is None


WEDNESDAY = NOW.replace(day=25)
ON_WEDNESDAY = {
    "в среду": on(d(2, 12)),
    "в эту среду": on(d(25)),
    "в следующую среду": on(d(2, 12)),
    "через среду": on(d(9, 12)),
    "в четверг": on(d(26)),
    "в этот четверг": on(d(26)),
    "в следующий четверг": on(d(3, 12)),
    "на этой неделе": When(date_from=d(25), date_to=d(29)),
    "на этой неделе в пятницу": on(d(27)),
    "на следующей неделе в пятницу": on(d(4, 12)),
    "в эти выходные": on(d(28), d(29)),
    "на следующих выходных": on(d(5, 12), d(6, 12)),
    "до конца недели": When(date_to=d(29)),
    "до конца месяца": When(date_to=d(30)),
    "в конце недели": When(date_from=d(26), date_to=d(29)),
    "во второй половине следующей недели": When(date_from=d(3, 12), date_to=d(6, 12)),
    "в первой половине декабря": When(date_from=d(1, 12), date_to=d(15, 12)),
    "в течение недели": When(date_from=d(25), date_to=d(2, 12)),
    "в ближайшие три дня": When(date_from=d(25), date_to=d(28)),
    "после нового года": When(date_from=d(2, 1, 2027)),
    "до нового года": When(date_to=d(31, 12)),
    "двадцать пятого": on(d(25)),
    "двадцать четвёртого": on(d(24, 12)),
    "тридцать первого ноября": None,
    "сорок первого": None,
    "с понедельника по пятницу": When(date_from=d(30), date_to=d(4, 12)),
    "я работаю до шести": When(time_from=time(18)),
    "работаю до шести так что после семи": When(time_from=time(19)),
    "до обеда не могу": When(time_from=time(13)),
    "не могу после пяти": When(time_to=time(17)),
    "я в отпуске до пятого": When(date_from=d(5, 12)),
    "с утра до обеда": When(time_to=time(13)),
    "с утра до двух": When(time_to=time(14)),
    "утром не могу только вечером": When(time_from=time(17)),
    "в десять не могу давайте в двенадцать": at(12),
    "в четверг утром или в пятницу вечером": either(on(d(26), time_to=time(12)), on(d(27), time_from=time(17))),
    "в субботу утром в девять": on(d(28), times=(time(9),)),
    "мне тридцать пять лет хочу на завтра в пять": on(d(26), times=(time(17),)),
    "а можно попозже часов в шесть": at(18),
    "на двадцать восьмое или на тридцатое не важно": on(d(28), d(30)),
    "запишите на двенадцать часов двадцать седьмого ноября к терапевту": on(d(27), times=(time(12),)),
    "нет завтра я не могу давайте в пятницу": on(d(27), excluded_dates=frozenset({d(26)})),
    "завтра нет нет послезавтра": on(d(27)),
    "самое ближайшее время к терапевту": When(is_nearest=True),
    "как можно скорее желательно завтра": on(d(26), is_nearest=True),
    "десятого в десять": on(d(10, 12), times=(time(10),)),
    "в десять десятого": on(d(10, 12), times=(time(10),)),
    "в десять минут десятого": at(9, 10),
    "сегодня в девять утра": on(d(25), times=(time(9),)),
    "в двух словах": None,
    "давайте на час позже": None,
    "на полчаса раньше": None,
    "каждый вторник": When(weekdays=frozenset({1})),
    "в любую субботу": When(weekdays=frozenset({5})),
    "лучше вечером чем утром": When(time_from=time(17)),
    "полис двенадцать тридцать четыре": None,
    "улица первого мая": None,
    "на улице девятого января завтра": on(d(26)),
    "раньше чем в пятницу не могу": When(date_from=d(27)),
    "паспорт сорок пять ноль три": None,
    "массаж десять сеансов с первого декабря": on(d(1, 12)),
    "курс уколов с пятницы": on(d(27)),
    "десять уколов с первого по десятое декабря": When(date_from=d(1, 12), date_to=d(10, 12)),
    "если кто нибудь от пятницы откажется": on(d(27)),
    "на завтрашнее утро": on(d(26), time_to=time(12)),
    "завтрашним днём": on(d(26)),
    "завтрашний приём": None,
    "пиши на послезавтрева": on(d(27)),
    "недельки так через две": on(d(9, 12)),
    "прошу оформить на второе декабря тринадцать часов": on(d(2, 12), times=(time(13),)),
    "до десятого декабря включительно": When(date_to=d(10, 12)),
    "с понедельника по среду на следующей неделе": When(date_from=d(30), date_to=d(2, 12)),
    "с четверга по пятницу на этой неделе": When(date_from=d(26), date_to=d(27)),
    "десятого одиннадцатого или двенадцатого декабря": on(d(10, 12), d(11, 12), d(12, 12)),
    "января двадцатого": on(d(20, 1, 2027)),
    "в январе пятого или шестого": on(d(5, 1, 2027), d(6, 1, 2027)),
    "старый новый год тринадцатого января": on(d(13, 1, 2027)),
    "перед самым новым годом двадцать девятого": on(d(29, 12)),
    "не в эту пятницу а в следующую": on(d(4, 12), excluded_dates=frozenset({d(27)})),
    "в пятницу приду в следующий раз": on(d(27)),
    "в пятницу на следующую": on(d(4, 12)),
    "между одиннадцатью и часом": When(time_from=time(11), time_to=time(13)),
    "между часом и двумя": When(time_from=time(13), time_to=time(14)),
    "уже в декабре до декабря не вырвусь": When(date_from=d(1, 12), date_to=d(31, 12)),
    "вместо вторника на субботу": on(d(28), excluded_weekdays=frozenset({1})),
    "можно сегодня вместо завтра": on(d(25), excluded_dates=frozenset({d(26)})),
}


@pytest.mark.parametrize("said", ON_WEDNESDAY)
def test_understood_on_a_wednesday(said: str) -> None:
    assert parse_when(said, WEDNESDAY) == ON_WEDNESDAY[said]


def test_a_weekday_is_looked_for_in_the_week_agreed_before() -> None:
    week = parse_when("на следующей неделе", WEDNESDAY)
    assert week is not None
    assert parse_when("в пятницу", WEDNESDAY, context=week) == on(d(4, 12))
    assert parse_when("в пятницу", WEDNESDAY) == on(d(27))


@pytest.mark.parametrize("start", [d(22), d(31, 12)])
def test_every_day_of_two_years_said_is_understood(start: date) -> None:
    now = datetime.combine(start, time(10), NOW.tzinfo)
    for ahead in range(731):
        day = start + timedelta(days=ahead)
        for said in (
            say_date(day, start),
            say_date(day, start, is_brief=True),
            say_date(day, start, Case.NOMINATIVE),
            f"на {say_date(day, start, Case.ACCUSATIVE)}",
        ):
            assert parse_when(said, now) == on(day), said


def test_every_time_of_a_day_said_is_understood() -> None:
    for minutes in range(24 * 60):
        moment = time(minutes // 60, minutes % 60)
        assert parse_when(f"в {say_time(moment)}", NOW) == When(times=(moment,)), say_time(moment)
        assert parse_when(f"завтра в {say_time(moment)}", NOW) == on(d(23), times=(moment,)), say_time(moment)


@given(st.dates(d(23), d(22, 11, 2028)), st.times(), st.dates(d(1), d(22)))
def test_any_offer_said_is_understood(day: date, moment: time, today: date) -> None:
    offered = datetime.combine(day, moment.replace(second=0, microsecond=0))
    now = datetime.combine(today, time(0, 1), NOW.tzinfo)
    expected = When(dates=(day,), times=(offered.time(),))
    assert parse_when(say_when_spoken(offered, today), now) == expected


def _vocabulary() -> list[str]:
    phrases = (*DATES, *TIMES, *BOTH, *CORRECTIONS, *ON_WEDNESDAY, *NOTHING)
    return sorted({word for phrase in phrases for word in phrase.split()})


@settings(max_examples=600)
@given(st.data())
def test_whatever_is_said_nothing_lies_in_the_past(data: st.DataObject) -> None:
    said = " ".join(data.draw(st.lists(st.sampled_from(_vocabulary()), min_size=1, max_size=9)))
    now = data.draw(st.datetimes(datetime(2026, 1, 1), datetime(2031, 1, 1))).replace(tzinfo=NOW.tzinfo)
    wish = parse_when(said, now)
    if wish is None:
        return
    today = now.date()
    assert not wish.is_empty
    assert all(day >= today for day in wish.dates)
    assert wish.date_from is None or wish.date_from >= today
    assert wish.date_to is None or wish.date_to >= (wish.date_from or today)
    if wish.time_from is not None and wish.time_to is not None:
        assert wish.time_from < wish.time_to


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (time(9), "девять часов утра"),
        (time(10, 30), "десять тридцать"),
        (time(9, 5), "девять ноль пять"),
        (time(12), "двенадцать часов дня"),
        (time(13), "час дня"),
        (time(14), "два часа дня"),
        (time(15, 30), "пятнадцать тридцать"),
        (time(17), "пять часов вечера"),
        (time(7, 30), "семь тридцать утра"),
        (time(0), "двенадцать часов ночи"),
        (time(11, 31), "одиннадцать тридцать одна"),
    ],
)
def test_times_said(moment: time, said: str) -> None:
    assert say_time(moment) == said


def test_dates_said() -> None:
    today = d(23)
    offered = datetime(2026, 11, 24, 10, 30)
    assert say_when_spoken(offered, today) == "завтра, во вторник, двадцать четвёртого ноября, в десять тридцать"
    assert say_date(d(24), today, is_brief=True) == "завтра"
    assert say_date(d(30), today) == "в понедельник, тридцатого ноября"
    assert say_date(d(30), today, Case.NOMINATIVE) == "понедельник, тридцатое ноября"
    assert say_date(d(2, 12), today, Case.ACCUSATIVE) == "среду, второе декабря"
    assert say_date(d(24, 11, 2027), today) == "в среду, двадцать четвёртого ноября две тысячи двадцать седьмого года"
