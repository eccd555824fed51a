"""Log-mel features identical to Kaldi's (the tests compare them with kaldi-native-fbank), in batch and with VTLN.

40 bins, 100..3700 Hz, povey window of 25 ms every 10 ms, pre-emphasis 0.97, no dither; input in the range of int16.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .workfolder import RATE_HZ

BINS, LOW_HZ, HIGH_HZ = 40, 100.0, 3700.0
WINDOW, SHIFT, FFT = 200, 80, 256
_PREEMPHASIS = 0.97
_FLOOR = 1.1920929e-7
_WARP_HIGH_HZ = 3300.0
_POVEY = ((0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / (WINDOW - 1))) ** 0.85).astype(np.float32)

#: vocal tract factors that training draws from
WARPS = tuple(round(0.93 + 0.01 * i, 2) for i in range(15))


def _mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64] | float:
    return 1127 * np.log1p(np.asarray(hz) / 700)


def _hz(mel: float) -> float:
    return float(700 * np.expm1(mel / 1127))


def _warped(hz: float, factor: float) -> float:
    """Piecewise linear, the ends of the band fixed."""
    low, high = LOW_HZ * max(1.0, factor), _WARP_HIGH_HZ * min(1.0, factor)
    if hz < low:
        return LOW_HZ + (low / factor - LOW_HZ) / max(low - LOW_HZ, 1e-9) * (hz - LOW_HZ) if low > LOW_HZ else hz
    if hz > high:
        return high / factor + (HIGH_HZ - high / factor) / (HIGH_HZ - high) * (hz - high)
    return hz / factor


@lru_cache(maxsize=64)
def filters(factor: float = 1.0) -> NDArray[np.float32]:
    """Triangular filters (129, 40) on the mel scale."""
    low, high = float(_mel(LOW_HZ)), float(_mel(HIGH_HZ))
    step = (high - low) / (BINS + 1)
    lines = np.asarray(_mel(np.arange(FFT // 2) * RATE_HZ / FFT))
    bank = np.zeros((FFT // 2 + 1, BINS), dtype=np.float32)
    for index in range(BINS):
        edges = [low + (index + k) * step for k in range(3)]
        if factor != 1.0:
            edges = [float(_mel(_warped(_hz(edge), factor))) for edge in edges]
        left, centre, right = edges
        rising, falling = (lines - left) / (centre - left), (right - lines) / (right - centre)
        bank[: FFT // 2, index] = np.clip(np.minimum(rising, falling), 0, None)
    return bank


def log_mel(samples: NDArray[np.float32], factor: float = 1.0) -> NDArray[np.float32]:
    """(n,) at 8 kHz -> (frames, 40), 100 frames a second, only whole windows."""
    count = (len(samples) - WINDOW) // SHIFT + 1
    if count <= 0:
        return np.zeros((0, BINS), dtype=np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), WINDOW)[::SHIFT][:count].copy()
    frames -= frames.mean(axis=1, keepdims=True)
    frames[:, 1:] -= _PREEMPHASIS * frames[:, :-1].copy()
    frames[:, 0] *= 1 - _PREEMPHASIS
    frames *= _POVEY
    spectrum = np.fft.rfft(frames, FFT, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    return np.log(np.maximum(power @ filters(factor), _FLOOR)).astype(np.float32)
