"""OpenFst's language models of type ngram: read as the arcs they stand for; damaged ones are told."""

import struct
from pathlib import Path

import numpy as np
import pytest

from voicebot.vocabulary.errors import DamagedModel
from voicebot.vocabulary.fst import const_bytes, read_const
from voicebot.vocabulary.ngram_fst import read_language_model

# the histories "", start, "1", "2" and "1 2", in order of breadth; words 1 and 2 follow
TREE = "10" + "1110" + "0" + "0" + "10" + "0"
LABELS = (-1, 0, 1, 2, 1)
FOLLOWERS = ((1, 2), (1,), (2,), (), (1,))
COSTS = (1.0, 2.0, 0.5, 0.25, 0.125)
BACKOFFS = (0.0, 0.1, 0.2, 0.3, 0.4)
FINAL = {0: 3.0, 2: 4.0}


def ngram_bytes(tree: str = TREE, labels: tuple[int, ...] = LABELS) -> bytes:
    """The file as OpenFst 1.7 writes it."""
    words = [word for followers in FOLLOWERS for word in followers]
    counts = (len(labels), len(words), len(FINAL))
    head = struct.pack("<ii5si8siiQqqq", 2125659606, 5, b"ngram", 8, b"standard", 4, 0, 0, 1, len(labels), 0)
    body = struct.pack("<QQQ", *counts)
    future = "".join("0" + "1" * len(followers) for followers in FOLLOWERS)
    final = "".join("01"[state in FINAL] for state in range(len(labels)))
    for bits in (tree, future, final):
        body += sum(1 << place for place, bit in enumerate(bits) if bit == "1").to_bytes(8, "little")
    body += struct.pack(f"<{len(labels) + 1}i{len(words)}i", *labels, 0, *words)
    body += struct.pack(f"<{len(labels) + 1}f", *BACKOFFS, 0.0)
    body += struct.pack(f"<{len(FINAL)}f{len(words)}f", *FINAL.values(), *COSTS)
    return head + body + bytes(4)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_arcs_lead_to_the_longest_known_history(tmp_path: Path) -> None:
    fst = read_language_model(write(tmp_path / "Gr.fst", ngram_bytes()))
    arcs = [
        [(int(arc["input"]), int(arc["target"]), round(float(arc["cost"]), 3)) for arc in fst.arcs_of(state)]
        for state in range(5)
    ]
    assert fst.start == 1
    assert arcs == [
        [(1, 2, 1.0), (2, 3, 2.0)],
        [(0, 0, 0.1), (1, 2, 0.5)],
        [(0, 0, 0.2), (2, 4, 0.25)],  # "2" after "1": the history "1 2"
        [(0, 0, 0.3)],
        [(0, 3, 0.4), (1, 2, 0.125)],  # "1" after "1 2": no history "2 1"
    ]
    assert list(fst.states["final"]) == [3.0, np.inf, 4.0, np.inf, np.inf]
    assert list(fst.states["no_input"]) == [0, 1, 1, 1, 1]


def test_it_is_as_good_as_const(tmp_path: Path) -> None:
    fst = read_language_model(write(tmp_path / "Gr.fst", ngram_bytes()))
    again = read_language_model(write(tmp_path / "const.fst", const_bytes(fst, "input")))
    assert np.array_equal(again.arcs, fst.arcs)
    assert np.array_equal(again.states, fst.states)
    assert np.array_equal(read_const(tmp_path / "const.fst").arcs, fst.arcs)


@pytest.mark.parametrize("kept", [0, 3, 40, 70, 120, -1])
def test_a_truncated_file_is_told(tmp_path: Path, kept: int) -> None:
    with pytest.raises(DamagedModel, match=r"Gr\.fst is damaged"):
        read_language_model(write(tmp_path / "Gr.fst", ngram_bytes()[:kept]))


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (ngram_bytes() + b"\0", "more follows"),
        (ngram_bytes(tree="10" + "1110" + "0" + "0" + "00"), "do not fit"),
        (ngram_bytes(tree="1" * 5 + "0" * 6), "not in order|ring"),
        (ngram_bytes(labels=(-1, 0, 2, 1, 1)), "not in order"),
        (ngram_bytes().replace(b"\x05" + bytes(7), b"\xff" * 8, 1), "counts"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, data: bytes, told: str) -> None:
    with pytest.raises(DamagedModel, match=told):
        read_language_model(write(tmp_path / "Gr.fst", data))
