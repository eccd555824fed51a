"""Dialog IDs read aloud so that they can be written down, and written down from what was heard."""

import re

from voicebot.dialog_id import ALPHABET
from voicebot.russian.numbers import numeral_at, say_number
from voicebot.russian.text import words

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
#: How people name the letters, besides the names we say ourselves.
_NAMED = {name: letter for letter, name in _LETTERS.items()} | {
    "э": "E", "к": "K", "м": "M", "н": "H", "эйч": "H", "р": "P", "с": "C", "си": "C", "т": "T", "те": "T", "ти": "T",
    "игрек": "Y", "уай": "Y", "х": "X", "икс": "X", "экс": "X",
}  # fmt: skip
#: A piece of an ID as it is written; a Russian word is one only when it has the length of a group ("номер" is none).
_WRITTEN = re.compile(r"(?=.*\d)[0-9a-zа-я]+|[aekmhpctyx]+|(?:[аекмнрстухов]{4}){1,2}")


def say_dialog_id(dialog_id: str) -> str:
    """An ID character by character, in pairs: "семь а, ка три, эм ноль, пять ха"."""
    named = [say_number(int(c)) if c.isdecimal() else _LETTERS[c] for c in dialog_id.upper() if c in ALPHABET]
    return ", ".join(" ".join(named[i : i + _PAIR]) for i in range(0, len(named), _PAIR))


def write_dialog_id(heard: str) -> str:
    """The characters that a spelled ID, or a part of one, names: "семь а ка три" is 7AK3. What names none is dropped.

    A piece that is written already ("7ак3") stays as it is: its letters are read by `dialog_id.parse`.
    """
    tokens = words(heard)
    found = ""
    at = 0
    while at < len(tokens):
        token, number = tokens[at], None
        if token in _NAMED:
            found += _NAMED[token]
        elif token.isdecimal():
            found += token
        elif _WRITTEN.fullmatch(token):
            found += token.upper()
        else:
            number = numeral_at(tokens, at)
            found += "" if number is None else str(number.value)
        at = at + 1 if number is None else number.end
    return found
