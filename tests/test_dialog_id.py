from hypothesis import given
from hypothesis import strategies as st

from voicebot import dialog_id


def test_new_ids_are_valid_and_differ() -> None:
    ids = {dialog_id.new() for _ in range(500)}
    assert len(ids) == 500
    assert all(dialog_id.parse(i) == i and len(i) == 8 for i in ids)


@given(st.integers(0, 7), st.sampled_from(dialog_id.ALPHABET))
def test_any_single_wrong_character_is_found(position: int, character: str) -> None:
    good = dialog_id.new()
    wrong = good[:position] + character + good[position + 1 :]
    assert (dialog_id.parse(wrong) is None) == (wrong != good)


def test_either_keyboard_layout_and_any_spacing() -> None:
    good = "AEKMHPC" + dialog_id._check_character("AEKMHPC")
    cyrillic = good.translate(str.maketrans("AEKMHPCTYX", "АЕКМНРСТУХ"))
    assert dialog_id.parse(cyrillic.lower()) == good
    assert dialog_id.parse(f"{good[:2]} {good[2:4]}-{good[4:]}") == good
    assert dialog_id.parse("") is None
    assert dialog_id.parse("ЩЩЩЩЩЩЩЩ") is None
