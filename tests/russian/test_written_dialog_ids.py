"""A dialog ID is written down from how it was told or typed."""

import random

import pytest

from voicebot import dialog_id
from voicebot.russian.spelling import say_dialog_id, write_dialog_id


def ids(count: int) -> list[str]:
    """IDs that are the same each time."""
    draw = random.Random(1)
    bodies = ("".join(draw.choices(dialog_id.ALPHABET, k=dialog_id.LENGTH - 1)) for _ in range(count))
    return [next(body + last for last in dialog_id.ALPHABET if dialog_id.parse(body + last)) for body in bodies]


def test_what_is_said_is_written_back() -> None:
    for one in ids(300):
        halves = one[:4], one[4:]
        for told in (
            say_dialog_id(one),
            f"обращение номер {say_dialog_id(one)}",
            one.lower(),
            " ".join(halves),
            "-".join(halves),
        ):
            assert dialog_id.parse(write_dialog_id(told)) == one, told


@pytest.mark.parametrize(
    ("told", "written"),
    [
        ("семьдесят три а ка", "73AK"),
        ("ноль пять икс", "05X"),
        ("эн ноль ноль семь", "H007"),
        ("алло девушка", ""),
        ("", ""),
    ],
)
def test_parts_and_noise(told: str, written: str) -> None:
    assert write_dialog_id(told) == written


def test_both_layouts_are_one() -> None:
    assert dialog_id.plain(write_dialog_id("м05х")) == dialog_id.plain("M05X") == "M05X"
