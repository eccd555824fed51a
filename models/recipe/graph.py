"""The decoding graph: pronunciations (HCLr.fst), language model (Gr.fst) and the words' numbers (words.txt).

Vosk composes the two while it decodes and can put a grammar made at run time in the place of Gr.fst.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from voicebot.vocabulary.phones import BEGIN, END, INSIDE, SINGLE, phone, phone_count
from voicebot.vocabulary.trie import Arc, WordTrie

from .fst_tools import compile_text, write_const, write_lookahead
from .lexicon import Pronunciation
from .ngrams import BEGIN as SENTENCE_BEGIN
from .ngrams import END as SENTENCE_END
from .ngrams import History, NgramModel

UNKNOWN = "[unk]"


@dataclass(frozen=True)
class Costs:
    """Negative log-likelihoods added along a path."""

    word: float = 0.7
    #: a word of one unit is easily "heard" in any noise; right after a silence it is more believable
    short_word: float = 0.6
    unknown: float = 3.0
    unknown_unit: float = 2.5
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

    def add_word(self, number: int, pronunciation: Pronunciation) -> None:
        cost = self.costs.word
        if len(pronunciation) == 1:
            self._trie.add(self._core, self._end, number, pronunciation, cost + self.costs.short_word)
            self._trie.add(self.silence, self._end, number, pronunciation, cost)
        else:
            self._trie.add(self._core, self._end, number, pronunciation, cost)

    def add_unknown(self, number: int) -> None:
        """Any two or more units; call it last."""
        cost, units = self.costs.unknown_unit, range(1, len(self.units))
        begin, middle = self._state(), self._state()
        self._trie.most_homophones += 1
        self._arc(self._core, begin, self.last_transition + self.most_homophones, number, self.costs.unknown)
        for unit in units:
            for source, position, target in ((begin, BEGIN, middle), (middle, INSIDE, middle), (middle, END, self._end)):
                self._arc(self._trie.enter(source, unit, position, cost), target)

    def compile(self) -> bytes:
        return compile_text(self.arcs, {self.root: 0.0, self.silence: 0.0}, self.root, "olabel")


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
                arcs.append((source, state_of((*history, word)[-2:]), numbers[word], numbers[word], -math.log(probability)))
    return arcs, finals, states[(SENTENCE_BEGIN,)]


def build(model_folder: Path, units: list[str], lexicon: dict[str, list[Pronunciation]], model: NgramModel,
          costs: Costs | None = None) -> int:  # fmt: skip
    """Writes graph/; returns the number of words."""
    folder = model_folder / "graph"
    (folder / "phones").mkdir(parents=True, exist_ok=True)
    words = sorted(lexicon)
    old = {word: number for number, word in enumerate([*words, UNKNOWN], start=1)}
    pronunciations = PronunciationGraph(units, costs or Costs())
    known = set(units)
    for word in words:
        for variant in lexicon[word]:
            if set(variant) <= known:
                pronunciations.add_word(old[word], variant)
    pronunciations.add_unknown(old[UNKNOWN])
    renumbered = write_lookahead(pronunciations.compile(), folder / "HCLr.fst")
    numbers = {word: renumbered[number] for word, number in old.items() if number in renumbered}
    arcs, finals, start = language_model_arcs(model, numbers)
    write_const(compile_text(arcs, finals, start, "ilabel"), folder / "Gr.fst")
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
