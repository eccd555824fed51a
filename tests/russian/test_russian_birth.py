"""Birth dates."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.russian.birth import parse_birth_date
from voicebot.russian.calendar_words import MONTHS_GENITIVE
from voicebot.russian.case import Case, Gender
from voicebot.russian.numbers import say_ordinal

TODAY = date(2026, 11, 22)
BORN = date(1985, 3, 25)
SAID = {
    "двадцать пятое марта тысяча девятьсот восемьдесят пятого года": BORN,
    "двадцать пятого марта восемьдесят пятого": BORN,
    "двадцать пятого ноль третьего восемьдесят пятого": BORN,
    "двадцать пять ноль три тысяча девятьсот восемьдесят пять": BORN,
    "двадцать пятого третьего восемьдесят пятого года": BORN,
    "два пять ноль три один девять восемь пять": BORN,
    "двадцать пятое марта девятнадцать восемьдесят пять": BORN,
    "я родился двадцать пятого марта восемьдесят пятого": BORN,
    "двадцать пятого марта восемьдесят пятого года мне сорок один": BORN,
    "мне сорок один год нет сорок один лет двадцать пятого марта восемьдесят пятого": BORN,
    "первого сентября двадцать второго года малышке четыре": date(2022, 9, 1),
    "25.03.1985": BORN,
    "25 03 85": BORN,
    "25031985": BORN,
    "первого января двухтысячного года": date(2000, 1, 1),
    "третье пятое две тысячи первого": date(2001, 5, 3),
    "девятое мая две тысячи двадцатого": date(2020, 5, 9),
    "девятое мая двадцатого года": date(2020, 5, 9),
    "первое июня ноль пятого года": date(2005, 6, 1),
    "первое июня тридцатого года": date(1930, 6, 1),
    "тридцать первого февраля восьмидесятого": None,
    "пятого мая": None,
    "двадцать пятого декабря две тысячи двадцать шестого": None,
    "не скажу": None,
    "": None,
}


@pytest.mark.parametrize("said", SAID)
def test_understood(said: str) -> None:
    assert parse_birth_date(said, TODAY) == SAID[said]


@given(st.integers(0, 119 * 365))
def test_any_birth_date_said_in_full(days: int) -> None:
    born = TODAY - timedelta(days=days)
    said = f"{say_ordinal(born.day, Case.NOMINATIVE, Gender.NEUTER)} {MONTHS_GENITIVE[born.month - 1]}"
    year = say_ordinal(born.year, Case.GENITIVE)
    assert parse_birth_date(f"{said} {year} года", TODAY) == born
