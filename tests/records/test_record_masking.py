"""Who needs no phone numbers sees none: neither in a dialog's head nor in what was said."""

import pytest

from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.records.masking import HIDDEN, masked, masked_text
from voicebot.russian.phones import say_phone


@pytest.mark.parametrize(
    "text",
    [
        "мой номер восемь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь запишите",
        "мой номер девять один шесть один два три четыре пять шесть семь запишите",
        "мой номер +7 (916) 123-45-67, запишите",
        "мой номер 89161234567 запишите",
        f"мой номер {say_phone('+79161234567')} запишите",
        "мой номер плюс семь девятьсот шестнадцать потом сто двадцать три дальше сорок пять и шестьдесят семь запишите",
    ],
)
def test_a_number_is_hidden_however_it_is_said(text: str) -> None:
    hidden = masked_text(text)
    assert hidden.replace(",", "").split() == ["мой", "номер", HIDDEN, "запишите"]


@pytest.mark.parametrize(
    "text",
    [
        "Приём стоит тысяча пятьсот рублей, анализ крови триста пятьдесят.",
        "двенадцатого мая тысяча девятьсот восемьдесят пятого",
        "двенадцатого ноль пятого тысяча девятьсот восемьдесят пятого",
        "завтра в девять тридцать или в десять",
        "12.05.1985",
        "",
        "первый",
    ],
)
def test_what_is_no_phone_number_stays(text: str) -> None:
    assert masked_text(text) == text


def test_a_whole_dialog() -> None:
    number = "восемь, девятьсот шестнадцать, сто двадцать три, сорок пять, шестьдесят семь"
    dialog = Dialog(
        "A1B2C3D4",
        caller_phone="+79161234567",
        summary={"телефон": "+7 916 123-45-67", "врач": "Петров"},
        turns=(
            Turn(1, Who.ROBOT, f"Ваш телефон {number}, верно?", played_text=f"Ваш телефон {number}, верно?"),
            Turn(2, Who.CALLER, "да", slots={"phone": "+79161234567", "yes_no": True}, digits="89161234567"),
            Turn(3, Who.CALLER, "к пятому", digits="12", alternatives=({"text": "номер " + number, "confidence": 0.5},)),
        ),
    )
    shown = masked(dialog)
    assert shown.caller_phone == shown.summary["телефон"] == shown.turns[1].slots["phone"] == "+7 916 ***-**-67"
    assert shown.summary["врач"] == "Петров"
    assert shown.turns[0].text == f"Ваш телефон {HIDDEN}, верно?"
    assert not shown.turns[0].was_cut
    assert shown.turns[1].slots["yes_no"] is True
    assert (shown.turns[1].digits, shown.turns[2].digits) == ("+7 916 ***-**-67", "12")
    assert shown.turns[2].alternatives[0]["text"] == f"номер {HIDDEN}"
    assert shown.turns[2].text == "к пятому"
