"""OpenFst's files "const" and "olabel_lookahead" (OpenFst 1.7) as arrays: read, changed, written without the library.

const: a header, then states (final cost, first arc, arcs, arcs without input, arcs without output), then arcs (input,
output, cost, target). olabel_lookahead: a header, an add-on magic number, a const FST, then for each state the output
labels that it reaches before any other output, as intervals.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voicebot.vocabulary.errors import DamagedModel

STATE = np.dtype([("final", "<f4"), ("first", "<u4"), ("arcs", "<u4"), ("no_input", "<u4"), ("no_output", "<u4")])
ARC = np.dtype([("input", "<i4"), ("output", "<i4"), ("cost", "<f4"), ("target", "<i4")])
NO_LABEL = 0

_MAGIC = 2125659606
_ADD_ON_MAGIC = 446681434
_CONST_VERSION = 2  # 1 is the aligned layout
_LOOKAHEAD = "olabel_lookahead"
# an add-on, none for input labels, one for output labels, which reaches outputs and keeps no renumbering
_ADD_ON_PREFIX = bytes((1, 0, 1, 0, 0))
# of the properties in a header only these stay true whatever is added; unknown ones are computed when asked for
_STATIC_PROPERTIES = 0x7
_SORTED_BY = {"input": 0x1000_0000, "output": 0x4000_0000}
_CURE = "Fetch the model again, or restore it from the repository."

Interval = tuple[int, int]
"""Labels from the first up to, but without, the second."""


@dataclass
class Fst:
    """A transducer over the tropical semiring; the arcs of each state lie together, sorted by one of the labels."""

    start: int
    states: NDArray[np.void]
    arcs: NDArray[np.void]

    def arcs_of(self, state: int) -> NDArray[np.void]:
        first = int(self.states["first"][state])
        return self.arcs[first : first + int(self.states["arcs"][state])]

    def sources(self) -> NDArray[np.int64]:
        """The state each arc leaves; arcs must lie in the order of states (`in_order`)."""
        return np.repeat(np.arange(len(self.states)), self.states["arcs"].astype(np.int64))

    def insert(self, sources: NDArray[np.int64], arcs: NDArray[np.void], new_states: int, by: str) -> "Fst":
        """Return this transducer with further arcs, each leaving its source, and new states that are not final."""
        count = len(self.states) + new_states
        all_sources = np.concatenate([self.sources(), sources])
        all_arcs = np.concatenate([self.arcs, arcs])
        order = np.lexsort((all_arcs[by], all_sources))
        all_sources, all_arcs = all_sources[order], all_arcs[order]
        states = np.zeros(count, STATE)
        states["final"] = np.inf
        states["final"][: len(self.states)] = self.states["final"]
        states["arcs"] = np.bincount(all_sources, minlength=count)
        states["first"] = np.cumsum(states["arcs"]) - states["arcs"]
        states["no_input"] = np.bincount(all_sources[all_arcs["input"] == NO_LABEL], minlength=count)
        states["no_output"] = np.bincount(all_sources[all_arcs["output"] == NO_LABEL], minlength=count)
        return Fst(self.start, states, all_arcs)


@dataclass
class Lookahead:
    """An output look-ahead transducer. `reach`: for each state the labels it reaches, `final_label` standing for an end."""

    fst: Fst
    final_label: int
    reach: list[tuple[Interval, ...]]


class Reader:
    """A file read from its beginning; whatever is wrong with it is a DamagedModel."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.data = path.read_bytes()
        except OSError as error:
            raise DamagedModel(f"{path} cannot be read: {error.strerror}.", _CURE) from None
        self.place = 0

    def take(self, format_: str) -> int:
        try:
            (value,) = struct.unpack_from(format_, self.data, self.place)
        except struct.error:
            raise self.damaged("it ends too early") from None
        self.place += struct.calcsize(format_)
        return int(value)

    def bytes(self, count: int) -> bytes:
        if count < 0 or self.place + count > len(self.data):
            raise self.damaged("it ends too early")
        self.place += count
        return self.data[self.place - count : self.place]

    def array(self, kind: np.dtype[Any], count: int) -> NDArray[Any]:
        if count < 0:
            raise self.damaged("it counts what it holds wrongly")
        return np.frombuffer(self.bytes(count * kind.itemsize), kind)

    def damaged(self, what: str) -> DamagedModel:
        return DamagedModel(f"{self.path} is damaged: {what}.", _CURE)

    def type(self) -> str:
        """What kind of transducer it says it is; reading goes on at the beginning."""
        self.place = 4
        kind = self.bytes(self.take("<i")).decode(errors="replace")
        self.place = 0
        return kind

    def header(self, type_: str, version: int) -> tuple[int, int, int]:
        """Return start, number of states, number of arcs."""
        if self.take("<i") != _MAGIC:
            raise self.damaged("it is no transducer")
        found = self.bytes(self.take("<i")).decode(errors="replace")
        arc_type = self.bytes(self.take("<i")).decode(errors="replace")
        found_version, flags = self.take("<i"), self.take("<i")
        self.take("<Q")
        start, states, arcs = self.take("<q"), self.take("<q"), self.take("<q")
        if (found, arc_type, found_version, flags) != (type_, "standard", version, 0):
            raise self.damaged(f"it is a transducer of another kind ({found} of {arc_type}, {found_version}, {flags})")
        return start, states, arcs

    def const(self) -> Fst:
        start, state_count, arc_count = self.header("const", _CONST_VERSION)
        states, arcs = self.array(STATE, state_count), self.array(ARC, arc_count)
        ends = states["first"].astype(np.int64) + states["arcs"]
        targets = arcs["target"]
        if not 0 <= start < state_count or (len(ends) and ends.max() > arc_count):
            raise self.damaged("its states lead outside")
        if arc_count and not (targets.min() >= 0 and targets.max() < state_count):
            raise self.damaged("its arcs lead outside")
        order = np.argsort(states["first"], kind="stable")
        if int(states["arcs"].sum()) != arc_count or np.any(np.diff(order[states["arcs"][order] > 0]) < 0):
            raise self.damaged("its arcs are not in the order of its states")
        return Fst(start, states, arcs)

    def end(self) -> None:
        if self.place != len(self.data):
            raise self.damaged("more follows after its end")


