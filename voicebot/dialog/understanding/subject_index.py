"""All names of a catalogue in one index: which of them a phrase holds, by sound, in any case form.

`russian.fuzzy.Index` compares every stretch of a phrase with every name; that is right for dozens of names. A clinic has
ten thousand forms, so here words are compared first (thousands at once), names half of whose letters were heard remain
(tens), and only these are compared with stretches of the phrase. The likeness is the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from voicebot.dialog.understanding.words_alike import WordsAlike
from voicebot.russian.fuzzy import FUNCTION_WORDS, SHORT_LETTERS, Match, alike, rank, sound_key
from voicebot.russian.text import normalise

_K = TypeVar("_K", bound=str)  # kinds of names

_WORD_FLOOR = 0.8
_HEARD_SHARE = 0.5  # of a name's letters, in words like those of the phrase
_INITIALS = 3  # letters: "ээг", "ттг"
_FUNCTION_SOUNDS = frozenset(map(sound_key, FUNCTION_WORDS))
#: Words longer than any name's are cut off; nobody names a service in so many.
_LONGEST_WORDS = 12
_REMEMBERED_WORDS = 20_000
_SCATTERED = 0.95  # the score of a name whose words stand in another order or not together
_SCATTERED_WORDS = 4
_WORDS_BETWEEN = 2


@dataclass(slots=True)
class _Names(Generic[_K]):
    """Names being collected: sound -> who has it, and the words it is made of."""

    owners: dict[str, list[tuple[_K, str, str]]] = field(default_factory=dict)  # sound -> (kind, key, form)
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, kind: _K, key: str, form: str) -> None:
        sounds = tuple(sound_key(word) for word in form.split())
        sound = "".join(sounds)
        if not sound:
            return
        known = self.owners.setdefault(sound, [])
        if all((kind, key) != (other_kind, other) for other_kind, other, _ in known):
            known.append((kind, key, form))
        self.words.setdefault(sound, sounds)


class SubjectIndex(Generic[_K]):
    """Built once from every case form of every name; `matches` then takes a few milliseconds."""

    def __init__(self, forms: Mapping[_K, Mapping[str, Iterator[str] | Sequence[str]]]) -> None:
        """`forms`: kind -> key -> all forms, already declined."""
        names = _Names[_K]()
        for kind, several in forms.items():
            for key, phrases in several.items():
                for phrase in phrases:
                    names.add(kind, key, normalise(phrase))
        self._owners = names.owners
        self._sounds = list(names.words)
        self._words = names.words
        self._lengths = np.array([len(sound) for sound in self._sounds], dtype=np.float32)
        self._counts = np.array([len(names.words[sound]) for sound in self._sounds], dtype=np.int32)
        self._longest = min(_LONGEST_WORDS, int(self._counts.max(initial=0)))
        self._index_words(names)
        self._having = self._by_word()

    def __len__(self) -> int:
        return len(self._sounds)

    def _index_words(self, names: _Names[_K]) -> None:
        """Number the words of the names, and their pairs, which the recogniser may have joined."""
        vocabulary = {part: place for place, part in enumerate(dict.fromkeys(chain.from_iterable(names.words.values())))}
        single = list(vocabulary)
        units: list[int] = []
        weights: list[float] = []
        starts: list[int] = []
        for sound in self._sounds:
            starts.append(len(units))
            parts = names.words[sound]
            for part in (*parts, *(first + second for first, second in pairwise(parts))):
                units.append(vocabulary.setdefault(part, len(vocabulary)))
                weights.append(len(part) / len(sound))
        self._place_of_word = vocabulary
        self._like_single = WordsAlike(single, _WORD_FLOOR)
        self._like_pairs = WordsAlike(list(vocabulary)[len(single) :], _WORD_FLOOR)
        self._pairs_from = len(single)
        self._is_short = np.array([len(word) <= SHORT_LETTERS for word in vocabulary], dtype=bool)
        self._units = np.array(units, dtype=np.int32)
        self._weights = np.array(weights, dtype=np.float32)
        self._starts = np.array(starts, dtype=np.int32)
        self._likes: dict[str, NDArray[np.int64]] = {}

    def _by_word(self) -> dict[str, NDArray[np.int64]]:
        """Word -> the names of a few words that have it."""
        found: dict[str, list[int]] = {}
        for place, sound in enumerate(self._sounds):
            if 2 <= len(self._words[sound]) <= _SCATTERED_WORDS:
                for word in set(self._words[sound]):
                    found.setdefault(word, []).append(place)
        return {word: np.array(places, dtype=np.int64) for word, places in found.items()}

    def matches(
        self, tokens: Sequence[str], floors: Mapping[_K, float], is_barred: Callable[[_K, tuple[int, int]], bool]
    ) -> dict[_K, list[Match]]:
        """The best match of each key, best first, without those inside a longer and no worse one; for each kind of `floors`.

        `is_barred(kind, span)`: these words are no name of that kind.
        """
        best: dict[tuple[_K, str], Match] = {}
        lowest = min(floors.values())
        for span, sound, score in self._like(tokens, lowest):
            for kind, key, form in self._owners[sound]:
                if score < floors.get(kind, 2.0) or is_barred(kind, span):
                    continue
                if score == _SCATTERED:
                    form = " ".join(tokens[span[0] : span[1]])  # every word of it was said
                match = Match(key, score, form, span)
                known = best.get((kind, key))
                if known is None or rank(match) > rank(known):
                    best[(kind, key)] = match
        found: dict[_K, list[Match]] = {}
        for kind in floors:
            own = [match for (other, _), match in best.items() if other == kind]
            kept = [m for m in own if not any(_is_inside(m, other) for other in own if other is not m)]
            found[kind] = sorted(kept, key=rank, reverse=True)
        return found

    def _like(self, tokens: Sequence[str], floor: float) -> Iterator[tuple[tuple[int, int], str, float]]:
        """Stretches of the phrase with the known sounds they are like, and how much."""
        sounds = [sound_key(token) for token in tokens]
        candidates = self._candidates(sounds)
        yield from self._scattered(sounds)
        heard: dict[int, list[tuple[tuple[int, int], str]]] = {}
        for start, end in self._windows(len(tokens)):
            sound = "".join(sounds[start:end])
            if sound in self._owners:
                yield (start, end), sound, 1.0
            elif candidates.size and len(sound) > SHORT_LETTERS and not {tokens[start], tokens[end - 1]} & FUNCTION_WORDS:
                # The recogniser splits and joins words ("гастро энтеролог"): one word more or less may be the same name.
                count = end - start
                for nearby in (count - 1, count, count + 1):
                    heard.setdefault(nearby, []).append(((start, end), sound))
        for count, several in heard.items():
            places = candidates[(self._counts[candidates] == count) & (self._lengths[candidates] > SHORT_LETTERS)]
            if places.size:
                yield from alike(several, [self._sounds[place] for place in places], floor)

    def _scattered(self, sounds: Sequence[str]) -> Iterator[tuple[tuple[int, int], str, float]]:
        """Names all of whose words were said near one another, in any order: "шланг проглотить", "картой можно оплатить"."""
        places: dict[str, int] = {sound: place for place, sound in reversed(list(enumerate(sounds)))}
        having = [self._having[sound] for sound in places if sound in self._having]
        if len(having) < 2:
            return
        said = np.bincount(np.concatenate(having), minlength=len(self._sounds))
        for name in np.nonzero((said >= 2) & (said == self._counts))[0]:
            sound = self._sounds[name]
            words = self._words[sound]
            if len(words) == 2 and not _FUNCTION_SOUNDS.isdisjoint(words):
                continue  # "на лесной дом" is not "на дом"
            found = sorted(places[word] for word in words)
            if found[-1] - found[0] < len(found) + _WORDS_BETWEEN:
                yield (found[0], found[-1] + 1), sound, _SCATTERED

    def _candidates(self, sounds: Sequence[str]) -> NDArray[np.int64]:
        """Names of whose letters half were heard, in single words or in two that the recogniser joined or split."""
        joined = [first + second for first, second in pairwise(sounds)]
        heard = [sound for sound in dict.fromkeys((*sounds, *joined)) if sound]
        if not heard or not self._sounds:
            return np.empty(0, dtype=np.int64)
        is_heard = np.zeros(len(self._is_short), dtype=np.float32)
        for sound in heard:
            is_heard[self._words_like(sound)] = 1.0
        shares = np.add.reduceat(is_heard[self._units] * self._weights, self._starts)
        return np.nonzero(shares >= _HEARD_SHARE)[0]

    def _words_like(self, sound: str) -> NDArray[np.int64]:
        """Places of the names' words that sound so; callers use the same words again and again, so this is remembered."""
        known = self._likes.get(sound)
        if known is not None:
            return known
        places = self._long(self._like_single.places(sound))
        if not places.size and len(sound) > SHORT_LETTERS:
            places = self._long(self._like_pairs.places(sound) + self._pairs_from)
        exact = self._place_of_word.get(sound)
        if exact is not None:
            places = np.append(places, exact)
        if len(self._likes) >= _REMEMBERED_WORDS:
            self._likes.clear()
        self._likes[sound] = places
        return places

    def _long(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Without short words, which are like too many others."""
        kept: NDArray[np.int64] = places[~self._is_short[places]]
        return kept

    def _windows(self, count: int) -> Iterator[tuple[int, int]]:
        for start in range(count):
            for end in range(start + 1, min(count, start + self._longest + 1) + 1):
                yield start, end


def _is_inside(match: Match, other: Match) -> bool:
    """Whether `other` covers the words of `match` and more, and fits about as well."""
    covers = other.span[0] <= match.span[0] and match.span[1] <= other.span[1] and other.span != match.span
    if match.score == 1.0 and len(match.form) <= _INITIALS and match.form not in other.form.split():
        return False  # "ээг сделать" is not "экг сделать"
    if other.score == _SCATTERED and match.score > _SCATTERED:
        # "Моча по нечипоренко сдать" holds "сдать мочу", and is more.
        return covers and 2 * (match.span[1] - match.span[0]) <= other.span[1] - other.span[0]
    return covers and other.score >= match.score - 0.1
