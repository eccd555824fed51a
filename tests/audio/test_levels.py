import numpy as np
import pytest

from voicebot.audio.levels import SILENCE_DB, RollingLevel, frame_level_db, level_db


def sine(amplitude: float, samples: int = 8000) -> np.ndarray:
    return (amplitude * 32767 * np.sin(2 * np.pi * 1000 * np.arange(samples) / 8000)).astype(np.int16)


@pytest.mark.parametrize(("amplitude", "expected_db"), [(1.0, -3.01), (0.1, -23.01), (0.01, -43.01)])
def test_a_sine_is_three_db_below_its_peak(amplitude: float, expected_db: float) -> None:
    assert level_db(sine(amplitude)) == pytest.approx(expected_db, abs=0.05)


def test_a_full_scale_square_wave_is_zero_and_does_not_overflow() -> None:
    assert level_db(np.full(160, -32768, dtype=np.int16)) == pytest.approx(0.0)


def test_silence_and_nothing_have_the_lowest_level() -> None:
    assert level_db(np.zeros(160, dtype=np.int16)) == SILENCE_DB
    assert frame_level_db(b"") == SILENCE_DB


def test_bytes_are_little_endian() -> None:
    assert frame_level_db(b"\x00\x40" * 160) == pytest.approx(-6.02, abs=0.01)


def test_rolling_level_forgets_what_left_the_window() -> None:
    rolling = RollingLevel(3)
    for level in (-10.0, -30.0, -40.0):
        rolling.add(level)
    assert rolling.maximum_db == -10.0
    rolling.add(-50.0)
    assert rolling.maximum_db == -30.0
    assert rolling.quantile_db(0.0) == -50.0
    assert rolling.quantile_db(1.0) == -30.0


def test_an_empty_window_is_silence() -> None:
    assert RollingLevel(3).maximum_db == SILENCE_DB
    assert RollingLevel(3).quantile_db(0.5) == SILENCE_DB
    with pytest.raises(ValueError):
        RollingLevel(0)
