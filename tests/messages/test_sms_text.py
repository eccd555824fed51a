"""SMS parts against another's tables and another way of counting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.messages.sms_text import Alphabet, alphabet_of, count_parts, decode_gsm, encode, split

gsm0338 = pytest.importorskip("gsm0338", reason="the second GSM codec (dev dependency) is not installed")
CODEC = gsm0338.Codec()


def others_units(text: str) -> list[int] | None:
    """Septets of each letter by the other codec; None: not of that alphabet."""
    try:
        return [len(CODEC.encode(letter)[0]) for letter in text]
    except UnicodeError:
        return None


def others_count(text: str) -> int:
    """The fewest parts, found trying every length of each part."""
    units, alone, joined = others_units(text), 160, 153
    if units is None:
        units, alone, joined = [len(letter.encode("utf-16-be")) // 2 for letter in text], 70, 67
    if sum(units) <= alone:
        return 1
    return max(_bottom_up(units, joined), 1)


def _bottom_up(units: list[int], joined: int) -> int:
    fewest = [0] * (len(units) + 1)
    for start in range(len(units) - 1, -1, -1):
        used, best = 0, 10**6
        for end in range(start + 1, len(units) + 1):
            used += units[end - 1]
            if used > joined:
                break
            best = min(best, 1 + fewest[end])
        fewest[start] = best
    return fewest[0]


GSM_LETTERS = "abcXYZ 019@£$¥èéùÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ!\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà\n\r"
EXTENDED = "^{}\\[~]|€\f"
TEXTS = st.one_of(
    st.text(st.sampled_from(GSM_LETTERS), max_size=520),
    st.text(st.sampled_from(GSM_LETTERS + EXTENDED), max_size=520),
    st.text(st.sampled_from("приём завтра 10:30 №ёЁ"), max_size=300),
    st.text(st.sampled_from("ж😀aБ€"), max_size=300),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
)


@given(TEXTS)
def test_parts_are_as_many_as_another_counts(text: str) -> None:
    assert count_parts(text) == others_count(text)


@given(TEXTS)
def test_parts_together_are_the_text_and_each_fits(text: str) -> None:
    parts = list(split(text))
    assert "".join(parts) == text
    room = 140 - (6 if len(parts) > 1 else 0)  # octets of user data, less the header that joins
    for part in parts:
        octets = others_units(part)
        if others_units(text) is None:
            assert len(part.encode("utf-16-be")) <= room
        else:
            assert octets is not None
            assert sum(octets) <= room * 8 // 7


@given(TEXTS)
def test_octets_are_those_of_another_codec(text: str) -> None:
    alphabet, octets = encode(text)
    if others_units(text) is None:
        assert (alphabet, octets.decode("utf-16-be")) == (Alphabet.UCS2, text)
    else:
        assert (alphabet, octets) == (Alphabet.GSM, CODEC.encode(text)[0])
        assert decode_gsm(octets) == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        *(("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2), ("€" * 153, 3)),
        *(
            ("ж" * 70, 1),
            ("ж" * 71, 2),
            ("ж" * 134, 2),
            ("ж" * 135, 3),
            ("😀" * 35, 1),
            ("😀" * 36, 2),
            ("😀" * 67, 3),
            ("", 1),
        ),
    ],
)
def test_the_known_limits(text: str, parts: int) -> None:
    assert count_parts(text) == parts


@given(st.binary(max_size=200))
def test_any_octets_are_read(octets: bytes) -> None:
    assert isinstance(decode_gsm(octets), str)


def test_one_letter_makes_it_ucs2() -> None:
    assert alphabet_of("Hello") is Alphabet.GSM
    assert alphabet_of("Hellо") is Alphabet.UCS2  # the last letter is Cyrillic
