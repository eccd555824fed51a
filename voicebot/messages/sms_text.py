"""How many SMS a text is: GSM 7 bit where every letter of it is in that alphabet, UCS-2 otherwise (3GPP TS 23.038, 23.040).

One part holds 160 septets or 70 UTF-16 units; joined parts hold 153 or 67, their header takes the rest. A letter of the
extension table is two septets, a letter outside the BMP two units, and neither is ever cut in two.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

#: 3GPP TS 23.038, 6.2.1: the position is the septet's value; 0x1B leads to the extension table.
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: 6.2.1.1, the default extension table.
_EXTENSION = {0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€"}

ESCAPE = 0x1B
SEPTETS: dict[str, bytes] = {character: bytes([value]) for value, character in enumerate(_BASIC) if value != ESCAPE}
SEPTETS |= {character: bytes([ESCAPE, value]) for value, character in _EXTENSION.items()}
_LETTERS = {value: character for value, character in enumerate(_BASIC) if value != ESCAPE}


class Alphabet(Enum):
    """What a text is written in. Values: SMPP 3.4 data_coding, 5.2.19."""

    GSM = 0
    UCS2 = 8


@dataclass(frozen=True, slots=True)
class _Room:
    alone: int
    joined: int


_ROOM = {Alphabet.GSM: _Room(160, 153), Alphabet.UCS2: _Room(70, 67)}


def alphabet_of(text: str) -> Alphabet:
    return Alphabet.GSM if all(character in SEPTETS for character in text) else Alphabet.UCS2


def weight(character: str, alphabet: Alphabet) -> int:
    """Septets, or UTF-16 units, of one character."""
    if alphabet is Alphabet.GSM:
        return len(SEPTETS[character])
    return 2 if ord(character) > 0xFFFF else 1


def count_parts(text: str) -> int:
    """How many SMS the text is sent as; an empty one is sent too."""
    return sum(1 for _ in split(text))


def split(text: str) -> Iterator[str]:
    """Yield the text of each part. No character is cut, so a part may hold one unit less than it could."""
    alphabet = alphabet_of(text)
    room = _ROOM[alphabet]
    if sum(weight(character, alphabet) for character in text) <= room.alone:
        yield text
        return
    start = used = 0
    for index, character in enumerate(text):
        cost = weight(character, alphabet)
        if used + cost > room.joined:
            yield text[start:index]
            start, used = index, 0
        used += cost
    yield text[start:]


def encode(text: str) -> tuple[Alphabet, bytes]:
    """Return the octets as SMPP carries them: one septet an octet (unpacked), or UTF-16 big-endian.

    A lone surrogate, which is no character, becomes a question mark.
    """
    alphabet = alphabet_of(text)
    return alphabet, encode_as(text, alphabet)


def encode_as(text: str, alphabet: Alphabet) -> bytes:
    """The octets of a part, in the alphabet of the whole text."""
    if alphabet is Alphabet.GSM:
        return b"".join(SEPTETS[character] for character in text)
    return text.encode("utf-16-be", "replace")


def decode_gsm(octets: bytes) -> str:
    """Unpacked septets to text. What is in no table becomes a space (6.2.1.1: shown as one)."""
    found: list[str] = []
    is_extension = False
    for value in octets:
        if is_extension:
            found.append(_EXTENSION.get(value) or _LETTERS.get(value, " "))
            is_extension = False
        elif value == ESCAPE:
            is_extension = True
        else:
            found.append(_LETTERS.get(value, " "))
    return "".join(found)
