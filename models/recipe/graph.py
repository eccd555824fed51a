"""The decoding graph: pronunciations (HCLr.fst), language model (Gr.fst) and the words' numbers (words.txt).

Vosk composes the two while it decodes and can put a grammar made at run time in the place of Gr.fst.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from voicebot.vocabulary.phones import (
    BEGIN,
    END,
    INSIDE,
    SINGLE,
    forward_id,
    phone,
    phone_count,
    position,
    self_loop_id,
)
from voicebot.vocabulary.trie import Arc, WordTrie

from .fst_tools import compile_text, write_lookahead, write_ngram
from .garbage_unit import GARBAGE
from .lexicon import Pronunciation
from .ngrams import BEGIN as SENTENCE_BEGIN
from .ngrams import END as SENTENCE_END
from .ngrams import History, NgramModel

UNKNOWN = "[unk]"
#: added to the language model's cost: the network hears "я" in many a pause. Of development_fresh.txt's errors 1.5 took
#: 0.3 % of the words, 3 took 0.6 %, and callers do say "я"
_HEARD_IN_PAUSES = {"я": 2.0}


@dataclass(frozen=True)
class Costs:
    """Negative log-likelihoods added along a path."""

    word: float = 0.7
    #: a word of one unit is easily "heard" in any noise; right after a silence it is more believable
    short_word: float = 0.6
    unknown: float = 3.0
    unknown_unit: float = 2.5
    #: a sound that is no word, as `[unk]` and where no word may stand for it
    garbage: float = 1.0
    ignored_garbage: float = 3.0
    silence: float = 0.0


class PronunciationGraph:
    """A trie of words between two states, silence around it, and `[unk]` beside it."""

    def __init__(self, units: list[str], costs: Costs) -> None:
        self.units, self.costs = {unit: number for number, unit in enumerate(units)}, costs
        self.last_transition = 2 * phone_count(len(units))
        states = count()
        self._state = lambda: next(states)
        self._trie = WordTrie(self.units, self.last_transition, self._state)
        self.arcs = self._trie.arcs
        self.root, self._core, self._end = self._state(), self._state(), self._state()
        self.silence = self._trie.enter(self.root, 0, SINGLE, costs.silence)
        for state in (self.root, self.silence):
            self._arc(state, self._core)
        self._arc(self._end, self.root)

    @property
    def most_homophones(self) -> int:
        return self._trie.most_homophones

    def _arc(self, source: int, target: int, label: int = 0, word: int = 0, cost: float = 0.0) -> None:
        self.arcs.append((source, target, label, word, cost))

    def add_words(self, words: Iterable[tuple[int, Pronunciation]]) -> None:
        """Every (number, pronunciation). Call it once: from where a word is the only one it puts out its number, and
        shares what is left of its sounds with all words that end so. That is a third of a plain trie's states.
        """
        words = [(number, pronunciation) for number, pronunciation in words if self._trie.can_say(pronunciation)]
        beginnings = Counter(key for _, units in words for key in _beginnings(units))
        tails: dict[Pronunciation, int] = {}
        for number, units in words:
            alone = next((place for place, key in enumerate(_beginnings(units)) if beginnings[key] == 1), None)
            if len(units) == 1:
                self._trie.add(self._core, self._end, number, units, self.costs.word + self.costs.short_word)
                self._trie.add(self.silence, self._end, number, units, self.costs.word)
            elif alone is None:
                self._trie.add(self._core, self._end, number, units, self.costs.word)
            else:
                source = self._trie.walk(self._core, units, alone)
                first = phone(self.units[units[alone]], position(alone, len(units)))
                self._arc(source, self._tail(tails, units, alone), forward_id(first), number)

    def _tail(self, tails: dict[Pronunciation, int], units: Pronunciation, place: int) -> int:
        """The state in which the unit at `place` sounds, with nothing but the rest of the word before it."""
        rest = (*units[place:], "^" if place == 0 else "")
        if rest not in tails:
            tails[rest] = state = self._state()
            number = phone(self.units[units[place]], position(place, len(units)))
            self._arc(state, state, self_loop_id(number))
            if place == len(units) - 1:
                self._arc(state, self._end, self.last_transition + 1, cost=self.costs.word)
            else:
                after = phone(self.units[units[place + 1]], position(place + 1, len(units)))
                self._arc(state, self._tail(tails, units, place + 1), forward_id(after))
        return tails[rest]

    def add_unknown(self, number: int) -> None:
        """Garbage, or any two or more units; call it last. Garbage that no word stands for is a kind of silence."""
        cost = self.costs.unknown_unit
        spoken = [unit for name, unit in self.units.items() if unit > 0 and name != GARBAGE]
        begin, middle = self._state(), self._state()
        self._trie.most_homophones += 1
        self._arc(self._core, begin, self.last_transition + self.most_homophones, number, self.costs.unknown)
        for unit in spoken:
            for source, place, target in ((begin, BEGIN, middle), (middle, INSIDE, middle), (middle, END, self._end)):
                self._arc(self._trie.enter(source, unit, place, cost), target)
        if garbage := self.units.get(GARBAGE):
            self._arc(self._trie.enter(begin, garbage, SINGLE, self.costs.garbage - self.costs.unknown), self._end)
            self._arc(self._trie.enter(self.root, garbage, SINGLE, self.costs.ignored_garbage), self._core)

    def compile(self) -> bytes:
        return compile_text(self.arcs, {self.root: 0.0, self.silence: 0.0}, self.root, "olabel")


def _beginnings(units: Pronunciation) -> Iterator[tuple[Pronunciation, bool]]:
    """Its beginnings, the last marked as the end of a word, which sounds in a phone of its own."""
    return ((units[: place + 1], place == len(units) - 1) for place in range(len(units)))


def language_model_arcs(model: NgramModel, numbers: dict[str, int]) -> tuple[list[Arc], dict[int, float], int]:
    """Arcs, final costs and start of a back-off acceptor; words without a number are left out."""
    states: dict[History, int] = {(): 0}
    for history in model.probabilities:
        states.setdefault(history, len(states))
    states.setdefault((SENTENCE_BEGIN,), len(states))

    def state_of(ngram: History) -> int:
        while ngram not in states:
            ngram = ngram[1:]
        return states[ngram]

    arcs: list[Arc] = []
    finals: dict[int, float] = {}
    for history, source in states.items():
        if history:
            arcs.append((source, state_of(history[1:]), 0, 0, -math.log(model.backoffs.get(history, 1.0))))
        for word, probability in model.probabilities.get(history, {}).items():
            if word == SENTENCE_END:
                finals[source] = -math.log(probability)
            elif word in numbers:
                cost = _HEARD_IN_PAUSES.get(word, 0.0) - math.log(probability)
                arcs.append((source, state_of((*history, word)[-2:]), numbers[word], numbers[word], cost))
    return arcs, finals, states[(SENTENCE_BEGIN,)]


def build(model_folder: Path, units: list[str], lexicon: dict[str, list[Pronunciation]], model: NgramModel,
          costs: Costs | None = None) -> int:  # fmt: skip
    """Writes graph/; returns the number of words."""
    folder = model_folder / "graph"
    (folder / "phones").mkdir(parents=True, exist_ok=True)
    words = sorted(lexicon)
    old = {word: number for number, word in enumerate([*words, UNKNOWN], start=1)}
    pronunciations = PronunciationGraph(units, costs or Costs())
    pronunciations.add_words((old[word], variant) for word in words for variant in lexicon[word])
    pronunciations.add_unknown(old[UNKNOWN])
    renumbered = write_lookahead(pronunciations.compile(), folder / "HCLr.fst")
    numbers = {word: renumbered[number] for word, number in old.items() if number in renumbered}
    arcs, finals, start = language_model_arcs(model, numbers)
    write_ngram(compile_text(arcs, finals, start, "ilabel"), folder / "Gr.fst")
    rows = ["<eps> 0", *(f"{word} {number}" for word, number in sorted(numbers.items(), key=lambda item: item[1]))]
    (folder / "words.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    first = pronunciations.last_transition + 1
    disambiguation = range(first, first + pronunciations.most_homophones)
    (folder / "disambig_tid.int").write_text("".join(f"{label}\n" for label in disambiguation))
    kinds = ["begin", "internal", "end", "singleton"]
    boundaries = ["1 nonword", "2 internal"]
    boundaries += [f"{phone(unit, kind)} {kinds[kind]}" for unit in range(1, len(units)) for kind in range(4)]
    (folder / "phones/word_boundary.int").write_text("\n".join(boundaries) + "\n")
    return len(numbers) - 1
