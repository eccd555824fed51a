"""espeak-ng in process, through ctypes: phones of words for the lexicon, and speech (about 1 ms a phrase)."""

from __future__ import annotations

import ctypes as c

import numpy as np
from numpy.typing import NDArray

_SYNCHRONOUS, _UTF8, _RATE, _PITCH, _RANGE = 2, 1, 1, 3, 4
_PHONEME_SEPARATOR = "_"


class EspeakError(RuntimeError):
    """libespeak-ng is missing or refuses a voice."""


class Espeak:
    """The library keeps one state a process: make one object, in one thread."""

    def __init__(self) -> None:
        try:
            # the wheel before the system's: Debian 12's release 1.51 misses "-ться" and devoicing inside words
            import espeakng_loader

            self._library = c.CDLL(espeakng_loader.get_library_path())
            data: bytes | None = str(espeakng_loader.get_data_path()).encode()
        except ImportError:
            try:
                self._library, data = c.CDLL("libespeak-ng.so.1"), None
            except OSError as error:
                raise EspeakError("install PyPI's espeakng-loader or Debian's libespeak-ng1") from error
        library = self._library
        self.rate_hz = int(library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0))
        if self.rate_hz <= 0:
            raise EspeakError("espeak-ng does not find its data")
        callback_type = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_short), c.c_int, c.c_void_p)
        self._chunks: list[NDArray[np.int16]] = []
        self._callback = callback_type(self._collect)
        library.espeak_SetSynthCallback(self._callback)
        library.espeak_Synth.argtypes = [c.c_char_p, c.c_size_t, c.c_uint, c.c_int, c.c_uint, c.c_uint, c.c_void_p,
                                         c.c_void_p]  # fmt: skip
        library.espeak_TextToPhonemes.restype = c.c_char_p
        library.espeak_TextToPhonemes.argtypes = [c.POINTER(c.c_char_p), c.c_int, c.c_int]
        self.set_voice("ru")

    def _collect(self, samples: object, count: int, _events: object) -> int:
        if count > 0 and samples:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())  # type: ignore[arg-type]
        return 0

    def set_voice(self, voice: str) -> None:
        """A language with an optional variant: `ru`, `ru+f3`."""
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise EspeakError(f"espeak-ng has no voice {voice}")

    def phonemes(self, text: str) -> str:
        """espeak's own phoneme names joined with `_`, stress marks among them."""
        pointer = c.c_char_p(text.encode())
        parts = []
        while pointer.value is not None:
            parts.append(self._library.espeak_TextToPhonemes(c.byref(pointer), _UTF8, ord(_PHONEME_SEPARATOR) << 8))
        return " ".join(part.decode() for part in parts if part)

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
