"""Word sequences drawn from the frequent words of the language: no domain, every word often enough to be learnt."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pymorphy3
import wordfreq

ONE_LETTER_WORDS = frozenset("вксуиоаябжя")
_WORD = re.compile("[а-яё]+")


#: what is added to a word's zipf frequency: written texts, from which the frequencies come, are full of the second half
_SPOKEN = (
    (("VERB", "1per"), 0.7), (("VERB", "2per"), 0.7), (("VERB", "impr"), 0.7), (("VERB", "past"), 0.25), (("INFN",), 0.25),
    (("INTJ",), 0.5), (("ADVB",), 0.3), (("PRED",), 0.5), (("Infr",), 0.3),
    (("Dist",), -2.0), (("PRTF",), -1.0), (("PRTS",), -0.4), (("GRND",), -1.0), (("V-be",), -1.0), (("Surn",), -2.0),
    (("Geox",), -0.7), (("Name",), -0.4), (("Patr",), -2.0), (("Orgn",), -1.5), (("Trad",), -1.0), (("Abbr",), -2.0),
    (("Arch",), -0.5),
)  # fmt: skip
_UNKNOWN_TO_THE_DICTIONARY = -1.5


def frequent_words(count: int) -> list[str]:
    """The Russian words that one hears most often, the most frequent first."""
    morph = pymorphy3.MorphAnalyzer(lang="ru")
    zipf: dict[str, float] = {}
    for word in wordfreq.top_n_list("ru", count * 3):
        if _WORD.fullmatch(word) and (len(word) > 1 or word in ONE_LETTER_WORDS):
            tag = morph.parse(word)[0].tag
            bonus = sum(value for grammemes, value in _SPOKEN if all(grammeme in tag for grammeme in grammemes))
            bonus += 0.0 if morph.word_is_known(word) else _UNKNOWN_TO_THE_DICTIONARY
            zipf[word] = wordfreq.zipf_frequency(word, "ru") + bonus
    return sorted(zipf, key=lambda word: -zipf[word])[:count]


def sequences(rng: random.Random, words: list[str]) -> Iterator[str]:
    """Endless phrases of 1..6 words: function words by frequency, the others mostly in turn so that all are covered."""
    function_words, content = words[:150], words[150:]
    function_weights = [wordfreq.word_frequency(word, "ru") ** 0.7 for word in function_words]
    weights = [wordfreq.word_frequency(word, "ru") ** 0.45 for word in words]
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
