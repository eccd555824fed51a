"""What words mean, as vectors: those of like meaning lie near each other ("аванс" and "предоплата", "лифт" and "эскалатор").

From a sentence encoder (multilingual-e5-small, Wang et al. 2024, MIT licence) that read each word alone, product-quantised
(Jégou et al. 2011): word_vectors.npz, built by `python -m bench.understanding.vectors`. Nothing of the encoder is needed here.
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).parent / "word_vectors.npz"


class WordVectors:
    """Lemma -> vector of length 1. `codes`: words x parts; `codebook`: parts x 256 x width of a part."""

    def __init__(self, words: Sequence[str], codes: NDArray[np.uint8], codebook: NDArray[np.float32]) -> None:
        self._place = {word: place for place, word in enumerate(words)}
        self._codes, self._codebook = codes, codebook
        self._parts = np.arange(codebook.shape[0])

    @property
    def size(self) -> int:
        """The length of a vector."""
        return int(self._codebook.shape[0] * self._codebook.shape[2])

    def __contains__(self, word: str) -> bool:
        return word in self._place

    def of(self, words: Sequence[str], weight: Callable[[str], float]) -> NDArray[np.float32]:
        """Return the direction of all known words together, each as heavy as `weight` says; zeros where none is known."""
        known = [word for word in words if word in self._place]
        if not known:
            return np.zeros(self.size, np.float32)
        several = self._codebook[self._parts, self._codes[[self._place[word] for word in known]]].reshape(len(known), -1)
        several /= np.maximum(np.linalg.norm(several, axis=1, keepdims=True), 1e-6)
        whole = np.array([weight(word) for word in known], np.float32) @ several
        return np.asarray(whole / max(float(np.linalg.norm(whole)), 1e-6), np.float32)


@cache
def word_vectors() -> WordVectors:
    """The vectors that come with the package (a tenth of a second to read)."""
    with np.load(FILE, allow_pickle=False) as kept:
        return WordVectors(kept["words"].tobytes().decode().split("\n"), kept["codes"], kept["codebook"].astype(np.float32))
