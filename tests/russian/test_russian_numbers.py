"""Numerals: words to numbers and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.russian.case import Case, Gender
from voicebot.russian.numbers import parse_numbers, say_number, say_ordinal
from voicebot.russian.text import words

SAID = {
    "двадцать пять": [25],
    "двадцати пяти": [25],
    "сорок пять шестьдесят семь": [45, 67],
    "восемь девятьсот шестнадцать сто двадцать три": [8, 916, 123],
    "ноль ноль": [0, 0],
    "ноль пять": [0, 5],
    "восьмёрка": [8],
    "полтора часа": [1.5],
    "полторы тысячи": [1500],
    "тысяча пятьсот": [1500],
    "тыща двести": [1200],
    "две тысячи двадцать шестого": [2026],
    "тысяча девятьсот восьмидесятого": [1980],
    "двухтысячного": [2000],
    "сто двадцать три тысячи четыреста пятьдесят шесть": [123456],
    "двадцать пятого двенадцатого": [25, 12],
    "двадцать пять ноль три тысяча девятьсот восемьдесят пять": [25, 0, 3, 1985],
    "пять пять": [5, 5],
    "одиннадцать двенадцать": [11, 12],
    "сто сто": [100, 100],
    "двадцать тридцать": [20, 30],
    "третий четвёртая пятое": [3, 4, 5],
    "с двумя детьми": [2],
    "двое": [2],
    "кабинет 25": [25],
    "здравствуйте": [],
}


@pytest.mark.parametrize("said", SAID)
def test_found(said: str) -> None:
    assert [number.value for number in parse_numbers(said.split())] == SAID[said]


def test_spans() -> None:
    found = parse_numbers(words("к врачу на двадцать пятое в десять"))
    assert [number.span for number in found] == [(3, 5), (6, 7)]


@given(st.integers(0, 999_999), st.sampled_from(Case), st.sampled_from(Gender))
def test_any_number_said_is_understood(n: int, case: Case, gender: Gender) -> None:
    assert [number.value for number in parse_numbers(say_number(n, case, gender).split())] == [n]


@given(st.integers(0, 2999), st.sampled_from(Case), st.sampled_from(Gender))
def test_any_ordinal_said_is_understood(n: int, case: Case, gender: Gender) -> None:
    assert [number.value for number in parse_numbers(say_ordinal(n, case, gender).split())] == [n]


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12))
def test_digits_one_by_one(digits: list[int]) -> None:
    assert [number.value for number in parse_numbers([say_number(digit) for digit in digits])] == digits


def test_agreement() -> None:
    assert say_number(22, Case.ACCUSATIVE, Gender.FEMININE) == "двадцать две"
    assert say_number(1500) == "тысяча пятьсот"
    assert say_number(1500, Case.ACCUSATIVE) == "тысячу пятьсот"
    assert say_number(21000) == "двадцать одна тысяча"
    assert say_ordinal(25, Case.GENITIVE, Gender.NEUTER) == "двадцать пятого"
    assert say_ordinal(2026, Case.GENITIVE) == "две тысячи двадцать шестого"
