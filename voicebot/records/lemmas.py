"""Words as they are looked for: in their dictionary forms, so that "врачу" finds "врача"."""

from functools import lru_cache

from voicebot.russian.morphology import parses
from voicebot.russian.text import words

_LIKELY = 0.2  # a reading less likely than this is not what was meant


@lru_cache(maxsize=32768)
def lemmas(word: str) -> tuple[str, ...]:
    """Return the dictionary forms that a word may be of ("стали": стать, сталь), without ё; the likeliest first."""
    found = [parse.normal_form.replace("ё", "е") for parse in parses(word) if parse.score >= _LIKELY]
    return tuple(dict.fromkeys(found)) or (word,)


def indexed(text: str) -> str:
    """Return what of a text goes into the index."""
    return " ".join(dict.fromkeys(lemma for word in words(text) for lemma in lemmas(word)))


def asked(text: str) -> list[tuple[str, ...]]:
    """Return what to look for: every entry must be there, in one of its forms. Empty for a text without words."""
    return [lemmas(word) for word in dict.fromkeys(words(text))]
