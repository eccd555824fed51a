"""espeak-ng, the last resort."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from voicebot.errors import ModelError
from voicebot.voice.espeak import EspeakEngine


@pytest.fixture(scope="module")
def engine() -> EspeakEngine:
    return EspeakEngine()


def test_it_speaks(engine: EspeakEngine) -> None:
    sound = engine.synthesise("Скаж+ите, пож+алуйста, к как+ому врач+у вас запис+ать?")
    assert sound.rate_hz == 22050
    assert 2000 < sound.duration_ms < 6000
    assert engine.identity.engine == "espeak"


def test_stress_marks_are_not_read_aloud(engine: EspeakEngine) -> None:
    plain = engine.synthesise("время, время, время").duration_ms
    assert engine.synthesise("вр+емя, вр+емя, вр+емя").duration_ms == pytest.approx(plain, rel=0.02)


def test_the_rate_changes_the_tempo() -> None:
    text = "Ваш+а з+апись на вт+орник подтвержден+а."
    slow, fast = EspeakEngine(rate=0.7).synthesise(text), EspeakEngine(rate=1.5).synthesise(text)
    assert slow.duration_ms > fast.duration_ms * 1.5


def test_two_engines_share_the_library_without_harm(engine: EspeakEngine) -> None:
    other = EspeakEngine(rate=1.5)
    text = "раз два три чет+ыре пять"
    alone = [engine.synthesise(text).duration_ms, other.synthesise(text).duration_ms]
    assert alone[0] > alone[1] * 1.2
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda one: one.synthesise(text).duration_ms, [engine, other] * 5))
    # the library's noise makes no two utterances equal to the sample
    assert together == pytest.approx(alone * 5, rel=0.02)


@pytest.mark.parametrize("text", ["", "...", "\0", "<x>"])
def test_odd_texts_do_no_harm(engine: EspeakEngine, text: str) -> None:
    engine.synthesise(text)
    assert engine.synthesise("Да.").duration_ms > 100


def test_an_unknown_voice_is_refused() -> None:
    with pytest.raises(ModelError, match="no voice"):
        EspeakEngine("elena")
    EspeakEngine()  # the process's voice is Russian again
