"""Steady tones: the beep of a mailbox, and the network's own ringing. Speech is never so pure for so long. Pure."""

from collections import deque
from dataclasses import dataclass

import numpy as np

from voicebot.audio.pcm import FRAME_BYTES, TELEPHONE_HZ

LOWEST_HZ = 380.0
HIGHEST_HZ = 1450.0
#: ITU-T E.180: ringing and busy tones here are 425 +- 25 Hz (mailboxes beep at 440 or higher, mostly at 1000).
RINGING_HZ = (410.0, 436.0)

_POINTS = 1024
_WINDOW = np.hanning(320).astype(np.float32)
_LEAST_RMS = 150.0  # -47 dBFS
_SHARE = 0.86  # of the energy within the peak's main lobe
_LOBE_HZ = 60.0  # half of it: 320 samples, Hann
_DRIFT_HZ = 12.0
_HISTORY = 4


@dataclass(frozen=True, slots=True)
class Tone:
    """`hz` None: no tone."""

    hz: float | None = None

    @property
    def is_ringing(self) -> bool:
        return self.hz is not None and RINGING_HZ[0] <= self.hz <= RINGING_HZ[1]

    @property
    def is_beep(self) -> bool:
        return self.hz is not None and not self.is_ringing


class ToneDetector:
    """Judges each 20 ms by it and the 20 ms before."""

    def __init__(self) -> None:
        self._before = np.zeros(FRAME_BYTES // 2, dtype=np.float32)
        self._peaks: deque[float | None] = deque(maxlen=_HISTORY)

    def add(self, frame: bytes) -> Tone:
        """Take 320 bytes (anything shorter is silence); return the tone that has lasted for some frames."""
        if len(frame) != FRAME_BYTES:
            frame = bytes(FRAME_BYTES)
        now = np.frombuffer(frame, dtype="<i2").astype(np.float32)
        window = np.concatenate((self._before, now))
        self._before = now
        self._peaks.append(_peak_hz(window))
        peaks = [peak for peak in self._peaks if peak is not None]
        if len(peaks) < _HISTORY or max(peaks) - min(peaks) > _DRIFT_HZ:
            return Tone()
        return Tone(float(np.median(peaks)))


def _peak_hz(window: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> float | None:
    """The frequency that holds nearly all of the energy, None where none does."""
    if float(np.sqrt(np.mean(window * window))) < _LEAST_RMS:
        return None
    power = np.abs(np.fft.rfft((window - window.mean()) * _WINDOW, _POINTS)) ** 2
    step_hz = TELEPHONE_HZ / _POINTS
    peak = int(np.argmax(power))
    hz = peak * step_hz
    if not LOWEST_HZ <= hz <= HIGHEST_HZ:
        return None
    lobe = round(_LOBE_HZ / step_hz)
    share = power[max(0, peak - lobe) : peak + lobe + 1].sum() / max(float(power.sum()), 1.0)
    return hz if share >= _SHARE else None
