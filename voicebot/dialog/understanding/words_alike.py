"""Which of thousands of words a heard one is like (Jaro-Winkler), most of them ruled out by counting letters."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

#: Of what is missing to likeness, Winkler's bonus gives back this share a letter of a common beginning of up to four.
_MOST_BONUS = 0.4


class WordsAlike:
    """Words whose likeness to a heard one is at least `floor`, 0..1.

    Jaro's likeness is at most (m / |a| + m / |b| + 1) / 3, where m letters are common in any order: that is counted for
    all words at once, and only those that may reach the floor are compared.
    """

    def __init__(self, words: Sequence[str], floor: float) -> None:
        self._words = words
        self._floor = floor
        self._lengths = np.array([max(1, len(word)) for word in words], dtype=np.float32)
        self._letters = {letter: np.zeros(len(words), dtype=np.int8) for letter in sorted(set("".join(words)))}
        self._beginning = {letter: np.zeros(len(words), dtype=bool) for letter in self._letters}
        for place, word in enumerate(words):
            for letter in word:
                self._letters[letter][place] += 1
            if word:
                self._beginning[word[0]][place] = True

    def places(self, heard: str) -> NDArray[np.int64]:
        """Places of the words that are like a heard one, which is not empty, in their order."""
        common = np.zeros(len(self._words), dtype=np.int8)
        for letter in set(heard) & self._letters.keys():
            common += np.minimum(self._letters[letter], heard.count(letter))
        jaro = (common / self._lengths + common / len(heard) + 1.0) / 3.0
        if heard[0] in self._beginning:
            jaro += self._beginning[heard[0]] * (_MOST_BONUS * (1.0 - jaro))
        likely = np.nonzero(jaro >= self._floor - 1e-6)[0]
        if not likely.size:
            return likely
        several = [self._words[place] for place in likely.tolist()]
        likeness = process.cdist([heard], several, scorer=JaroWinkler.similarity, score_cutoff=self._floor)[0]
        return likely[np.nonzero(likeness)[0]]
