"""Wishes about date and time beside what is no wish: what was booked, what is too early, why one can. Monday, 23.11.2026."""

from datetime import date, datetime, time

import pytest

from voicebot.russian.when import When, parse_when

NOW = datetime(2026, 11, 23, 9, 0)
TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = (date(2026, 11, day) for day in range(24, 30))


def on(*days: date) -> When:
    return When(dates=days)


SAID = {
    # Booked, and wished instead.
    "запись есть на четверг прошу пятницу": on(FRIDAY),
    "мне надо было в пятницу а записали на среду": on(FRIDAY),
    "я просила вечер а меня поставили на девять утра": When(time_from=time(17)),
    "пришла что в девять а я просил в пятнадцать": When(times=(time(15),)),
    "у меня к орлову на завтра но не выйдет давайте на пятницу": on(FRIDAY),
    "приём в четверг перенесите на субботу": on(SATURDAY),
    "можно мой четверг на субботу перекинуть": on(SATURDAY),
    "перенесите на следующей неделе на среду": on(date(2026, 12, 2)),
    "на четверг или на пятницу перенесите": on(THURSDAY, FRIDAY),
    "запишите на четверг": on(THURSDAY),
    # Corrected.
    "в среду то есть в четверг": on(THURSDAY),
    "на среду что-то есть или на четверг": on(WEDNESDAY, THURSDAY),
    "в среду погодите в четверг": on(THURSDAY),
    "в среду ой соврала в четверг": on(THURSDAY),
    "на следующей неделе то есть в пятницу": on(date(2026, 12, 4)),
    "позже в четверг": on(THURSDAY),
    "позже четверга": When(date_from=FRIDAY),
    # Too early, too late.
    "в девять рано в одиннадцать": When(times=(time(11),)),
    "в пять мне уже поздно давайте в три": When(times=(time(15),)),
    "завтра рано послезавтра": When(dates=(WEDNESDAY,), excluded_dates=frozenset({TUESDAY})),
    "завтра рано": on(TUESDAY),
    "завтра рано утром": When(dates=(TUESDAY,), time_to=time(10)),
    # What makes a day free, and what does not.
    "в четверг я в отпуске могу": on(THURSDAY),
    "в четверг я в отпуске": When(excluded_weekdays=frozenset({3})),
    "в четверг я на работе могу в пятницу": When(dates=(FRIDAY,), excluded_weekdays=frozenset({3})),
    "дедушка сегодня не дойдёт в пятницу придёт": When(dates=(FRIDAY,), excluded_dates=frozenset({date(2026, 11, 23)})),
    "не могу терпеть до завтра": When(date_to=date(2026, 11, 23)),
    # A bound said twice, a bound beside a time.
    "после шести раньше никак": When(time_from=time(18)),
    "после шести раньше не могу": When(time_from=time(18)),
    "автобус в одиннадцать приходит так что в среду не раньше двенадцати": When(dates=(WEDNESDAY,), time_from=time(12)),
    # Parts of an hour, habits.
    "завтра в начале третьего": When(dates=(TUESDAY,), time_from=time(14), time_to=time(14, 30)),
    "в конце одиннадцатого": When(time_from=time(10, 30), time_to=time(11)),
    "минут пятнадцать одиннадцатого": When(times=(time(10, 15),)),
    "минут двадцать пятого": When(times=(time(16, 20),)),
    "мне удобнее по вечерам": When(time_from=time(17)),
    "по утрам не могу": When(time_from=time(12)),
    # Ranges and days in other words.
    "понедельника по среду": When(date_from=date(2026, 11, 30), date_to=date(2026, 12, 2)),
    "пятого по десятое декабря": When(date_from=date(2026, 12, 5), date_to=date(2026, 12, 10)),
    "в воскресный день": on(SUNDAY),
    "в субботнее утро": When(dates=(SATURDAY,), time_to=time(12)),
    "с завтрашнего": When(date_from=TUESDAY),
    "начать бы с завтрашнего": on(TUESDAY),
    "пять уколов через день начнём с пятницы": on(FRIDAY),
    "на будущее неделе": When(date_from=date(2026, 11, 30), date_to=date(2026, 12, 6)),
    "ноль часов в десять утра": When(times=(time(10),)),
}
NOTHING = [
    "муж умер в том году",
    "отмените завтрашний массаж",
    "воскресный",
    "сегодняшнего приёма жду",
    "по вечерам ноги отекают",
]


@pytest.mark.parametrize("said", SAID)
def test_put_right(said: str) -> None:
    assert parse_when(said, NOW) == SAID[said]


@pytest.mark.parametrize("said", NOTHING)
def test_no_wish(said: str) -> None:
    assert parse_when(said, NOW) is None
