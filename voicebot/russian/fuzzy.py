"""Matching what was heard against known names: by sound, in any case form, inside a longer sentence."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler, Levenshtein

from voicebot.russian.nouns import forms as case_forms
from voicebot.russian.text import listed, normalise, words

_VOWELS = str.maketrans({"о": "а", "е": "и", "э": "и", "ы": "и", "й": "и", "ю": "у", "я": "а", "щ": "ш", "ь": "", "ъ": ""})
_CLUSTERS = (
    ("ться", "ца"),
    ("тся", "ца"),
    ("тьс", "ц"),
    ("тс", "ц"),
    ("дс", "ц"),
    ("стн", "сн"),
    ("здн", "зн"),
    ("вств", "ств"),
    ("сч", "щ"),
    ("зч", "щ"),
    ("жч", "щ"),
    ("нг", "н"),
)
_DEVOICED = {"б": "п", "в": "ф", "г": "к", "д": "т", "ж": "ш", "з": "с"}
_VOICELESS = frozenset("пфктшсхцчщ")
#: Sound keys up to this long must fit exactly: "лор" is not "пол".
SHORT_LETTERS = 4
#: Words that begin or end no name; windows do not start or end with them.
FUNCTION_WORDS = listed("в во на к ко с со у о об от до для по за из и а но или не ни да нет же бы ли я мне меня мы нам вы вам")


@lru_cache(maxsize=32768)
def sound_key(word: str) -> str:
    """What a word sounds like, roughly: unstressed vowels merged, consonants devoiced at the end and before voiceless."""
    text = normalise(word).replace(" ", "")
    for cluster, sound in _CLUSTERS:
        text = text.replace(cluster, sound)
    text = text.translate(_VOWELS)
    letters: list[str] = []
    for index, letter in enumerate(text):
        following = text[index + 1] if index + 1 < len(text) else ""
        if letter in _DEVOICED and (not following or following in _VOICELESS):
            letter = _DEVOICED[letter]
        if not letters or letters[-1] != letter:
            letters.append(letter)
    return "".join(letters)


def _key_of_phrase(phrase: str) -> str:
    return "".join(sound_key(word) for word in words(phrase))


def _blend(first: str, second: str) -> float:
    """Jaro-Winkler favours a good beginning, Levenshtein keeps it honest about the rest."""
    return 0.5 * float(JaroWinkler.similarity(first, second)) + 0.5 * float(Levenshtein.normalized_similarity(first, second))


def similarity(a: str, b: str) -> float:
    """How alike two words or phrases sound, 0..1."""
    return _blend(_key_of_phrase(a), _key_of_phrase(b))


@dataclass(frozen=True, slots=True)
class Match:
    """A known thing heard in a sentence: its key, how sure (0..1), the form that fitted, the words it took [start, end)."""

    key: str
    score: float
    form: str
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several known things fit about equally well; best first. Ask which."""

    candidates: tuple[Match, ...]


