"""The recognition bench with the shipped recogniser and the product's understanding, on recordings of the repository."""

import wave
from pathlib import Path

import numpy as np
import pytest

from bench.recognition import costs, human
from bench.recognition.listening import Listener, best
from bench.recognition.measure import Options, is_answer, measure
from bench.recognition.slots import COMMANDS, WANTED, Judge
from bench.recognition.texts import Line, read, words_of
from bench.recognition.voices import UNSEEN
from bench.robot import EMBEDDED_MODEL
from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.audio.wav import read_sound
from voicebot.dialog.talking import Alternative
from voicebot.errors import StorageError
from voicebot.settings import load
from voicebot.supplies.rhvoice import find_rhvoice

RECORDINGS = Path(__file__).resolve().parents[1] / "fixtures" / "recogniser"


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener(EMBEDDED_MODEL, is_trusted=True)


@pytest.fixture(scope="module")
def judge(listener: Listener) -> Judge:
    return Judge(listener.model)


def recording(name: str) -> np.ndarray:
    return read_sound(RECORDINGS / f"{name}.wav", TELEPHONE_HZ).samples


def test_a_recording_is_heard_openly_and_under_a_grammar(listener: Listener) -> None:
    assert best(listener.hear(recording("yes"), ["да", "нет", "завтра"])) == "да"
    assert "терапевту" in words_of(best(listener.hear(recording("booking"))))
    for spent in (listener.open, listener.grammar):
        assert spent.audio > 0.5
        assert spent.processor > 0
        assert spent.factor is not None


def test_nothing_heard_is_no_word(listener: Listener) -> None:
    assert words_of(best(listener.hear(np.zeros(TELEPHONE_HZ, dtype=np.int16)))) == ()
    assert best([]) == ""


def test_a_word_is_known_in_either_spelling(listener: Listener) -> None:
    assert listener.knows("прием")
    assert listener.knows("еще")
    assert not listener.knows("абырвалгиада")


def test_the_true_words_of_every_answer_mean_something(judge: Judge) -> None:
    """An answer that the product does not understand even when written would count against the recogniser."""
    kinds = {line.kind for line in read("phrases.tsv")}
    assert kinds == {*WANTED, *COMMANDS}
    assert [line.written for line in read("phrases.tsv") if not judge.is_same(line, line.written)] == []


@pytest.mark.parametrize(
    ("kind", "said", "heard", "is_same"),
    [
        ("yes_no", "Да, всё верно.", "да верно", True),
        ("yes_no", "Да, всё верно.", "не верно", False),
        ("datetime", "Завтра в половине десятого.", "завтра в половину десятого", True),
        ("datetime", "Завтра в половине десятого.", "завтра в половине девятого", False),
        ("phone", "Девятьсот двадцать шесть девятьсот девять двадцать семь шестьдесят три.",
         "девятьсот двадцать шесть девятьсот девять двадцать семь шестьдесят", False),
        ("subject", "К доктору Павловой.", "доктору павловой", True),
        ("operator", "Соедините с оператором.", "оператором", True),
        ("goodbye", "Всего доброго.", "", False),
    ],
)  # fmt: skip
def test_the_same_meaning_in_other_words_counts_and_another_does_not(
    judge: Judge, kind: str, said: str, heard: str, is_same: bool
) -> None:
    assert judge.is_same(Line(said, kind), heard) is is_same


def test_the_grammar_decides_as_in_the_product(judge: Judge) -> None:
    openly = [Alternative("не надо", 0.6), Alternative("да", 0.4)]
    assert judge.chosen("yes_no", openly, []) == "не надо"
    assert judge.chosen("yes_no", [], [Alternative("да", 1.0, "grammar")]) == "да"
    assert judge.chosen("yes_no", [], []) == ""


@pytest.mark.parametrize(
    ("heard", "expected"),
    [("в среду", True), ("да да конечно", True), ("в", False), ("не не", False), ("да в", False), ("", False)],
)
def test_a_scrap_of_a_phrase_is_no_answer(heard: str, expected: bool) -> None:
    assert is_answer(heard, ["да", "да конечно", "в среду", "не надо"]) is expected


def test_costs_are_measured_in_a_process_of_their_own(tmp_path: Path) -> None:
    figures = costs.measured(EMBEDDED_MODEL, np.tile(recording("booking"), 2)[:TELEPHONE_HZ], tmp_path)
    assert figures["load, s"]["value"] > 0
    assert figures["memory of the model, MB"]["value"] > 1
    for way in ("open", "30-phrase grammar"):
        assert figures[f"real-time factor, {way}, processor"]["value"] > 0
        assert figures[f"memory of a live recogniser, {way}, MB"]["value"] > 0


def test_prompts_name_files_of_the_package() -> None:
    lines = read("prompts.tsv")
    assert sum(line.kind.startswith("answer\t") for line in lines) >= 60
    assert sum(line.kind.startswith("open\t") for line in lines) >= 60
    if not human.PROMPTS.is_dir():
        pytest.skip(f"not installed: {human.PROMPTS_CURE}")
    names = [line.kind.partition("\t")[2] for line in lines]
    assert [name for name in names if not (human.PROMPTS / f"{name}.wav").exists()] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_model_goes_through_the_grammar_part(tmp_path: Path) -> None:
    cache = load().cache
    files = find_rhvoice(cache)
    if files is None or UNSEEN.lower() not in files.voices:
        pytest.skip("RHVoice's voices are not in the cache: run `make voice`")
    said: list[str] = []
    options = Options(EMBEDDED_MODEL, cache, tmp_path, frozenset({"grammar"}), step=8)
    figures = measure(options, said.append)
    assert "sets" not in figures
    grammar = figures["grammar"]
    assert grammar["answer of 30 right, clean"]["of"] == 12  # every eighth of thirty, in three voices
    assert grammar["answer of 30 right, clean"]["right"] >= 75.0
    assert grammar["other speech rejected"]["right"] >= 75.0
    assert any("grammar, answer of 30 right" in line for line in said)


def test_calls_of_ones_own_are_heard_as_they_came_off_the_line(tmp_path: Path) -> None:
    samples = np.arange(-400, 400, dtype="<i2")
    with wave.open(str(tmp_path / "turn-7.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    (tmp_path / "cases.tsv").write_text("open\tturn-7\tк неврологу, пожалуйста\n", encoding="utf-8")
    (spoken,) = human.recorded(tmp_path)
    assert spoken.line.words == ("к", "неврологу", "пожалуйста")
    assert (spoken.samples == samples).all()


def test_a_folder_without_calls_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"cases\.tsv"):
        list(human.recorded(tmp_path))
