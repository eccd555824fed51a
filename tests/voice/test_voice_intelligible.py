"""What the telephone hears of the voice: the embedded recogniser understands it at 8 kHz."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from voicebot.audio.g711 import alaw_decode, alaw_encode
from voicebot.audio.pcm import Pcm
from voicebot.settings import Settings
from voicebot.supplies.rhvoice import find_rhvoice
from voicebot.voice.cache import PromptCache
from voicebot.voice.rhvoice import RhvoiceEngine
from voicebot.voice.speaker import Speaker

MODEL = Path(__file__).resolve().parents[2] / "models" / "vosk-embedded-ru"

# Whole prompts of a clinic, and the words that must come through.
PROMPTS = [
    ("Скаж+ите, пож+алуйста, к как+ому врач+у вас запис+ать?", ["скажите", "пожалуйста", "врачу", "записать"]),
    ("Есть вр+емя во вт+орник, в д+есять час+ов.", ["время", "вторник", "десять", "часов"]),
    ("Вы зап+исаны к терап+евту на четв+ерг.", ["терапевту", "четверг"]),
]


@pytest.fixture(scope="module")
def recogniser() -> "object":
    vosk = pytest.importorskip("vosk")
    if not MODEL.is_dir():
        pytest.skip(f"no embedded model in {MODEL}")
    vosk.SetLogLevel(-1)
    return vosk.Model(str(MODEL))


def heard(recogniser: object, sound: Pcm) -> str:
    """Return what the recogniser makes of `sound` after a telephone line."""
    import vosk

    line = Pcm(8000, alaw_decode(alaw_encode(sound.samples)))
    quiet = Pcm.silence(8000, 400)
    kaldi = vosk.KaldiRecognizer(recogniser, 8000)
    kaldi.AcceptWaveform((quiet + line + quiet).to_bytes())
    return str(json.loads(kaldi.FinalResult())["text"])


@pytest.fixture(scope="module", params=["Elena", "Aleksandr-hq"])
def speaker(request: pytest.FixtureRequest) -> Iterator[Speaker]:
    files = find_rhvoice(Settings().cache)
    if files is None:
        pytest.skip("RHVoice is not in the cache: python -m voicebot.supplies.rhvoice")
    made = Speaker(RhvoiceEngine(files, request.param), PromptCache(None))
    yield made
    made.close()


@pytest.mark.parametrize(("text", "words"), PROMPTS)
def test_the_recogniser_understands_the_robot(recogniser: object, speaker: Speaker, text: str, words: list[str]) -> None:
    said = heard(recogniser, speaker.render(text)).split()
    assert [word for word in words if word not in said] == []


def test_the_referee_is_no_guesser(recogniser: object, speaker: Speaker) -> None:
    # the words above are understood because they are spoken, not because the model expects them
    sound = speaker.render(PROMPTS[0][0])
    noise = np.random.default_rng(1).normal(0, 3000, len(sound.samples)).astype(np.int16)
    said = heard(recogniser, Pcm(8000, noise)).split()
    assert not set(PROMPTS[0][1]) & set(said)