def read_const(path: Path) -> Fst:
    """Read a const FST; raise DamagedModel."""
    reader = Reader(path)
    fst = reader.const()
    reader.end()
    return fst


def read_lookahead(path: Path) -> Lookahead:
    """Read an olabel_lookahead FST; raise DamagedModel."""
    reader = Reader(path)
    reader.header(_LOOKAHEAD, 1)
    if reader.take("<i") != _ADD_ON_MAGIC:
        raise reader.damaged("its look-ahead is missing")
    fst = reader.const()
    if reader.bytes(len(_ADD_ON_PREFIX)) != _ADD_ON_PREFIX:
        raise reader.damaged("its look-ahead is of another kind")
    final_label, count = reader.take("<i"), reader.take("<q")
    if count != len(fst.states):
        raise reader.damaged("its look-ahead is of another size")
    reach: list[tuple[Interval, ...]] = []
    for _ in range(count):
        length = reader.take("<q")
        numbers = struct.unpack(f"<{2 * length}i", reader.bytes(8 * length)) if length >= 0 else ()
        reach.append(tuple(zip(numbers[::2], numbers[1::2], strict=True)))
        reader.take("<i")  # how many labels the intervals hold
    reader.end()
    return Lookahead(fst, final_label, reach)


def const_bytes(fst: Fst, sorted_by: str) -> bytes:
    header = _header("const", _CONST_VERSION, fst.start, len(fst.states), len(fst.arcs), sorted_by)
    return header + fst.states.tobytes() + fst.arcs.tobytes()


def lookahead_bytes(graph: Lookahead) -> bytes:
    parts = [
        _header(_LOOKAHEAD, 1, -1, 0, 0, "output"),
        struct.pack("<i", _ADD_ON_MAGIC),
        const_bytes(graph.fst, "output"),
        _ADD_ON_PREFIX,
        struct.pack("<iq", graph.final_label, len(graph.reach)),
    ]
    for intervals in graph.reach:
        numbers = [number for interval in intervals for number in interval]
        held = sum(end - begin for begin, end in intervals)
        parts.append(struct.pack(f"<q{len(numbers)}ii", len(intervals), *numbers, held))
    return b"".join(parts)


def _header(type_: str, version: int, start: int, states: int, arcs: int, sorted_by: str) -> bytes:
    name = type_.encode()
    properties = (0x1 | _SORTED_BY[sorted_by]) & (_STATIC_PROPERTIES | _SORTED_BY[sorted_by])
    return struct.pack(f"<ii{len(name)}si8siiQqqq", _MAGIC, len(name), name, 8, b"standard", version, 0, properties,
                       start, states, arcs)  # fmt: skip
