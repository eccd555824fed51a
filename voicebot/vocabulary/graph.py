"""A clinic's words into a model's decoding graph, in a second and without training or tools.

The look-ahead graph numbers its words so that what a state reaches is an interval. New words get the numbers after all
others and a trie of their own beside the old one, so that no state is renumbered: the few states from which a word may
begin reach one interval more. In the language model they become unigrams. Written for the graphs of models/recipe.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicebot.vocabulary.errors import DamagedModel, FixedVocabulary
from voicebot.vocabulary.folding import Pronunciation
from voicebot.vocabulary.fst import (
    ARC,
    NO_LABEL,
    Fst,
    Interval,
    Lookahead,
    const_bytes,
    lookahead_bytes,
    read_lookahead,
)
from voicebot.vocabulary.ngram_fst import read_language_model
from voicebot.vocabulary.phones import phone_count
from voicebot.vocabulary.trie import WordTrie

UNITS_FILE = "source/units.txt"
GRAPH_FILES = ("graph/HCLr.fst", "graph/Gr.fst", "graph/words.txt", "graph/disambig_tid.int")
PROBABILITY = 3e-5
"""Of an added word, and at least of every word of the clinic: about that of a usual surname in what callers say."""
_CURE = "Fetch the model again, or restore it from the repository."


@dataclass(frozen=True)
class WordGraph:
    """What of a model knows words. `units`: unit -> number; `words`: word -> label; `disambiguation`: labels without sound."""

    units: Mapping[str, int]
    words: Mapping[str, int]
    disambiguation: Sequence[int]
    pronunciations: Lookahead
    language: Fst

    def can_say(self, pronunciations: Iterable[Pronunciation]) -> bool:
        """Whether the model was trained on all units of at least one of the pronunciations."""
        return any(set(units) <= set(self.units) for units in pronunciations)

    def extended(self, additions: Mapping[str, Sequence[Pronunciation]], likely: Collection[str] = ()) -> "WordGraph":
        """Return a graph that knows `additions` too (a known word gets further pronunciations) and makes `likely` likelier.

        Pronunciations with units that the model lacks are left out.
        """
        first = 1 + max(*self.words.values(), self.pronunciations.final_label)
        new = [word for word in sorted(additions) if word not in self.words]
        words = {**self.words, **{word: label for label, word in enumerate(new, start=first)}}
        root = self.pronunciations.fst
        core, end = _core(root), _end(root, min(self.disambiguation))
        usual, short = _word_costs(root, end, min(self.disambiguation))
        states = iter(range(len(root.states), 1 << 31))
        trie = WordTrie(self.units, 2 * phone_count(len(self.units)), lambda: next(states))
        for word in sorted(additions):
            for pronunciation in additions[word]:
                if trie.can_say(pronunciation):
                    trie.add(core, end, words[word], pronunciation, short if len(pronunciation) == 1 else usual)
        pronunciations = _with_trie(self.pronunciations, trie, core, range(first, first + len(new)))
        least = min(self.disambiguation)
        count = max(len(self.disambiguation), trie.most_homophones)
        language = _with_unigrams(
            self.language,
            [words[word] for word in new if not _is_spelled_with_yo(word, words)],
            [words[word] for word in likely if word in self.words],
        )
        return WordGraph(self.units, words, range(least, least + count), pronunciations, language)

    def save(self, model: Path) -> None:
        """Write the graph's files into `model`."""
        (model / "graph").mkdir(parents=True, exist_ok=True)
        by_label = sorted(self.words.items(), key=lambda item: item[1])
        words = "<eps> 0\n" + "".join(f"{word} {label}\n" for word, label in by_label)
        content = (
            lookahead_bytes(self.pronunciations),
            const_bytes(self.language, "input"),
            words.encode(),
            "".join(f"{label}\n" for label in self.disambiguation).encode(),
        )
        for name, data in zip(GRAPH_FILES, content, strict=True):
            (model / name).write_bytes(data)


def load(model: Path) -> WordGraph:
    """Read a model's graph; raise FixedVocabulary where words cannot be added, DamagedModel where a file is wrong."""
    if not (model / UNITS_FILE).is_file() or not (model / GRAPH_FILES[0]).is_file():
        raise FixedVocabulary(
            f"Words cannot be added to {model.name}: it brings no {UNITS_FILE}.",
            "Say it by words the model knows (synonyms), or use the embedded model.",
        )
    try:
        units = (model / UNITS_FILE).read_text(encoding="utf-8").split()
        disambiguation = [int(line) for line in (model / GRAPH_FILES[3]).read_text().split()]
    except (OSError, ValueError) as error:
        raise DamagedModel(f"{model} is damaged: {error}.", _CURE) from None
    first = 2 * phone_count(len(units)) + 1
    if not disambiguation or disambiguation != list(range(first, first + len(disambiguation))):
        raise DamagedModel(f"{model} is damaged: {GRAPH_FILES[3]} does not fit its units.", _CURE)
    graph = read_lookahead(model / GRAPH_FILES[0])
    return WordGraph(
        {unit: number for number, unit in enumerate(units)},
        read_words(model),
        disambiguation,
        graph,
        read_language_model(model / GRAPH_FILES[1]),
    )


def read_words(model: Path) -> dict[str, int]:
    """Return a model's words with their labels, without <eps>; raise DamagedModel."""
    words = {}
    try:
        for line in (model / GRAPH_FILES[2]).read_text(encoding="utf-8").splitlines():
            word, label = line.split()
            words[word] = int(label)
        words.pop("<eps>", None)
    except (OSError, ValueError) as error:
        raise DamagedModel(f"{model / GRAPH_FILES[2]} is damaged: {error}.", _CURE) from None
    if len(words) < 2:
        raise DamagedModel(f"{model / GRAPH_FILES[2]} is damaged: it has no words.", _CURE)
    return words


