"""Changing the sampling rate without aliasing (soxr)."""

import numpy as np
import soxr
from numpy.typing import NDArray

from voicebot.audio.pcm import Pcm


def resample(sound: Pcm, rate_hz: int) -> Pcm:
    """Return the whole of `sound` at `rate_hz`: no delay, length in proportion, alias at least 100 dB down."""
    if rate_hz <= 0:
        raise ValueError("a rate is positive")
    if sound.rate_hz == rate_hz or len(sound.samples) == 0:
        return Pcm(rate_hz, sound.samples)
    return Pcm(rate_hz, _int16(soxr.resample(_float(sound.samples), sound.rate_hz, rate_hz, quality="HQ")))


class StreamResampler:
    """Resampling as sound arrives; what comes out lags a few tens of milliseconds and is never lost: call `flush`."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._to_hz = to_hz
        self._stream = None if from_hz == to_hz else soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")

    def feed(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """Take the next samples (any number), return those that are ready (maybe none)."""
        if self._stream is None:
            return samples
        return _int16(self._stream.resample_chunk(_float(samples), last=False))

    def flush(self) -> NDArray[np.int16]:
        """End the sound and return its rest; the resampler then starts anew."""
        if self._stream is None:
            return np.zeros(0, dtype=np.int16)
        rest = _int16(self._stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True))
        self._stream.clear()
        return rest


def _float(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    return samples.astype(np.float32) / np.float32(32768)


def _int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
