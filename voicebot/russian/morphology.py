"""The one pymorphy3 analyser of the process, made on first use (0.2 s, 15 MB)."""

from functools import cache, lru_cache
from typing import Any

import pymorphy3


@cache
def analyser() -> Any:
    """The shared MorphAnalyzer."""
    return pymorphy3.MorphAnalyzer()


@lru_cache(maxsize=16384)
def parses(word: str) -> tuple[Any, ...]:
    """pymorphy3's readings of one word, likeliest first."""
    return tuple(analyser().parse(word))
