"""The shipped recogniser on real audio: an unseen voice over the telephone band (tests/fixtures/recogniser)."""

import json
import wave
from pathlib import Path

import pytest
import vosk

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "vosk-embedded-ru"
RECORDINGS = ROOT / "tests" / "fixtures" / "recogniser"
RATE_HZ = 8000
CHUNK_BYTES = 3200  # 0.2 s
LARGEST_MODEL_BYTES = 16 * 1024 * 1024


@pytest.fixture(scope="module")
def model() -> vosk.Model:
    vosk.SetLogLevel(-1)
    return vosk.Model(str(MODEL))


def heard(model: vosk.Model, recording: str, grammar: list[str] | None = None) -> str:
    arguments = [] if grammar is None else [json.dumps(grammar, ensure_ascii=False)]
    recogniser = vosk.KaldiRecognizer(model, RATE_HZ, *arguments)
    with wave.open(str(RECORDINGS / f"{recording}.wav")) as source:
        assert source.getframerate() == RATE_HZ
        audio = source.readframes(source.getnframes())
    parts = []
    for begin in range(0, len(audio), CHUNK_BYTES):
        if recogniser.AcceptWaveform(audio[begin : begin + CHUNK_BYTES]):
            parts.append(json.loads(recogniser.Result())["text"])
    parts.append(json.loads(recogniser.FinalResult())["text"])
    return " ".join(part for part in parts if part)


def test_the_model_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in MODEL.rglob("*") if path.is_file()) <= LARGEST_MODEL_BYTES


@pytest.mark.parametrize(
    ("recording", "words"),
    [("yes", "да"), ("no", "нет"), ("tomorrow", "завтра"), ("date", "двадцать третье ноября")],
)
def test_short_answers_are_heard_with_a_grammar(model: vosk.Model, recording: str, words: str) -> None:
    grammar = ["да", "нет", "завтра", "послезавтра", "двадцать третье ноября", "тридцатое ноября", "[unk]"]
    assert heard(model, recording, grammar) == words


def test_other_speech_is_not_taken_for_an_answer(model: vosk.Model) -> None:
    assert "[unk]" in heard(model, "booking", ["да", "нет", "[unk]"])


def test_a_request_is_heard_openly(model: vosk.Model) -> None:
    words = heard(model, "booking").split()
    assert "терапевту" in words
    assert "завтра" in words


def test_silence_gives_no_words(model: vosk.Model) -> None:
    recogniser = vosk.KaldiRecognizer(model, RATE_HZ)
    recogniser.AcceptWaveform(b"\x00\x00" * RATE_HZ * 2)
    assert json.loads(recogniser.FinalResult())["text"] == ""


@pytest.mark.parametrize("word", ["да", "терапевту", "иванову", "одиннадцатое", "приём", "прием", "[unk]"])
def test_words_a_caller_needs_are_known(model: vosk.Model, word: str) -> None:
    assert model.vosk_model_find_word(word) >= 0


def test_an_unknown_word_can_be_told(model: vosk.Model) -> None:
    """Grammars drop unknown words with a warning only, so the product asks first."""
    assert model.vosk_model_find_word("абырвалгиада") == -1


def test_words_have_times_and_alternatives(model: vosk.Model) -> None:
    recogniser = vosk.KaldiRecognizer(model, RATE_HZ)
    recogniser.SetWords(True)
    recogniser.SetMaxAlternatives(3)
    with wave.open(str(RECORDINGS / "date.wav")) as source:
        seconds = source.getnframes() / RATE_HZ
        recogniser.AcceptWaveform(source.readframes(source.getnframes()))
    best = json.loads(recogniser.FinalResult())["alternatives"][0]
    assert best["result"]
    assert all(0 <= word["start"] < word["end"] <= seconds + 0.1 for word in best["result"])
