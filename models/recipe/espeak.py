"""espeak-ng's speech in process, through ctypes (about 1 ms a phrase)."""

from __future__ import annotations

import ctypes as c

import numpy as np
from numpy.typing import NDArray

from voicebot.vocabulary.espeak import Espeak as Phonemes

_UTF8, _RATE, _PITCH, _RANGE = 1, 1, 3, 4


class EspeakError(RuntimeError):
    """espeak-ng said nothing."""


class Espeak(Phonemes):
    """The library keeps one state a process: make one object, in one thread."""

    def __init__(self) -> None:
        super().__init__()
        callback_type = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_short), c.c_int, c.c_void_p)
        self._chunks: list[NDArray[np.int16]] = []
        self._callback = callback_type(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)
        self._library.espeak_Synth.argtypes = [c.c_char_p, c.c_size_t, c.c_uint, c.c_int, c.c_uint, c.c_uint, c.c_void_p,
                                               c.c_void_p]  # fmt: skip

    def _collect(self, samples: object, count: int, _events: object) -> int:
        if count > 0 and samples:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())  # type: ignore[arg-type]
        return 0

    def say(self, text: str, words_per_minute: float = 175, pitch: float = 50, pitch_range: float = 50) -> NDArray[np.int16]:
        """Samples at `rate_hz`, in the voice set before."""
        for parameter, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, int(value), 0)
        self._chunks = []
        data = text.encode() + b"\0"
        self._library.espeak_Synth(data, len(data), 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        if not self._chunks:
            raise EspeakError("espeak-ng said nothing")
        return np.concatenate(self._chunks)
