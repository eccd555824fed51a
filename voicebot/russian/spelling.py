"""Dialog IDs read aloud so that they can be written down."""

from voicebot.dialog_id import ALPHABET
from voicebot.russian.numbers import say_number

_LETTERS = {
    "A": "а",
    "E": "е",
    "K": "ка",
    "M": "эм",
    "H": "эн",
    "P": "эр",
    "C": "эс",
    "T": "тэ",
    "Y": "у",
    "X": "ха",
}
_PAIR = 2


def say_dialog_id(dialog_id: str) -> str:
    """An ID character by character, in pairs: "семь а, ка три, эм ноль, пять ха"."""
    named = [say_number(int(c)) if c.isdecimal() else _LETTERS[c] for c in dialog_id.upper() if c in ALPHABET]
    return ", ".join(" ".join(named[i : i + _PAIR]) for i in range(0, len(named), _PAIR))
