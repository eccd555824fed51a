"""Stress marks from a list of words: `+` before the stressed vowel, as Silero and RHVoice read it."""

import re
from collections.abc import Mapping

_WORD = re.compile(r"[А-Яа-яЁё+]+(?:-[А-Яа-яЁё+]+)*")
_VOWELS = frozenset("аеёиоуыэюя")


class Marker:
    """A prepared list of stressed words."""

    def __init__(self, overrides: Mapping[str, str]) -> None:
        """`overrides`: plain word (ё may be written е) -> the word with `+` before the stressed vowel."""
        self._table = {word.lower().replace("ё", "е"): stressed.lower() for word, stressed in overrides.items()}

    def mark(self, text: str) -> str:
        """Put `+` into every listed word of the text; see `mark`."""
        return _WORD.sub(lambda found: self._marked(found.group()), text)

    def _marked(self, word: str) -> str:
        if "+" in word:
            return word
        stressed = self._table.get(word.lower().replace("ё", "е"))
        if stressed is None:
            return "-".join(self._marked(part) for part in word.split("-")) if "-" in word else word
        return _like(stressed if needs_mark(stressed) else stressed.replace("+", ""), word)


def mark(text: str, overrides: Mapping[str, str]) -> str:
    """Put `+` before the stressed vowel of each word listed in `overrides` (plain word -> with `+`).

    ё in a listed word may be written е in the text and becomes ё. A word that already has a mark is left alone; so are
    words of one vowel and words whose stress is on ё, which voices know without a mark.
    """
    return Marker(overrides).mark(text)


def needs_mark(stressed: str) -> bool:
    """Whether a voice has to be told this stress: more than one vowel, and it is not on ё."""
    return sum(letter in _VOWELS for letter in stressed) > 1 and "+ё" not in stressed and not _is_on_yo(stressed)


def _is_on_yo(stressed: str) -> bool:
    return "+" not in stressed and "ё" in stressed


def _like(stressed: str, model: str) -> str:
    """The stressed spelling with the capitals of the text."""
    result: list[str] = []
    position = 0
    for letter in stressed.lower():
        if letter == "+":
            result.append(letter)
            continue
        is_capital = position < len(model) and model[position].isupper()
        result.append(letter.upper() if is_capital else letter)
        position += 1
    return "".join(result)
