"""What rules a day or a time out, and what only seems to. Now is Wednesday 25 November 2026, 10:15."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from voicebot.russian.when import When, parse_visit, parse_when

NOW = datetime(2026, 11, 25, 10, 15, tzinfo=ZoneInfo("Europe/Moscow"))
THURSDAY, FRIDAY, SATURDAY, SUNDAY = (date(2026, 11, day) for day in (26, 27, 28, 29))
MONDAY, TUESDAY = date(2026, 11, 30), date(2026, 12, 1)

WISHED = {
    "я посменно работаю в субботу только могу": When(dates=(SATURDAY,)),
    "могу в субботу не могу в воскресенье": When(dates=(SATURDAY,), excluded_weekdays=frozenset({6})),
    "завтра могу послезавтра не могу": When(dates=(THURSDAY,), excluded_dates=frozenset({FRIDAY})),
    "разогнуться не может невролога ему завтра": When(dates=(THURSDAY,)),
    "прийти не получится поставьте на субботу": When(dates=(SATURDAY,)),
    "меня на субботу записали или нет": When(dates=(SATURDAY,)),
    "сегодня после четырёх или не успеваю уже": When(dates=(NOW.date(),), time_from=time(16)),
    "с девяти до одиннадцати могу потом нет": When(time_from=time(9), time_to=time(11)),
    "утречком не могу позже": When(time_to=time(12)),
    "вечером конечно я ж работаю": When(time_from=time(17)),
    "как можно скорее терпеть уже сил нет": When(is_nearest=True),
    "клещ укусил на даче завтра к врачу": When(dates=(THURSDAY,)),
    "на субботу нету тогда на воскресенье": When(dates=(SUNDAY,)),
    "муж вернётся в пятницу значит в субботу": When(dates=(SATURDAY,)),
    "завтра значит в десять": When(dates=(THURSDAY,), times=(time(10),)),
    "с десяти значит до двенадцати": When(time_from=time(10), time_to=time(12)),
    "в десять планёрка в двенадцать": When(times=(time(12),)),
    "я в пять освобождаюсь в шесть приеду": When(times=(time(18),)),
    "завтра похороны послезавтра поминки давайте в субботу": When(dates=(SATURDAY,)),
}
RULED_OUT = {
    "завтра а послезавтра не могу": When(dates=(THURSDAY,), excluded_dates=frozenset({FRIDAY})),
    "завтра и послезавтра не могу": When(excluded_dates=frozenset({THURSDAY, FRIDAY})),
    "тогда на воскресенье раз в субботу мест нету": When(dates=(SUNDAY,), excluded_weekdays=frozenset({5})),
    "по четвергам я на даче": When(excluded_weekdays=frozenset({3})),
    "понедельники исключены": When(excluded_weekdays=frozenset({0})),
    "вы меня записали на завтра а я завтра не могу": When(excluded_dates=frozenset({THURSDAY})),
    "на вечер подвинуть он до шести на смене": When(time_from=time(18)),
    "переставьте на вечер раньше вечера не отпустят": When(time_from=time(17)),
    "с понедельника по вторник не могу": When(excluded_dates=frozenset({MONDAY, TUESDAY})),
    "с понедельника до вторника не могу": When(excluded_dates=frozenset({MONDAY, TUESDAY})),
    "не могу с понедельника по вторник": When(excluded_dates=frozenset({MONDAY, TUESDAY})),
    "не могу с двух до пяти": None,  # a gap in a day is nothing that a wish can hold
    "в субботу только не с двух до пяти": When(dates=(SATURDAY,)),
    "до конца недели не могу": When(date_from=MONDAY),
    "завтра да послезавтра нет": When(dates=(THURSDAY,), excluded_dates=frozenset({FRIDAY})),
    "завтра удобно послезавтра не могу": When(dates=(THURSDAY,), excluded_dates=frozenset({FRIDAY})),
    "завтра да и послезавтра не могу": When(excluded_dates=frozenset({THURSDAY, FRIDAY})),
}


@pytest.mark.parametrize("said", [*WISHED, *RULED_OUT])
def test_ruled_out_or_wished(said: str) -> None:
    assert parse_when(said, NOW) == {**WISHED, **RULED_OUT}[said]


@pytest.mark.parametrize(
    ("said", "visit"),
    [
        ("не приду завтра", When(dates=(THURSDAY,))),
        ("отмените завтра в десять не смогу прийти", When(dates=(THURSDAY,), times=(time(10),))),
        ("завтрашний приём отмените", When(dates=(THURSDAY,))),
        ("завтра не могу давайте в субботу", When(dates=(SATURDAY,), excluded_dates=frozenset({THURSDAY}))),
        ("отмените запись", None),
    ],
)
def test_visit_that_is_cancelled(said: str, visit: When | None) -> None:
    assert parse_visit(said, NOW) == visit
