"""Which of several names a phrase means by a word that the others lack: "брюшной" of four ultrasound examinations. Pure."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TypeVar

from voicebot.russian.morphology import parses
from voicebot.russian.text import listed, normalise, words

_K = TypeVar("_K")

_EMPTY = listed("а и ну да нет же вот мне на про к для по в у о об это то его ее ещё еще там который какой только лучше")
_LEAST_STEM = 5  # letters: "щитовидки" is "щитовидной", "гормоны" are no "гормональный"


def only_one(text: str, names: Mapping[_K, str]) -> _K | None:
    """Return the key of the only name that has a word of the phrase for itself; None where none or several have."""
    own = {key: frozenset(words(normalise(name))) for key, name in names.items()}
    found: set[_K] = set()
    for word in words(normalise(text)):
        if word in _EMPTY:
            continue
        having = [key for key, theirs in own.items() if _has(theirs, word)]
        if len(having) == 1:
            found.update(having)
    return found.pop() if len(found) == 1 else None


def _has(theirs: frozenset[str], word: str) -> bool:
    return any(word == other or _lemmas(word) & _lemmas(other) or _share_stem(word, other) for other in theirs)


def _share_stem(one: str, other: str) -> bool:
    """Whether two words begin alike for all but their ends."""
    common = next(
        (at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(len(one), len(other))
    )
    return common >= _LEAST_STEM and common * 2 > max(len(one), len(other))


@lru_cache(maxsize=4096)
def _lemmas(word: str) -> frozenset[str]:
    return frozenset(one.normal_form.replace("ё", "е") for one in parses(word))
