"""The lists of the recognition bench: large enough, apart from each other, and blind."""

import re
from pathlib import Path

import pytest

from bench.recognition.overlap import Drawn, training_sentences
from bench.recognition.texts import DEVELOPMENT, TEST, Line, read, secret_sentences, stressed, unmarked, words_of
from bench.recognition.voices import ESPEAK_VARIANTS, UNSEEN
from models.recipe.rhvoice import HELD_OUT_VOICE, TRAINING_VOICES

RECIPE = Path(__file__).resolve().parents[2] / "models" / "recipe"
DRAWN = 8000
SPOKEN = (*TEST, *DEVELOPMENT, "grammar.txt", "babble.txt", "prompts.tsv")


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return Drawn(training_sentences(DRAWN))


@pytest.mark.parametrize(
    ("name", "least"),
    [("free.txt", 320), ("phrases.tsv", 100), ("grammar.txt", 30), ("outside.txt", 40), ("development.txt", 100)],
)
def test_lists_are_large_and_without_repetitions(name: str, least: int) -> None:
    lines = read(name)
    assert len(lines) >= least
    assert len({line.words for line in lines}) == len(lines)


@pytest.mark.parametrize("name", SPOKEN)
def test_everything_is_written_as_it_is_spoken(name: str) -> None:
    for line in read(name):
        assert line.words, line.written
        assert not re.search(r"[0-9A-Za-z+]", line.written), line.written


@pytest.mark.parametrize("name", [*TEST, *DEVELOPMENT, "grammar.txt", "babble.txt"])
def test_every_utterance_has_its_stress(name: str) -> None:
    assert unmarked(read(name)) == [], "run python -m bench.recognition.marks"


def test_stress_marks_change_no_word_and_stand_before_vowels() -> None:
    for line in read("free.txt"):
        marked = stressed(line)
        assert words_of(marked) == line.words
        assert not re.search(r"\+(?![аеёиоуыэюя])", marked, re.IGNORECASE), marked


def test_what_is_tuned_on_is_not_what_is_tested() -> None:
    tested = {line.words for name in (*TEST, "babble.txt") for line in read(name) if len(line.words) >= 4}
    tuned = {line.words for name in DEVELOPMENT for line in read(name)}
    assert not tested & tuned


def test_free_sentences_are_none_of_the_training_text(drawn: Drawn) -> None:
    lines = read("free.txt")
    assert [line.written for line in lines if drawn.is_whole(line)] == []
    for line in lines:
        known, whole = drawn.known(line, 4)
        assert not whole or known < whole, f"every four words of it stand somewhere in the training text: {line.written}"
    # Everybody's four words ("а можно мне на"): 5.7 % with 40 000 lines of hands.
    assert drawn.overlap(lines).shares[4] < 7.0


def test_overlap_counts() -> None:
    drawn = Drawn([("а", "б", "в", "г"), ("да", "нет", "да")])
    lines = [Line("а б в г"), Line("а б в ю я"), Line("да")]
    found = drawn.overlap(lines)
    assert (found.utterances, found.exact) == (3, 1)
    assert found.shares == {3: 60.0, 4: 33.3, 5: 0.0}  # of 5, 3 and 1 n-grams


def test_secret_sentences_are_in_the_recipes_spelling() -> None:
    secret = secret_sentences()
    assert "ребенок ночью кашлял до рвоты сейчас вялый лежит мультики даже не просит" in secret
    assert "ребёнок ночью кашлял до рвоты сейчас вялый лежит мультики даже не просит" in secret
    assert not any(sentence.count(" ") < 3 for sentence in secret)  # "не надо" is everybody's
    for line in read("development.txt"):
        assert " ".join(line.words) not in secret


def test_the_test_voices_are_none_of_the_training() -> None:
    assert UNSEEN == HELD_OUT_VOICE
    assert UNSEEN not in TRAINING_VOICES
    recipe = (RECIPE / "synthesis.py").read_text(encoding="utf-8")
    assert "klatt4" in recipe  # the table of the variants of training stands there
    for variant in ESPEAK_VARIANTS:
        assert not re.search(rf"\b{variant}\b", recipe), variant


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Нет-нет, вс+ё в+ерно!", ("нет", "нет", "все", "верно")),
        ("э, ну [unk] да", ("ну", "да")),
        ("Что-то ещё?", ("что", "то", "еще")),
        ("...", ()),
    ],
)
def test_words_that_count(text: str, words: tuple[str, ...]) -> None:
    assert words_of(text) == words
