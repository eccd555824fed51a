"""The recipe's graph: words that end alike share their endings, and every one is still heard as itself."""

import math
from collections import defaultdict

import pytest

from models.recipe.garbage_unit import GARBAGE
from models.recipe.graph import _HEARD_IN_PAUSES, Costs, PronunciationGraph, language_model_arcs
from models.recipe.ngrams import BEGIN as SENTENCE_BEGIN
from models.recipe.ngrams import estimate
from voicebot.vocabulary.phones import SINGLE, forward_id, phone

UNITS = ["SIL", "a", "d", "g", "n", "o", "r", "t", "v", GARBAGE]
WORDS = {
    "города": "g a r a d a", "вода": "v a d a", "год": "g o t", "года": "g o d a", "рот": "r o t", "да": "d a", "а": "a",
    "ворот": "v o r a t", "наворот": "n a v a r o t", "кот": "k o t", "род": "r o t",
}  # fmt: skip


@pytest.fixture
def graph() -> PronunciationGraph:
    made = PronunciationGraph(UNITS, Costs())
    made.add_words((number, tuple(units.split())) for number, units in enumerate(WORDS.values(), start=1))
    return made


def said_by(graph: PronunciationGraph) -> dict[str, set[str]]:
    """Word -> its transcriptions along paths from where words begin to where they end; every path's cost is a word's."""
    arcs = defaultdict(list)
    for source, target, label, word, cost in graph.arcs:
        if source != target:
            arcs[source].append((target, label, word, cost))
    names = {forward_id(phone(UNITS.index(unit), place)): unit for unit in UNITS[1:] for place in range(4)}
    found: dict[str, set[str]] = defaultdict(set)

    def walk(state: int, units: tuple[str, ...], words: tuple[int, ...], cost: float) -> None:
        if state == graph._end:
            assert len(words) == 1
            assert cost == pytest.approx(graph.costs.word + (graph.costs.short_word if len(units) == 1 else 0))
            found[list(WORDS)[words[0] - 1]].add(" ".join(units))
            return
        for target, label, word, more in arcs[state]:
            walk(target, units + ((names[label],) if label in names else ()), words + ((word,) if word else ()), cost + more)

    walk(graph._core, (), (), 0.0)
    return found


def test_every_word_is_said_in_its_own_sounds(graph: PronunciationGraph) -> None:
    assert said_by(graph) == {word: {units} for word, units in WORDS.items() if word != "кот"}  # no k among the units


def test_endings_are_shared(graph: PronunciationGraph) -> None:
    plain = sum(len(units.split()) for units in WORDS.values())
    states = {arc[0] for arc in graph.arcs} | {arc[1] for arc in graph.arcs}
    assert len(states) < plain


def test_garbage_is_a_sound_of_its_own_and_in_no_other_word(graph: PronunciationGraph) -> None:
    graph.add_unknown(99)
    label = forward_id(phone(UNITS.index(GARBAGE), SINGLE))
    entering = [arc for arc in graph.arcs if arc[2] == label]
    assert sorted(arc[4] for arc in entering) == [pytest.approx(Costs().garbage - Costs().unknown), Costs().ignored_garbage]
    others = {forward_id(phone(UNITS.index(GARBAGE), place)) for place in range(3)}
    assert not [arc for arc in graph.arcs if arc[2] in others]


def test_what_is_heard_in_pauses_costs_more_than_the_language_model_says() -> None:
    model = estimate([["я", "приду"], ["да"]] * 20, {"я": 0.5, "приду": 0.3, "да": 0.2}, vocabulary={"я", "приду", "да"})
    arcs, _, start = language_model_arcs(model, {"я": 1, "приду": 2, "да": 3})
    costs = {label: cost for source, _, label, _, cost in arcs if source == start and label}
    assert costs[3] == pytest.approx(-math.log(model.probability((SENTENCE_BEGIN,), "да")))
    assert costs[1] == pytest.approx(-math.log(model.probability((SENTENCE_BEGIN,), "я")) + _HEARD_IN_PAUSES["я"])
