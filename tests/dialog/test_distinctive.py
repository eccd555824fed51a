"""Which of several names a phrase means by a word that the others lack."""

import pytest

from voicebot.dialog.distinctive import only_one
from voicebot.dialog.understanding.details import is_wrong_number

ULTRASOUND = {
    "abdomen": "узи брюшной полости",
    "pelvis": "узи малого таза",
    "thyroid": "узи щитовидной железы",
    "kidneys": "узи почек",
}
HEPATITIS = {"b": "гепатит бэ", "c": "гепатит цэ", "a": "гепатит а"}


@pytest.mark.parametrize(
    ("text", "names", "meant"),
    [
        ("ну брюшной", ULTRASOUND, "abdomen"),
        ("а щитовидки", ULTRASOUND, "thyroid"),
        ("брюшную полость", ULTRASOUND, "abdomen"),
        ("на почки", ULTRASOUND, "kidneys"),
        ("на цэ", HEPATITIS, "c"),
        ("узи", ULTRASOUND, None),
        ("а", HEPATITIS, None),
        ("почек и щитовидной", ULTRASOUND, None),
        ("сердца", ULTRASOUND, None),
    ],
)
def test_a_word_of_one_name_alone_tells_which(text: str, names: dict[str, str], meant: str | None) -> None:
    assert only_one(text, names) == meant


@pytest.mark.parametrize(
    ("text", "is_wrong"),
    [
        ("ой я не туда попала", True),
        ("извините ошибся номером", True),
        ("я не туда записалась", False),
        ("номер не тот", False),
        ("я ошиблась не в среду а в четверг", False),
    ],
)
def test_who_wanted_another_number(text: str, is_wrong: bool) -> None:
    assert is_wrong_number(text) is is_wrong
