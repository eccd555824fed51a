"""What prepares text for the voice: stress marks and spelling; and plain text handling."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot import dialog_id
from voicebot.russian.case import Case, Gender
from voicebot.russian.inflect import counted
from voicebot.russian.numbers import say_number, say_ordinal
from voicebot.russian.own_stress import own_words
from voicebot.russian.shift import Shift, parse_shift
from voicebot.russian.spelling import say_dialog_id
from voicebot.russian.spoken_when import say_date, say_time, say_when_spoken
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


def _said() -> set[str]:
    """Every word that dates, times, numbers and money are rendered with."""
    today = date(2026, 11, 22)
    said = [say_time(time(minute // 60, minute % 60)) for minute in range(24 * 60)]
    said += [say_date(today + timedelta(days=n), today, case) for n in range(800) for case in (None, *Case)]
    said += [say_number(n, case, gender) for n in (*range(1001), 2000, 300_000) for case in Case for gender in Gender]
    said += [say_ordinal(n, case, gender) for n in range(1, 32) for case in Case for gender in Gender]
    said += [counted(n, noun, case) for n in (1, 2, 5) for noun in ("рубль", "час", "минута") for case in Case]
    return {word for phrase in said for word in phrase.replace(",", "").split()}


def test_every_word_we_render_has_its_stress() -> None:
    own = own_words()
    unmarked = {word for word in _said() if "ё" not in word and sum(c in "аеиоуыэюя" for c in word) > 1 and word not in own}
    assert unmarked == set()
    assert all(stressed.count("+") == ("ё" not in stressed or "+" in stressed) for stressed in own.values())


def test_a_rendered_offer_with_its_stress() -> None:
    said = say_when_spoken(datetime(2026, 11, 24, 10, 30), date(2026, 11, 23))
    assert mark(said, own_words()) == "з+автра, во вт+орник, дв+адцать четвёртого ноябр+я, в д+есять тр+идцать"


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
        ("ничего не подходит", Shift.OTHER_TIME),
        ("это слишком поздно", Shift.EARLIER),
        ("нет раньше ничего нет", Shift.EARLIER),
        ("рановато для меня", Shift.LATER),
        ("на час позже", Shift.LATER),
        ("а еще позже", Shift.LATER),
        ("давайте чуть раньше", Shift.EARLIER),
        ("не позже пяти", None),
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
