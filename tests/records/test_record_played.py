from hypothesis import given
from hypothesis import strategies as st

from voicebot.records.played import Piece, played_text

PIECES = [Piece("Здр+авствуйте, это кл+иника.", 16000), Piece("Чем пом+очь?", 8000)]


def test_nothing_and_everything() -> None:
    assert played_text(PIECES, 0) == ""
    assert played_text(PIECES, 24000) == "Здр+авствуйте, это кл+иника. Чем пом+очь?"
    assert played_text([], 100) == ""
    assert played_text([Piece("", 0), Piece("Да.", 100)], 100) == "Да."


def test_cut_between_pieces_and_inside_words() -> None:
    assert played_text(PIECES, 16000) == "Здр+авствуйте, это кл+иника."
    # letters 12 3 7 and pauses 4 1: 27 units of 592.6 samples; "клиника" is half said at unit 23.5
    assert played_text(PIECES, 13900) == "Здр+авствуйте, это"
    assert played_text(PIECES, 13950) == "Здр+авствуйте, это кл+иника."
    assert played_text(PIECES, 3000) == ""
    assert played_text(PIECES, 4000) == "Здр+авствуйте,"
    assert played_text(PIECES, 16000 + 7900) == "Здр+авствуйте, это кл+иника. Чем пом+очь?"


@given(st.text("аб ,.+-", max_size=60), st.integers(0, 20000), st.integers(0, 500))
def test_more_samples_never_mean_fewer_words(text: str, played: int, more: int) -> None:
    pieces = [Piece(text, 10000), Piece("конец.", 5000)]
    first = played_text(pieces, played)
    second = played_text(pieces, played + more)
    assert second.startswith(first.rstrip())
    assert f"{text} конец.".strip().startswith(first.strip()) or not text.strip()
