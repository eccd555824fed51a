"""How loud a sound is, in dBFS: 0 is a full-scale square wave, a full-scale sine is -3."""

import math
from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

SILENCE_DB = -96.0
_FULL_SCALE_DB = 20.0 * math.log10(32768.0)


def level_db(samples: NDArray[np.int16]) -> float:
    """Return the RMS level of `samples`, never below SILENCE_DB (which an empty array has)."""
    if len(samples) == 0:
        return SILENCE_DB
    scaled = samples.astype(np.float32)
    mean_square = float(np.dot(scaled, scaled)) / len(samples)
    if mean_square <= 0.0:
        return SILENCE_DB
    return max(SILENCE_DB, 10.0 * math.log10(mean_square) - _FULL_SCALE_DB)


def frame_level_db(frame: bytes) -> float:
    """Return the level of little-endian 16-bit samples; empty means silence."""
    return level_db(np.frombuffer(frame, dtype="<i2")) if frame else SILENCE_DB


class RollingLevel:
    """The levels of the last `window_frames` frames."""

    def __init__(self, window_frames: int, initial_db: Iterable[float] = ()) -> None:
        if window_frames < 1:
            raise ValueError("a window holds at least one frame")
        self._levels: deque[float] = deque(initial_db, maxlen=window_frames)

    def add(self, level: float) -> None:
        self._levels.append(level)

    def clear(self) -> None:
        self._levels.clear()

    def drop_newest(self, count: int) -> None:
        """Forget the last `count` frames; what they had pushed out does not come back."""
        for _ in range(min(count, len(self._levels))):
            self._levels.pop()

    def __len__(self) -> int:
        return len(self._levels)

    @property
    def maximum_db(self) -> float:
        return max(self._levels, default=SILENCE_DB)

    def quantile_db(self, share: float) -> float:
        """Return the level that `share` (0..1) of the frames do not exceed; SILENCE_DB when nothing was added."""
        if not self._levels:
            return SILENCE_DB
        ordered = sorted(self._levels)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
