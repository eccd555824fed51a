"""Phrases as they may come: dressed in small talk, or with words mistaken for others as a recogniser mistakes them."""

import random
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from voicebot.russian.fuzzy import sound_key

_FILLERS = ("ну", "вот", "э", "а", "так", "значит", "это", "ой", "и", "мне", "у вас", "бы", "там", "можно", "да")
_OPENINGS = (
    "здравствуйте", "добрый день", "алло", "девушка", "скажите пожалуйста", "подскажите", "подскажите пожалуйста",
    "здравствуйте подскажите пожалуйста", "алло здравствуйте", "девушка скажите", "а скажите", "добрый вечер", "будьте добры",
    "я хотела узнать", "такой вопрос", "у меня вопрос", "слушайте",
)  # fmt: skip
_CLOSINGS = ("пожалуйста", "спасибо", "будьте добры", "если можно", "да", "алло", "скажите", "а")
_VOWELS = {"о": "а", "а": "о", "е": "и", "и": "е", "я": "е", "ы": "и", "у": "о", "ю": "у"}
_CONSONANTS = {
    "б": "п", "п": "б", "в": "ф", "ф": "в", "г": "к", "к": "г", "д": "т", "т": "д", "ж": "ш", "ш": "ж", "з": "с", "с": "з",
    "щ": "ш", "м": "н", "н": "м",
}  # fmt: skip
_NEAR = 0.55
_NEIGHBOURS = 4
MISHEARD = Path(__file__).parent / "misheard.tsv"
"""What the embedded recogniser makes of words in noise: said, heard, per cent (bench/understanding/confusions.py)."""
_WORSE = 2.5  # a variant is heard worse than the mean phrase: the undamaged one is learnt anyway
_UNMEASURED = 0.25  # chance that a word is damaged of which nothing was measured


@cache
def _misheard_words() -> Mapping[str, tuple[tuple[str, float], ...]]:
    """Words, single and in pairs -> what was heard for them, each with its probability."""
    found: dict[str, list[tuple[str, float]]] = {}
    lines = MISHEARD.read_text(encoding="utf-8").splitlines() if MISHEARD.exists() else []
    for line in lines:
        if not line.startswith("#"):
            said, heard, share = line.split("\t")
            found.setdefault(said, []).append((heard, int(share) / 100))
    return {said: tuple(several) for said, several in found.items()}


class Noise:
    """Changes phrases; what words sound alike is taken from the phrases' own vocabulary."""

    def __init__(self, phrases: Sequence[str], seed: int = 5) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - not for secrets
        self._vocabulary = sorted({word for phrase in phrases for word in phrase.split()})
        self._sounds = [sound_key(word) for word in self._vocabulary]
        self._known_alike: dict[str, tuple[str, ...]] = {}

    def dressed(self, phrase: str) -> str:
        """The phrase in small talk: a greeting before it, thanks behind, a filler within, each by chance."""
        words = phrase.split()
        if self._rng.random() < 0.7:
            words.insert(0, self._rng.choice(_OPENINGS))
        if self._rng.random() < 0.4:
            words.append(self._rng.choice(_CLOSINGS))
        if self._rng.random() < 0.5:
            words.insert(self._rng.randrange(len(words) + 1), self._rng.choice(_FILLERS))
        return " ".join(words)

    def heard(self, phrase: str) -> str:
        """The phrase with words in place of others as the recogniser was heard to put them."""
        words, heard = phrase.split(), list[str]()
        place = 0
        while place < len(words):
            for length in (2, 1):
                chunk = " ".join(words[place : place + length])
                taken = self._instead_of(chunk) if len(chunk.split()) == length else None
                if taken is not None:
                    break
            heard.append(chunk if taken is None else taken)
            place += length
        return " ".join(" ".join(heard).split()) or phrase

    def _instead_of(self, chunk: str) -> str | None:
        """What is heard for one or two words this time; None where they are heard rightly."""
        lot = self._rng.random() / _WORSE
        for heard, share in _misheard_words().get(chunk, ()):
            lot -= share
            if lot < 0:
                return heard
        if " " not in chunk and chunk not in _misheard_words() and len(chunk) > 4 and self._rng.random() < _UNMEASURED:
            return self._rng.choice((*self._alike(chunk), self._misheard(chunk)))
        return None

    def _alike(self, word: str) -> tuple[str, ...]:
        """The words of the vocabulary that sound most like it."""
        if word not in self._known_alike:
            likeness = process.cdist(
                [sound_key(word)], self._sounds, scorer=Levenshtein.normalized_similarity, score_cutoff=_NEAR, workers=1
            )[0]
            near = ((likeness[place], self._vocabulary[place]) for place in likeness.nonzero()[0])
            ordered = sorted((one for one in near if one[1] != word), reverse=True)
            self._known_alike[word] = tuple(other for _, other in ordered[:_NEIGHBOURS])
        return self._known_alike[word]

    def _misheard(self, word: str) -> str:
        letters = list(word)
        for _ in range(self._rng.randint(1, 2)):
            place = self._rng.randrange(len(letters))
            letter = letters[place]
            if letter in _VOWELS:
                letters[place] = _VOWELS[letter]
            elif self._rng.random() < 0.25 and len(letters) > 3:
                letters[place] = ""
            else:
                letters[place] = _CONSONANTS.get(letter, letter)
        return "".join(letters) or word
