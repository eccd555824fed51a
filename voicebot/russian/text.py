"""Text as words: lower case, е for ё, single spaces."""

import re
from functools import lru_cache

_NOT_A_WORD = re.compile(r"[^0-9a-zа-я]+")
_STRESS_MARKS = str.maketrans("", "", "+\u0301")


def without_stress(text: str) -> str:
    """Drop stress marks (`+` before the vowel, or a combining acute after it)."""
    return text.translate(_STRESS_MARKS)


@lru_cache(maxsize=4096)
def normalise(text: str) -> str:
    """Lower case, ё as е, no punctuation or stress marks, one space between words. For matching, never for speaking."""
    lowered = without_stress(text).lower().replace("ё", "е")
    return _NOT_A_WORD.sub(" ", lowered).strip()


def words(text: str) -> list[str]:
    """The words of a normalised text."""
    return normalise(text).split()


def listed(text: str) -> frozenset[str]:
    """A set of words written as one string."""
    return frozenset(text.split())
