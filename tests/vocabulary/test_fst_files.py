"""OpenFst's files as arrays: the shipped graph is read and written back, damaged ones are told."""

from pathlib import Path

import numpy as np
import pytest

from voicebot.vocabulary.errors import DamagedModel
from voicebot.vocabulary.fst import ARC, NO_LABEL, STATE, Fst, const_bytes, lookahead_bytes, read_const, read_lookahead
from voicebot.vocabulary.ngram_fst import read_language_model

GRAPH = Path(__file__).resolve().parents[2] / "models" / "vosk-embedded-ru" / "graph"
HEADER_BYTES = 80


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A const FST of three states with the arcs 0 -> 1 -> 2."""
    states = np.array([(np.inf, 0, 1, 0, 0), (np.inf, 1, 1, 0, 0), (1.5, 2, 0, 0, 0)], STATE)
    one = Fst(0, states, np.array([(1, 1, 0.5, 1), (2, 2, 0.5, 2)], ARC))
    path = tmp_path / "small.fst"
    path.write_bytes(const_bytes(one, "input"))
    return path


def test_what_is_written_back_differs_in_nothing_but_the_known_properties() -> None:
    before = np.frombuffer((GRAPH / "HCLr.fst").read_bytes(), np.uint8)
    after = np.frombuffer(lookahead_bytes(read_lookahead(GRAPH / "HCLr.fst")), np.uint8)
    assert len(after) == len(before)
    differs = np.flatnonzero(before != after)
    # 8 bytes in each of its two headers
    assert len(differs) <= 16
    assert all(place < 2 * HEADER_BYTES for place in differs)


def test_the_shipped_language_model_is_read_whole(tmp_path: Path) -> None:
    fst = read_language_model(GRAPH / "Gr.fst")
    path = tmp_path / "const.fst"
    path.write_bytes(const_bytes(fst, "input"))
    again = read_const(path)
    assert np.array_equal(again.arcs, fst.arcs)
    words = len((GRAPH / "words.txt").read_text(encoding="utf-8").splitlines())
    assert 0.9 * words < len({int(label) for label in fst.arcs["input"]}) < words
    backoffs = np.bincount(fst.sources()[fst.arcs["input"] == NO_LABEL], minlength=len(fst.states))
    assert sorted(set(backoffs.tolist())) == [0, 1]
    assert np.count_nonzero(backoffs == 0) == 1  # the unigrams


def test_arcs_are_inserted_in_order(small: Path, tmp_path: Path) -> None:
    fst = read_const(small)
    wider = fst.insert(np.array([0, 2, 0]), np.array([(3, 3, 0, 3), (5, 0, 0, 0), (0, 1, 0, 2)], ARC), 1, by="input")
    again = tmp_path / "wider.fst"
    again.write_bytes(const_bytes(wider, "input"))
    read = read_const(again)
    assert [[int(arc["input"]) for arc in read.arcs_of(state)] for state in range(4)] == [[0, 1, 3], [2], [5], []]
    assert list(read.states["no_input"]) == [1, 0, 0, 0]
    assert list(read.states["no_output"]) == [0, 0, 1, 0]
    assert list(read.states["final"][:3]) == list(fst.states["final"])
    assert np.isinf(read.states["final"][3])


@pytest.mark.parametrize("kept", [0, 3, 40, 100, -1])
def test_a_truncated_file_is_told(small: Path, kept: int) -> None:
    small.write_bytes(small.read_bytes()[:kept])
    with pytest.raises(DamagedModel, match=r"small\.fst is damaged"):
        read_const(small)


def test_a_truncated_lookahead_is_told(tmp_path: Path) -> None:
    data = (GRAPH / "HCLr.fst").read_bytes()
    path = tmp_path / "HCLr.fst"
    for size in (50, len(data) // 3, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(DamagedModel, match="ends too early"):
            read_lookahead(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(DamagedModel, match="more follows"):
        read_lookahead(path)


def test_another_file_is_told(tmp_path: Path, small: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"no transducer at all, but long enough to be read as one if nobody looked")
    with pytest.raises(DamagedModel, match="no transducer"):
        read_const(path)
    with pytest.raises(DamagedModel, match="another kind"):
        read_lookahead(small)
    with pytest.raises(DamagedModel, match="cannot be read"):
        read_const(tmp_path / "absent")


def test_arcs_that_lead_outside_are_told(small: Path) -> None:
    data = bytearray(small.read_bytes())
    data[-4:] = (99).to_bytes(4, "little")  # the last arc's target
    small.write_bytes(data)
    with pytest.raises(DamagedModel, match="arcs lead outside"):
        read_const(small)
