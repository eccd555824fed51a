import numpy as np
import pytest

from voicebot.hearing.voicing import VOICED, Voicing, periodicity


def best(samples: np.ndarray) -> list[float]:
    voicing = Voicing()
    frames = [samples[at : at + 160].astype("<i2").tobytes() for at in range(0, len(samples) - 159, 160)]
    found = []
    for frame in frames:
        voicing.add(frame)
        found.append(periodicity(voicing.window()))
    return found[1:]


@pytest.mark.parametrize("pitch_hz", [75, 120, 220, 390])
def test_a_pulse_train_has_a_pitch(pitch_hz: int) -> None:
    phase = np.arange(3200) * pitch_hz / 8000 % 1
    voice = 8000 * np.exp(-phase * 6) * np.sin(2 * np.pi * 3 * phase)
    assert min(best(voice)) > VOICED


def test_noise_has_none() -> None:
    rng = np.random.default_rng(1)
    assert max(best(rng.normal(0, 3000, 16000))) < VOICED


def test_silence_and_a_constant_have_none() -> None:
    assert max(best(np.zeros(1600))) == 0.0
    assert max(best(np.full(1600, 1000.0))[1:]) <= 0.0


def test_a_vowel_in_noise_keeps_its_pitch() -> None:
    rng = np.random.default_rng(2)
    time = np.arange(3200) / 8000
    vowel = sum(3000 / n * np.sin(2 * np.pi * 150 * n * time) for n in range(1, 8))
    noisy = vowel + rng.normal(0, np.sqrt(np.mean(vowel**2)) / 3.16, 3200)  # 10 dB
    assert min(best(noisy)) > VOICED


def test_wind_and_rumble_have_none() -> None:
    rng = np.random.default_rng(3)
    rumble = np.cumsum(rng.normal(0, 300, 16000))
    rumble -= np.convolve(rumble, np.ones(200) / 200, "same")
    assert np.mean([value > VOICED for value in best(rumble)]) < 0.05
