"""Stress marks from a list of words: `+` before the stressed vowel, as Silero and RHVoice read it."""

import re
from collections.abc import Mapping

_WORD = re.compile(r"[А-Яа-яЁё+]+(?:-[А-Яа-яЁё+]+)*")
_VOWELS = frozenset("аеёиоуыэюя")


def mark(text: str, overrides: Mapping[str, str]) -> str:
    """Put `+` before the stressed vowel of each word listed in `overrides` (plain lower-case word -> with `+`).

    ё in a plain word may be written е in the text. A word that already has a mark is left alone; so are words of one
    vowel and words with ё, whose stress is known without a mark.
    """
    table = _without_yo(overrides)
    return _WORD.sub(lambda found: _marked(found.group(), table), text)


def _without_yo(overrides: Mapping[str, str]) -> dict[str, str]:
    return {word.lower().replace("ё", "е"): marked for word, marked in overrides.items()}


def _marked(word: str, table: Mapping[str, str]) -> str:
    if "+" in word:
        return word
    lowered = word.lower()
    stressed = table.get(lowered.replace("ё", "е"))
    if stressed is None:
        if "-" in word:
            return "-".join(_marked(part, table) for part in word.split("-"))
        return word
    if not needs_mark(stressed.replace("+", "").lower()):
        return _like(stressed.replace("+", ""), word)
    return _like(stressed, word)


def needs_mark(word: str) -> bool:
    """Whether a voice has to be told where the stress is: more than one vowel and no ё."""
    return "ё" not in word and sum(letter in _VOWELS for letter in word) > 1


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
