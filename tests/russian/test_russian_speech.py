"""What prepares text for the voice: stress marks and spelling; and plain text handling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot import dialog_id
from voicebot.russian.shift import Shift, parse_shift
from voicebot.russian.spelling import say_dialog_id
from voicebot.russian.stress import mark
from voicebot.russian.text import normalise, without_stress, words

OVERRIDES = {
    "кардиолог": "карди+олог",
    "кардиолога": "карди+олога",
    "иванов": "иван+ов",
    "врач": "вр+ач",
    "журавлёв": "журавл+ёв",
}


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("кардиолог", "карди+олог"),
        ("Кардиолог Иванов примет.", "Карди+олог Иван+ов примет."),
        ("у врача-кардиолога", "у врача-карди+олога"),
        ("врач", "врач"),
        ("карди+олог", "карди+олог"),
        ("Журавлев", "Журавлёв"),
        ("кардиологический", "кардиологический"),
        ("ИВАНОВ", "ИВАН+ОВ"),
        ("", ""),
    ],
)
def test_stress(text: str, marked: str) -> None:
    assert mark(text, OVERRIDES) == marked


@given(st.text(alphabet="аеёиоуыэюя бвгд-.,+кардиолог"))
def test_marks_add_nothing_but_marks(text: str) -> None:
    assert without_stress(mark(text, OVERRIDES)).replace("ё", "е") == without_stress(text).replace("ё", "е")


def test_a_dialog_id_in_pairs() -> None:
    assert say_dialog_id("7AK3M05X") == "семь а, ка три, эм ноль, пять ха"


def test_every_character_of_the_alphabet_has_a_name_of_its_own() -> None:
    named = [say_dialog_id(character) for character in dialog_id.ALPHABET]
    assert len(set(named)) == len(dialog_id.ALPHABET)
    assert all(named)


@pytest.mark.parametrize(
    ("said", "shift"),
    [
        ("а попозже есть", Shift.LATER),
        ("можно пораньше", Shift.EARLIER),
        ("давайте в другой день", Shift.OTHER_DAY),
        ("на другое время", Shift.OTHER_TIME),
        ("как можно раньше", None),
        ("не раньше трёх", None),
        ("да", None),
    ],
)
def test_shift_from_an_offer(said: str, shift: Shift | None) -> None:
    assert parse_shift(said) is shift


def test_text() -> None:
    assert normalise("  Пётр, «Ёлка» — Журавл+ёв! ") == "петр елка журавлев"
    assert words("по-русски") == ["по", "русски"]
    assert words("") == []
    assert without_stress("карди+олог, зо\u0301лото") == "кардиолог, золото"
