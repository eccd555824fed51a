"""Word sequences drawn from the frequent words of the language: no domain, every word often enough to be learnt."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pymorphy3

from .heard import frequencies, zipf

ONE_LETTER_WORDS = frozenset("вксуиоаябжя")

#: what is added to a word's zipf frequency; clinics call no film's heroes, and their own people's names are in the lists
_SPOKEN = (
    (("VERB", "1per"), 0.2), (("VERB", "2per"), 0.2), (("VERB", "impr"), 0.2),
    (("Name",), -1.8), (("Surn",), -2.0), (("Patr",), -2.0), (("Geox",), -0.7), (("Orgn",), -1.5), (("Trad",), -1.0),
    (("PRTF",), -0.7), (("PRTS",), -0.1), (("GRND",), -0.5), (("V-be",), -0.7), (("Dist",), -2.0), (("Abbr",), -1.0),
    (("Arch",), -0.5),
)  # fmt: skip
_UNKNOWN_TO_THE_DICTIONARY = -1.2
#: by letters: syllables of longer words are easily heard as such words, which few people say; not "ах"
_SHORT = {1: -3.0, 2: -3.0, 3: -1.0}


def frequent_words(count: int) -> list[str]:
    """The Russian words that one hears most often, the most frequent first."""
    morph = pymorphy3.MorphAnalyzer(lang="ru")
    heard = [word for word in frequencies() if len(word) > 1 or word in ONE_LETTER_WORDS]
    scores: dict[str, float] = {}
    for word in sorted(heard, key=lambda word: (-frequencies()[word], word))[: count * 2]:
        tag = morph.parse(word)[0].tag
        bonus = sum(value for grammemes, value in _SPOKEN if all(grammeme in tag for grammeme in grammemes))
        bonus += 0.0 if "INTJ" in tag else _SHORT.get(len(word), 0.0)
        scores[word] = zipf(word) + bonus + (0.0 if morph.word_is_known(word) else _UNKNOWN_TO_THE_DICTIONARY)
    return sorted(scores, key=lambda word: (-scores[word], word))[:count]


def sequences(rng: random.Random, words: list[str]) -> Iterator[str]:
    """Endless phrases of 1..6 words: function words by frequency, the others mostly in turn so that all are covered."""
    function_words, content = words[:150], words[150:]
    function_weights = [frequencies()[word] ** 0.7 for word in function_words]
    weights = [frequencies()[word] ** 0.45 for word in words]
    pool: list[str] = []
    while True:
        phrase: list[str] = []
        for _ in range(rng.choice([1, 2, 3, 3, 4, 4, 5, 5, 6])):
            lot = rng.random()
            if lot < 0.25:
                word = rng.choices(function_words, function_weights)[0]
            elif lot < 0.6:
                if not pool:
                    pool = rng.sample(content, len(content))
                word = pool.pop()
            else:
                word = rng.choices(words, weights)[0]
            if not phrase or phrase[-1] != word:
                phrase.append(word)
        if phrase and len(phrase[-1]) == 1:
            phrase.pop()
        if phrase:
            yield " ".join(phrase)
