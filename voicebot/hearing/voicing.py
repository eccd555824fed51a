"""Does a sound have a pitch? Vowels have; breath, clicks, rustle and most of a cough have not."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.pcm import FRAME_BYTES, TELEPHONE_HZ

_SHORTEST_LAG: Final = TELEPHONE_HZ // 400  # pitch of 400 Hz: a child, an excited woman
_LONGEST_LAG: Final = TELEPHONE_HZ // 70
VOICED: Final = 0.5
# Wind, hum and rumble lie below a voice's harmonics, line noise above most of them: zeros at 0, 2 and 4 kHz.
_BAND: Final = np.convolve([1, -0.9], np.convolve([1, 1, 1, 1], [1, 1])).astype(np.float32)


class Voicing:
    """Follows the sound frame by frame: the pitch of a low voice needs two of them."""

    def __init__(self) -> None:
        self._before = self._now = bytes(FRAME_BYTES)

    def add(self, frame: bytes) -> None:
        """Take the next 320 bytes."""
        self._before, self._now = self._now, frame

    def window(self) -> NDArray[np.float32]:
        """Return the last two frames; made only where somebody asks: most frames of a call are no voice."""
        return np.frombuffer(self._before + self._now, dtype="<i2").astype(np.float32)


def periodicity(window: NDArray[np.float32]) -> float:
    """Return how alike the sound is to itself one pitch period later: -1 .. 1, noise below 0.3, vowels above 0.6.

    The normalised cross-correlation of pitch trackers (Talkin, 1995), at its best lag between 70 and 400 Hz.
    """
    centred = np.convolve(window, _BAND, mode="valid")
    centred -= centred.mean()
    span = len(centred) - _LONGEST_LAG
    head = centred[:span]
    squares = np.concatenate([[0.0], np.cumsum(centred.astype(np.float64) ** 2)])
    lags = np.arange(_SHORTEST_LAG, _LONGEST_LAG + 1)
    energies = squares[lags + span] - squares[lags]
    products = np.correlate(centred[_SHORTEST_LAG:], head, mode="valid")
    scale = np.sqrt(squares[span] * energies)
    return float(np.max(np.divide(products, scale, out=np.zeros(len(lags)), where=scale > 1.0)))