class Index:
    """Synonyms of many things, expanded to every case form and prepared once; `find` then takes a few milliseconds."""

    def __init__(self, forms: Mapping[str, Sequence[str]]) -> None:
        """`forms`: key -> nominative synonyms."""
        entries: dict[tuple[str, str], str] = {}
        for key, synonyms in forms.items():
            for synonym in synonyms:
                for form in case_forms(synonym) | {normalise(synonym)}:
                    if form:
                        entries.setdefault((key, _key_of_phrase(form)), form)
        # Namesakes share a sound: each sound is compared once.
        self._of_sound: dict[str, list[tuple[str, str]]] = {}
        by_words: dict[int, dict[str, None]] = {}
        for (key, sound), form in entries.items():
            self._of_sound.setdefault(sound, []).append((key, form))
            by_words.setdefault(len(form.split()), {})[sound] = None
        self._longest = max(by_words, default=0)
        self._sounds_by_words = {
            count: [sound for sound in sounds if len(sound) > SHORT_LETTERS] for count, sounds in by_words.items()
        }

    def matches(self, text: str, floor: float = 0.8) -> list[Match]:
        """The best match of each key, best first, without those inside a longer and no worse one."""
        tokens = words(text)
        best: dict[str, Match] = {}
        for (start, end), sound, score in self._like(tokens, floor):
            for key, form in self._of_sound[sound]:
                match = Match(key, score, form, (start, end))
                known = best.get(key)
                if known is None or rank(match) > rank(known):
                    best[key] = match
        kept = [m for m in best.values() if not any(_is_inside(m, other) for other in best.values() if other is not m)]
        return sorted(kept, key=rank, reverse=True)

    def find(self, text: str, floor: float = 0.8, margin: float = 0.05) -> Match | Ambiguous | None:
        """The one thing that fits, or those that fit about equally (within `margin`), or None (all below `floor`)."""
        found = self.matches(text, floor)
        if not found:
            return None
        close = [match for match in found if match.score >= found[0].score - margin]
        return found[0] if len(close) == 1 else Ambiguous(tuple(close))

    def _windows(self, tokens: list[str]) -> list[tuple[int, int]]:
        windows = []
        for start, first in enumerate(tokens):
            if first in FUNCTION_WORDS:
                continue
            for end in range(start + 1, min(len(tokens), start + self._longest + 1) + 1):
                if tokens[end - 1] not in FUNCTION_WORDS:
                    windows.append((start, end))
        return windows

    def _like(self, tokens: list[str], floor: float) -> Iterator[tuple[tuple[int, int], str, float]]:
        """Windows of the sentence with the known sounds they are like, and how much."""
        unknown: dict[int, list[tuple[tuple[int, int], str]]] = {}
        for window in self._windows(tokens):
            sound = "".join(sound_key(token) for token in tokens[window[0] : window[1]])
            if sound in self._of_sound:
                yield window, sound, 1.0
            elif len(sound) > SHORT_LETTERS:
                # The recogniser splits and joins words ("гастро энтеролог"): one word more or less may be the same phrase.
                count = window[1] - window[0]
                for nearby in (count - 1, count, count + 1):
                    unknown.setdefault(nearby, []).append((window, sound))
        for count, heard in unknown.items():
            known = self._sounds_by_words.get(count)
            if known:
                yield from alike(heard, known, floor)


def alike(
    heard: list[tuple[tuple[int, int], str]], known: list[str], floor: float
) -> Iterator[tuple[tuple[int, int], str, float]]:
    """Stretches of a phrase with the known sounds that they are like, and how much. `heard`: [start, end) and its sound."""
    # Jaro-Winkler is nearly always the higher half of the blend, so what it leaves below the floor is out.
    rough = process.cdist([sound for _, sound in heard], known, scorer=JaroWinkler.similarity, score_cutoff=floor)
    for row, column in zip(*rough.nonzero(), strict=True):
        window, sound = heard[row]
        score = 0.5 * float(rough[row, column]) + 0.5 * float(Levenshtein.normalized_similarity(sound, known[column]))
        if score >= floor:
            yield window, known[column], score


def rank(match: Match) -> tuple[float, int]:
    """The surer match is the greater; of equally sure ones, the longer."""
    return (round(match.score, 3), match.span[1] - match.span[0])


def _is_inside(match: Match, other: Match) -> bool:
    """Whether `other` covers the words of `match` and more, and fits about as well."""
    covers = other.span[0] <= match.span[0] and match.span[1] <= other.span[1] and other.span != match.span
    return covers and other.score >= match.score - 0.1


def best_match(
    text: str, forms: Mapping[str, Sequence[str]], floor: float = 0.8, margin: float = 0.05
) -> Match | Ambiguous | None:
    """One look-up without a kept Index; for short lists (the offered doctors, three branches)."""
    return Index(forms).find(text, floor, margin)
