import numpy as np
import pytest

from voicebot.audio.pcm import Pcm
from voicebot.audio.resample import StreamResampler, resample


def tone(hz: float, rate_hz: int, seconds: float = 1.0) -> Pcm:
    time = np.arange(int(rate_hz * seconds)) / rate_hz
    return Pcm(rate_hz, (16000 * np.sin(2 * np.pi * hz * time)).astype(np.int16))


def strength_db(sound: Pcm, hz: float) -> float:
    """Level of one frequency relative to the tone we made (the edges are left out)."""
    middle = sound.samples[len(sound.samples) // 4 : -len(sound.samples) // 4].astype(float)
    window = np.hanning(len(middle))
    wave = np.exp(-2j * np.pi * hz * np.arange(len(middle)) / sound.rate_hz)
    amplitude = 2 * abs(np.dot(middle * window, wave)) / window.sum()
    return 20 * np.log10(max(amplitude, 1e-9) / 16000)


@pytest.mark.parametrize("rate_hz", [16000, 22050, 24000, 44100, 48000])
def test_speech_frequencies_pass(rate_hz: int) -> None:
    for hz in (300, 1000, 3300):
        assert strength_db(resample(tone(hz, rate_hz), 8000), hz) == pytest.approx(0, abs=0.2)


@pytest.mark.parametrize("rate_hz", [16000, 24000, 48000])
def test_what_telephony_cannot_carry_does_not_alias(rate_hz: int) -> None:
    # 5 kHz would come back at 3 kHz if samples were only left out.
    down = resample(tone(5000, rate_hz), 8000)
    assert strength_db(down, 3000) < -80
    assert np.abs(down.samples[100:-100]).max() <= 8


def test_the_length_is_in_proportion() -> None:
    assert len(resample(tone(440, 24000, 0.5), 8000).samples) == 4000
    assert len(resample(tone(440, 8000, 0.5), 48000).samples) == 24000


def test_the_same_rate_and_no_samples_are_left_alone() -> None:
    sound = tone(440, 8000)
    assert resample(sound, 8000).samples is sound.samples
    assert len(resample(Pcm(16000, np.zeros(0, np.int16)), 8000).samples) == 0
    with pytest.raises(ValueError):
        resample(sound, 0)


def test_full_scale_does_not_wrap_round() -> None:
    square = np.where(np.arange(4800) % 480 < 240, 32767, -32768).astype(np.int16)
    down = resample(Pcm(48000, square), 8000).samples.astype(int)
    assert down[10:30].min() > 20000  # overshoot is clipped, not turned to the other sign


@pytest.mark.parametrize(("from_hz", "to_hz"), [(24000, 8000), (8000, 16000), (8000, 8000)])
def test_streaming_gives_the_same_sound_as_the_whole(from_hz: int, to_hz: int) -> None:
    sound = tone(1000, from_hz, 0.5)
    stream = StreamResampler(from_hz, to_hz)
    pieces = [stream.feed(sound.samples[at : at + 331]) for at in range(0, len(sound.samples), 331)]
    streamed = np.concatenate([*pieces, stream.flush()])
    whole = resample(sound, to_hz).samples
    assert abs(len(streamed) - len(whole)) <= 1
    length = min(len(streamed), len(whole))
    assert np.abs(streamed[:length].astype(int) - whole[:length].astype(int)).max() <= 2


def test_a_stream_can_be_used_again_after_flush() -> None:
    sound = tone(1000, 24000, 0.2).samples
    stream = StreamResampler(24000, 8000)
    first = np.concatenate([stream.feed(sound), stream.flush()])
    second = np.concatenate([stream.feed(sound), stream.flush()])
    assert np.array_equal(first, second)
