import numpy as np
import pytest

from voicebot.audio.pcm import Pcm


def test_the_rate_travels_with_the_samples() -> None:
    sound = Pcm.from_bytes(8000, b"\x01\x00\xff\xff")
    assert list(sound.samples) == [1, -1]
    assert sound.to_bytes() == b"\x01\x00\xff\xff"
    assert Pcm.silence(8000, 20).duration_ms == 20
    assert len((sound + Pcm.silence(8000, 1)).samples) == 10


def test_rates_are_not_mixed_and_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="cannot join"):
        Pcm.silence(8000, 20) + Pcm.silence(16000, 20)
    with pytest.raises(TypeError):
        Pcm(8000, np.zeros(10, dtype=np.float32))  # type: ignore[arg-type]
