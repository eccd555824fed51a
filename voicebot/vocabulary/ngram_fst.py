"""OpenFst's file "ngram" (OpenFst 1.7): a back-off language model in less than half the bytes of "const".

A header; the numbers of states, arcs with words and final states; then three rows of bits in words of 64. The first is the
tree of histories as LOUDS: "10", then for every state in order of breadth a 1 for each child and a 0; the last word of a
history is nearest to the root. The second has for every state a 0 and a 1 for each arc, the third a 1 for a final state.
Then come the words of the states (of the start 0, of the root -1) and of the arcs, back-off costs, final costs, costs of
the arcs, and four bytes of no meaning. Where an arc leads is not written: to the state of the longest history that its word
and those before it make.
(Sorensen and Allauzen: Unary data structures for language models, 2011.)
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicebot.vocabulary.fst import ARC, STATE, Fst, Reader, read_const

TYPE = "ngram"
_VERSION = 4
_WORD_BITS = 64

Bits = NDArray[np.bool_]
Numbers = NDArray[np.int64]
Costs = NDArray[np.float32]
Arcs = tuple[Numbers, Numbers, Numbers, Costs]


def read_language_model(path: Path) -> Fst:
    """Read a language model of type ngram or const; raise DamagedModel."""
    reader = Reader(path)
    if reader.type() != TYPE:
        return read_const(path)
    start, count, _ = reader.header(TYPE, _VERSION)
    states, arcs, finals = (reader.take("<Q") for _ in range(3))
    if states != count or not 0 <= start < count or max(arcs, finals) > len(reader.data):
        raise reader.damaged("it counts what it holds wrongly")
    context, future, final = (_bits(reader, size) for size in (2 * states + 1, arcs + states + 1, states))
    labels = reader.array(np.dtype("<i4"), states + 1)[:states].astype(np.int64)
    words = reader.array(np.dtype("<i4"), arcs).astype(np.int64)
    backoffs = reader.array(np.dtype("<f4"), states + 1)[:states]
    final_costs = reader.array(np.dtype("<f4"), finals)
    costs = reader.array(np.dtype("<f4"), arcs)
    reader.take("<i")
    reader.end()
    if (context.sum(), future.sum(), final.sum()) != (states, arcs, finals) or not context[0] or future[0]:
        raise reader.damaged("its rows of bits do not fit their counts")
    # how many histories end before a child's own bit, less the root's, is the number of its parent
    parents = np.cumsum(~context)[context] - 1
    if np.any(parents >= np.arange(states)):
        raise reader.damaged("its histories are in a ring")
    is_in_order = np.diff(parents[1:]) + (np.diff(labels[1:]) > 0) > 0
    if not is_in_order.all() or labels[1:].min(initial=0) < 0 or words.min(initial=1) < 1:
        raise reader.damaged("its histories or its words are not in order")
    sources = np.cumsum(~future)[future] - 1
    targets = _targets(parents, labels, sources, words)
    return _assembled(start, parents, backoffs, (sources, words, targets, costs), (final, final_costs))


def _bits(reader: Reader, size: int) -> Bits:
    """The first `size` bits of as many words of 64 as hold them, the least first."""
    raw = reader.bytes((size + _WORD_BITS - 1) // _WORD_BITS * 8)
    return np.unpackbits(np.frombuffer(raw, np.uint8), count=size, bitorder="little").astype(bool)


def _targets(parents: Numbers, labels: Numbers, sources: Numbers, words: Numbers) -> Numbers:
    """The state of the longest history: an arc's word, then the words of its source's history, the last one first."""
    most = int(max(labels.max(initial=0), words.max(initial=0))) + 1
    keys = parents[1:] * most + labels[1:]  # in order: see read_language_model
    of_one_word = np.zeros(most, np.int64)
    children_of_root = np.flatnonzero(parents[1:] == 0) + 1
    of_one_word[labels[children_of_root]] = children_of_root
    targets = of_one_word[words]
    for way in _ways_from_root(parents):
        going = np.flatnonzero((targets > 0) & (way[sources] > 0))
        wanted = targets[going] * most + labels[way[sources[going]]]
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        is_known = keys[places] == wanted
        targets[going[is_known]] = places[is_known] + 1
        sources = sources.copy()
        sources[going[~is_known]] = 0  # the way ends where the longer history is unknown
    return targets


def _ways_from_root(parents: Numbers) -> list[Numbers]:
    """For every depth from 1 up: each state's ancestor (or itself) at that depth, 0 where it lies higher."""
    depths = np.zeros(len(parents), np.int64)
    for _ in range(8):
        depths = np.where(np.arange(len(parents)) > 0, depths[parents] + 1, 0)
    deepest = int(depths.max(initial=0))
    ways = []
    for depth in range(1, deepest + 1):
        way = np.arange(len(parents))
        for _ in range(deepest):
            way = np.where(depths[way] > depth, parents[way], way)
        ways.append(np.where(depths >= depth, way, 0))
    return ways


def _assembled(start: int, parents: Numbers, backoffs: Costs, arcs: Arcs, finals: tuple[Bits, Costs]) -> Fst:
    """Each state's back-off arc, without a word, then its arcs with words, which lie in order as they are."""
    sources, words, targets, costs = arcs
    count, before = len(parents), np.bincount(sources + 1, minlength=len(parents) + 1)[:-1].cumsum()
    table = np.zeros(count - 1 + len(words), ARC)
    own = np.arange(len(words)) + sources  # as many back-off arcs lie before: one of each state but the root
    table["input"][own] = table["output"][own] = words
    table["cost"][own], table["target"][own] = costs, targets
    down = before[1:] + np.arange(count - 1)
    table["cost"][down], table["target"][down] = backoffs[1:], parents[1:]
    states = np.zeros(count, STATE)
    states["final"] = np.inf
    states["final"][finals[0]] = finals[1]
    states["arcs"] = np.bincount(sources, minlength=count) + (np.arange(count) > 0)
    states["first"] = np.cumsum(states["arcs"]) - states["arcs"]
    states["no_input"] = states["no_output"] = np.arange(count) > 0
    return Fst(start, states, table)
