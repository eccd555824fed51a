"""espeak-ng as a pronouncing dictionary: phonemes of Russian text, through ctypes (speak_lib.h of espeak-ng 1.52)."""

import ctypes

import espeakng_loader

from voicebot.errors import ModelError

_CURE = "Reinstall the package espeakng-loader."
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_CHARS_UTF8 = 1
_PHONEME_SEPARATOR = ord("_") << 8


class Espeak:
    """The library keeps one state a process: make one object, in one thread, where nothing else speaks by it."""

    def __init__(self) -> None:
        # the wheel's library: Debian 12's espeak-ng 1.51 misses "-ться" and devoicing inside words
        try:
            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise ModelError(f"espeak-ng cannot be loaded: {error}.", _CURE) from None
        data = str(espeakng_loader.get_data_path()).encode()
        self.rate_hz = int(self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, _INITIALIZE_DONT_EXIT))
        if self.rate_hz <= 0:
            raise ModelError("espeak-ng finds no data.", _CURE)
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        self._library.espeak_TextToPhonemes.argtypes = [ctypes.POINTER(ctypes.c_char_p), ctypes.c_int, ctypes.c_int]
        self.set_voice("ru")

    def set_voice(self, voice: str) -> None:
        """A language with an optional variant: `ru`, `ru+f3`."""
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise ModelError(f'espeak-ng has no voice "{voice}".', _CURE)

    def phonemes(self, text: str) -> str:
        """Return espeak's own phoneme names joined with `_`, stress marks among them."""
        pointer = ctypes.c_char_p(text.encode())
        parts = []
        while pointer.value is not None:
            parts.append(self._library.espeak_TextToPhonemes(ctypes.byref(pointer), _CHARS_UTF8, _PHONEME_SEPARATOR))
        return " ".join(part.decode() for part in parts if part)
