"""Word sequences drawn from the frequent words of the language: no domain, every word often enough to be learnt."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import wordfreq

ONE_LETTER_WORDS = frozenset("вксуиоаябжя")
_WORD = re.compile("[а-яё]+")


def frequent_words(count: int) -> list[str]:
    """The most frequent Russian words, most frequent first."""
    words = []
    for word in wordfreq.top_n_list("ru", count * 2):
        if _WORD.fullmatch(word) and (len(word) > 1 or word in ONE_LETTER_WORDS):
            words.append(word)
            if len(words) == count:
                break
    return words


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
