"""Names of a catalogue by their words' dictionary forms, in any order and form: "мочу на посев", "швы надо снимать".

`subject_index` compares sounds and knows the case forms that a name has as a whole; callers decline its words one by one.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Generic, TypeVar

from voicebot.russian.fuzzy import Match
from voicebot.russian.morphology import parses
from voicebot.russian.text import listed, normalise

_K = TypeVar("_K", bound=str)  # kinds of names

#: As sure as names of whose words nothing is missing can be whose order is another.
SCORE = 0.94
_LEAST_WORDS, _MOST_WORDS = 2, 4
_BETWEEN = 3  # words that are no part of the name
_FORMLESS = frozenset({"PREP", "CONJ", "PRCL", "NPRO"})
_THINGS = frozenset({"NOUN", "ADJF"})
#: Of what so many things have in their names that it tells nothing: with one of these another word alone is no name.
_EVERYBODYS = listed("анализ врач доктор прием консультация осмотр сделать")


@lru_cache(maxsize=16384)
def _lemmas(word: str) -> tuple[str, ...]:
    """The dictionary forms that a word may be of, a thing's before others; () of prepositions and the like."""
    readings = parses(word)
    if readings[0].tag.POS in _FORMLESS:
        return ()
    things = [one for one in readings if one.tag.POS in _THINGS]
    return tuple(dict.fromkeys(str(one.normal_form).replace("ё", "е") for one in (*things, *readings)))


class LemmaIndex(Generic[_K]):
    """Built once of the names of every kind; a phrase costs as many look-ups as it has words."""

    def __init__(self, forms: Mapping[_K, Mapping[str, Sequence[str]]]) -> None:
        """`forms`: kind -> key -> what it is called."""
        owners: dict[frozenset[str], dict[tuple[_K, str], None]] = defaultdict(dict)
        for kind, several in forms.items():
            for key, names in several.items():
                for name in names:
                    parts = [several[0] for several in map(_lemmas, normalise(name).split()) if several]
                    whole = frozenset(parts)
                    is_telling = len(whole - _EVERYBODYS) >= _LEAST_WORDS
                    if len(whole) == len(parts) and len(parts) <= _MOST_WORDS and is_telling:
                        owners[whole][kind, key] = None
        self._owners = {whole: tuple(several) for whole, several in owners.items()}
        self._names_with: dict[str, list[frozenset[str]]] = defaultdict(list)
        for whole in self._owners:
            self._names_with[min(whole)].append(whole)

    def matches(self, tokens: Sequence[str]) -> Iterator[tuple[_K, Match]]:
        """Every name all of whose words stand near one another, with the words it spans."""
        places: dict[str, list[int]] = defaultdict(list)
        for place, token in enumerate(tokens):
            for lemma in _lemmas(token):
                places[lemma].append(place)
        for lemma in list(places):
            for whole in self._names_with.get(lemma, ()):
                span = _span(whole, places)
                if span is not None:
                    form = " ".join(tokens[span[0] : span[1]])
                    yield from ((kind, Match(key, SCORE, form, span)) for kind, key in self._owners[whole])


def _span(whole: frozenset[str], places: Mapping[str, Sequence[int]]) -> tuple[int, int] | None:
    """The shortest stretch with all these words; None where one is missing or they stand too far apart."""
    if any(lemma not in places for lemma in whole):
        return None
    firsts = next(iter(sorted(whole)))
    best: tuple[int, int] | None = None
    for first in places[firsts]:
        chosen = [min(places[lemma], key=lambda place: abs(place - first)) for lemma in whole]
        span = (min(chosen), max(chosen) + 1)
        if best is None or span[1] - span[0] < best[1] - best[0]:
            best = span
    return best if best is not None and best[1] - best[0] <= len(whole) + _BETWEEN else None
