"""Names of a catalogue by their words' dictionary forms, in any order and form: "мочу на посев", "швы надо снимать".

`subject_index` compares sounds and knows the case forms that a name has as a whole; callers decline its words one by one.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Generic, TypeVar

from voicebot.russian.fuzzy import Match
from voicebot.russian.morphology import parses
from voicebot.russian.text import listed, normalise

_K = TypeVar("_K", bound=str)  # kinds of names

#: As sure as names of whose words nothing is missing can be whose order is another.
SCORE = 0.94
_LEAST_WORDS, _MOST_WORDS = 2, 4
_BETWEEN = 5  # words that are no part of the name
_FORMLESS = frozenset({"PREP", "CONJ", "PRCL", "NPRO"})
_THINGS = frozenset({"NOUN", "ADJF"})
#: Of what so many things have in their names that it tells nothing: with one of these another word alone is no name.
_EVERYBODYS = listed("анализ врач доктор прием консультация осмотр сделать")
#: Callers leave these out: "хеликобактер дыханием", "днк на отцовство".
_LEFT_OUT = listed("тест сделать сдать")


#: Callers' everyday words for what clinics do and give; on both sides they count as one word.
_SAME = {
    word: common
    for common, words in {
        "удаление": "удалить удалять вырезать вырвать рвать вырывать срезать убрать убирать",
        "прививка": "вакцина вакцинация привиться прививаться привить прививать уколоться",
        "справка": "справочка бумажка бумага",
        "лечение": "лечить полечить вылечить пролечить залечить подлечить",
        "снятие": "снять снимать",
        "проверка": "проверить проверять провериться",
        "просмотр": "посмотреть смотреть глянуть поглядеть",
        "установка": "установить устанавливать поставить ставить вставить",
        "подбор": "подобрать подбирать попробовать примерить",
        "отбеливание": "отбелить отбеливать осветлить",
        "промывание": "промыть промывать",
        "продувание": "продуть продувать продувка",
        "измерение": "измерить измерять мерить померить замерить",
        "прижигание": "прижечь прижигать",
        "вскрытие": "вскрыть вскрывать",
        "прокол": "проколоть прокалывать",
        "комиссия": "медкомиссия",
        "сон": "уснуть заснуть спать усыпить",
        "дыхательный": "дыхание дышать подышать дыхнуть дуть подуть",
    }.items()
    for word in words.split()
}


@lru_cache(maxsize=16384)
def _lemmas(word: str) -> tuple[str, ...]:
    """The dictionary forms that a word may be of, a thing's before others; () of prepositions and the like."""
    readings = parses(word)
    if readings[0].tag.POS in _FORMLESS:
        return ()
    things = [one for one in readings if one.tag.POS in _THINGS]
    forms = (str(one.normal_form).replace("ё", "е") for one in (*things, *readings))
    return tuple(dict.fromkeys(_SAME.get(form, form) for form in forms))


@dataclass(frozen=True, slots=True)
class Own:
    """What of a stretch belongs to a name: how many words it has, and where they (and prepositions among them) stand."""

    count: int
    places: frozenset[int]

    def holds(self, span: tuple[int, int]) -> bool:
        """Whether all words of another match are the name's own: of "холестерин на Парковой с фракциями" the branch is not."""
        return self.places.issuperset(range(*span))


class LemmaIndex(Generic[_K]):
    """Built once of the names of every kind; a phrase costs as many look-ups as it has words."""

    def __init__(self, forms: Mapping[_K, Mapping[str, Sequence[str]]]) -> None:
        """`forms`: kind -> key -> what it is called."""
        owners: dict[frozenset[str], dict[tuple[_K, str], None]] = defaultdict(dict)
        for kind, several in forms.items():
            for key, names in several.items():
                for name in names:
                    for said in _said(name):
                        owners[said][kind, key] = None
        self._owners = {whole: tuple(several) for whole, several in owners.items()}
        self._names_with: dict[str, list[frozenset[str]]] = defaultdict(list)
        for whole in self._owners:
            self._names_with[min(whole)].append(whole)

    def matches(self, tokens: Sequence[str]) -> Iterator[tuple[_K, Match, Own]]:
        """Every name all of whose words stand near one another, with the words it spans, and what of them is its own."""
        places: dict[str, list[int]] = defaultdict(list)
        for place, token in enumerate(tokens):
            for lemma in _lemmas(token):
                places[lemma].append(place)
        for lemma in list(places):
            for whole in self._names_with.get(lemma, ()):
                chosen = _nearest(whole, places)
                if chosen and not any(_is_denied(tokens, place) for place in chosen):
                    span = (min(chosen), max(chosen) + 1)
                    beside = {place for place in range(*span) if not _lemmas(tokens[place])}
                    own = Own(len(whole), frozenset(chosen) | beside)
                    is_together = len(own.places) == span[1] - span[0]
                    form = " ".join(tokens[place] for place in (range(*span) if is_together else sorted(chosen)))
                    yield from ((kind, Match(key, SCORE, form, span), own) for kind, key in self._owners[whole])


def _said(name: str) -> Iterator[frozenset[str]]:
    """The words by which a name is known, each in every dictionary form it may be of ("вен" is "вена"); none of lone words."""
    several = [found for found in map(_lemmas, normalise(name).split()) if found]
    if len(several) > _MOST_WORDS:
        return
    for parts in product(*several):
        whole = frozenset(parts)
        if len(whole) == len(parts):
            tellings = dict.fromkeys((whole, whole - _LEFT_OUT))
            yield from (one for one in tellings if len(one - _EVERYBODYS) >= _LEAST_WORDS)


def _is_denied(tokens: Sequence[str], place: int) -> bool:
    """ "Гастроскопия без всякого сна" is none in sleep."""
    return "без" in tokens[max(0, place - 2) : place] or (place > 0 and tokens[place - 1] == "не")


def _nearest(whole: frozenset[str], places: Mapping[str, Sequence[int]]) -> list[int]:
    """Where all these words stand nearest to one another; [] where one is missing or they stand too far apart."""
    if any(lemma not in places for lemma in whole):
        return []
    firsts = next(iter(sorted(whole)))
    best: list[int] = []
    for first in places[firsts]:
        chosen = [min(places[lemma], key=lambda place: abs(place - first)) for lemma in whole]
        if not best or max(chosen) - min(chosen) < max(best) - min(best):
            best = chosen
    return best if best and max(best) - min(best) < len(whole) + _BETWEEN else []
