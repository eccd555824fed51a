"""Telephone sound: level, edges, aliasing, streaming."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from voice_fakes import tone

from voicebot.audio.levels import SILENCE_DB, level_db
from voicebot.audio.pcm import Pcm
from voicebot.voice.telephone import (
    LEADING_MS,
    SPEECH_LEVEL_DB,
    TRAILING_MS,
    TelephoneSound,
    gain_for,
    limit,
    speech_level_db,
    to_telephone,
)


def speech(amplitude: float = 0.3) -> Pcm:
    """Syllables of several tones with pauses between, at 24 kHz."""
    sound = Pcm.silence(24000, 100)
    for hz in (300, 700, 1200, 2100):
        sound = sound + tone(24000, hz, 180, amplitude) + Pcm.silence(24000, 120)
    return sound


@pytest.mark.parametrize("amplitude", [0.02, 0.1, 0.5])
def test_every_voice_comes_out_equally_loud(amplitude: float) -> None:
    sound = speech(amplitude)
    out = to_telephone([sound], gain_for(sound))
    assert speech_level_db(out) == pytest.approx(SPEECH_LEVEL_DB, abs=1)


def test_pauses_do_not_count_as_speech() -> None:
    loud = tone(8000, 400, 1000)
    assert speech_level_db(loud + Pcm.silence(8000, 3000)) == pytest.approx(speech_level_db(loud), abs=0.01)
    assert speech_level_db(Pcm.silence(8000, 500)) == SILENCE_DB
    assert speech_level_db(Pcm.silence(8000, 0)) == SILENCE_DB
    assert gain_for(Pcm.silence(8000, 500)) == 0


def test_silence_at_the_edges_is_cut_and_silence_inside_stays() -> None:
    sound = Pcm.silence(24000, 300) + tone(24000, 500, 400) + Pcm.silence(24000, 500) + tone(24000, 500, 400)
    out = to_telephone([sound + Pcm.silence(24000, 700)], 0)
    assert out.duration_ms == pytest.approx(1300 + LEADING_MS + TRAILING_MS, abs=10)
    loud = np.flatnonzero(np.abs(out.samples) > 1000)
    assert loud[0] / 8 <= 20  # ms until the first sound
    middle = out.samples[8 * (LEADING_MS + 450) : 8 * (LEADING_MS + 850)]
    assert level_db(middle) < -60


def test_the_edges_are_faded() -> None:
    out = to_telephone([tone(24000, 1000, 300)], 0)
    assert abs(int(out.samples[0])) < 300
    assert abs(int(out.samples[-1])) < 300
    assert np.abs(out.samples).max() > 8000


def test_a_tone_above_the_telephone_band_does_not_alias() -> None:
    # 6.5 kHz would come back as 1.5 kHz
    def swelling(hz: float) -> Pcm:  # an abrupt start would hold every frequency
        samples = tone(24000, hz, 1000, 0.5).samples
        return Pcm(24000, (samples * np.hanning(len(samples))).astype(np.int16))

    assert level_db(to_telephone([swelling(1500)], 0).samples) > -15
    assert level_db(to_telephone([swelling(3200)], 0).samples) > -15
    assert len(to_telephone([swelling(4800)], 0).samples) == 0
    assert len(to_telephone([swelling(6500)], 0).samples) == 0


def test_peaks_are_bent_and_quiet_sound_is_untouched() -> None:
    samples = np.linspace(-4, 4, 1001, dtype=np.float32)
    out = limit(samples)
    assert np.abs(out).max() <= 0.951
    assert (np.diff(out) >= 0).all()
    quiet = np.abs(samples) <= 0.5
    assert np.array_equal(out[quiet], samples[quiet])
    loud = to_telephone([tone(24000, 500, 300, 0.9)], 12)
    assert np.abs(loud.samples).max() <= 0.951 * 32767


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=30))
def test_the_sound_does_not_depend_on_how_it_arrives(sizes: list[int]) -> None:
    sound = speech()
    whole = to_telephone([sound], 3.0)
    converter = TelephoneSound(24000, 3.0)
    out, start = [], 0
    for size in [*sizes, len(sound.samples)]:
        out.append(converter.feed(sound.samples[start : start + size]))
        start += size
    out.append(converter.finish())
    streamed = np.concatenate(out)
    assert len(streamed) == len(whole.samples)
    assert np.abs(streamed.astype(int) - whole.samples.astype(int)).max() <= 1


def test_silence_only_becomes_nothing() -> None:
    assert len(to_telephone([Pcm.silence(24000, 1000)], 10).samples) == 0
    assert len(to_telephone([], 10).samples) == 0