def _core(graph: Fst) -> int:
    """Where words begin: from the start it is reached without a sound."""
    begins = [int(arc["target"]) for arc in graph.arcs_of(graph.start) if arc["input"] == NO_LABEL == arc["output"]]
    if len(begins) != 1:
        raise FixedVocabulary("This model's graph was not made by models/recipe.", "Make it anew: make -C models/recipe graph.")
    return begins[0]


def _end(graph: Fst, disambiguation: int) -> int:
    """Where words end: what most arcs with a disambiguation label lead to, `disambiguation` being the least of them."""
    targets = graph.arcs["target"][graph.arcs["input"] >= disambiguation]
    if not len(targets):
        raise FixedVocabulary("This model's graph was not made by models/recipe.", "Make it anew: make -C models/recipe graph.")
    return int(np.bincount(targets).argmax())


def _word_costs(graph: Fst, end: int, disambiguation: int) -> tuple[float, float]:
    """The cost of a usual word and of one of one unit, as the model was made."""
    ends = (graph.arcs["input"] >= disambiguation) & (graph.arcs["target"] == end)
    costs = Counter(graph.arcs["cost"][ends].tolist())
    usual = costs.most_common(1)[0][0]
    higher = [cost for cost in costs if cost > usual]
    return usual, (max(higher, key=lambda cost: costs[cost]) if higher else usual)


def _with_trie(graph: Lookahead, trie: WordTrie, core: int, new_labels: range) -> Lookahead:
    old_count = len(graph.fst.states)
    sources = np.array([arc[0] for arc in trie.arcs], np.int64)
    arcs = np.array([(arc[2], arc[3], arc[4], arc[1]) for arc in trie.arcs], ARC)
    new_states = max((arc[1] for arc in trie.arcs), default=old_count - 1) + 1 - old_count
    fst = graph.fst.insert(sources, arcs, max(0, new_states), by="output")
    reach = [*graph.reach, *_reach_of(trie, old_count, max(0, new_states))]
    if len(new_labels):
        for state in _silent_sources(graph.fst, core):
            reach[state] = _joined([*reach[state], (new_labels.start, new_labels.stop)])
    return Lookahead(fst, graph.final_label, reach)


def _reach_of(trie: WordTrie, first_state: int, count: int) -> list[tuple[Interval, ...]]:
    """The labels that each of the trie's states reaches. A state's number is greater than its parent's."""
    labels: list[set[int]] = [set() for _ in range(count)]
    parents: dict[int, int] = {}
    for source, target, _, label, _ in trie.arcs:
        if label:
            labels[source - first_state].add(label)
        elif source != target:
            parents[target] = source
    for state in range(first_state + count - 1, first_state - 1, -1):
        parent = parents[state] - first_state
        if parent >= 0:
            labels[parent] |= labels[state - first_state]
    return [_joined((label, label + 1) for label in sorted(found)) for found in labels]


def _silent_sources(graph: Fst, core: int) -> NDArray[np.int64]:
    """The states from which `core` is reached without putting out a word, itself among them."""
    silent = graph.arcs["output"] == NO_LABEL
    sources, targets = graph.sources()[silent], graph.arcs["target"][silent]
    found = np.zeros(len(graph.states), bool)
    found[core] = True
    while True:
        more = sources[found[targets] & ~found[sources]]
        if not len(more):
            return np.flatnonzero(found)
        found[more] = True


def _joined(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Sorted intervals, neighbours made one."""
    joined: list[Interval] = []
    for begin, end in intervals:
        if joined and joined[-1][1] == begin:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return tuple(joined)


def _is_spelled_with_yo(word: str, words: Mapping[str, int]) -> bool:
    """Whether the word is but the plain spelling of another: then the language model has that one only."""
    places = [place for place, letter in enumerate(word) if letter == "е"]
    return any(word[:place] + "ё" + word[place + 1 :] in words for place in places)


def _with_unigrams(language: Fst, new: Sequence[int], likely: Sequence[int]) -> Fst:
    cost = -math.log(PROBABILITY)
    unigrams = _unigram_state(language)
    first, count = (int(language.states[name][unigrams]) for name in ("first", "arcs"))
    arcs = language.arcs.copy()
    own = slice(first, first + count)
    is_raised = np.isin(arcs["input"][own], likely) & (arcs["cost"][own] > cost)
    arcs["cost"][own] = np.where(is_raised, np.float32(cost), arcs["cost"][own])
    added = np.array([(label, label, cost, unigrams) for label in new], ARC)
    changed = Fst(language.start, language.states, arcs)
    return changed.insert(np.full(len(added), unigrams, np.int64), added, 0, by="input")


def _unigram_state(language: Fst) -> int:
    """Follow the back-offs, arcs without a word, from the start to the state that has none."""
    state = language.start
    for _ in range(8):
        backoffs = [int(arc["target"]) for arc in language.arcs_of(state) if arc["input"] == NO_LABEL]
        if not backoffs:
            return state
        state = backoffs[0]
    raise FixedVocabulary("This model's Gr.fst was not made by models/recipe.", "Make it anew: make -C models/recipe graph.")


def raisable(graph: WordGraph, words: Iterable[str]) -> list[str]:
    """Return those of the known words that `extended(likely=...)` would make likelier."""
    cost = -math.log(PROBABILITY) + 1e-3
    arcs = graph.language.arcs_of(_unigram_state(graph.language))
    rare = set(arcs["input"][arcs["cost"] > cost].tolist())
    return [word for word in words if graph.words.get(word) in rare]
