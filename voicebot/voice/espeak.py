"""espeak-ng through ctypes, from the espeakng-loader wheel: the last resort, hardly intelligible over a telephone.

The C interface is speak_lib.h of espeak-ng 1.52. The library holds one global state, so there is one engine a process.
"""

import ctypes
import threading
from collections.abc import Iterator

import espeakng_loader
import numpy as np
from numpy.typing import NDArray

from voicebot.audio.pcm import Pcm
from voicebot.errors import ModelError
from voicebot.voice.engine import VoiceError, VoiceIdentity

WARNING = (
    "The voice is espeak-ng: hardly intelligible over a telephone. "
    "Fetch RHVoice (python -m voicebot.supplies.rhvoice) or Silero (make models)."
)

_WORDS_PER_MINUTE = 150  # espeak's own 175 is hurried for a telephone
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_DONT_EXIT = 0x8000
_RATE = 1
_CHARS_UTF8 = 1
_POS_CHARACTER = 1
_LICENCE = "GPL-3.0-or-later"

_SOUND_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_one_at_a_time = threading.Lock()  # the library's state is the process's


class EspeakEngine:
    """espeak-ng's Russian voice."""

    is_streaming = False

    def __init__(self, speaker: str = "", rate: float = 1.0) -> None:
        speaker = speaker or "ru"
        try:
            self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        except OSError as error:
            raise ModelError(f"espeak-ng cannot be loaded: {error}.", "Reinstall the package espeakng-loader.") from None
        self._sound: list[NDArray[np.int16]] = []
        self._callback = _SOUND_CALLBACK(self._on_sound)  # kept: the library holds a pointer to it
        with _one_at_a_time:
            data = espeakng_loader.get_data_path().encode()
            self._rate_hz = self._library.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, data, _INITIALIZE_DONT_EXIT)
            if self._rate_hz <= 0:
                raise ModelError("espeak-ng finds no data.", "Reinstall the package espeakng-loader.")
            if self._library.espeak_SetVoiceByName(speaker.encode()) != 0:
                raise ModelError(f'espeak-ng has no voice "{speaker}".', 'Set voice.speaker to "ru", or leave it empty.')
            self._library.espeak_Info.restype = ctypes.c_char_p
            version = self._library.espeak_Info(None).decode()
        self._words_per_minute = round(_WORDS_PER_MINUTE * rate)
        self.identity = VoiceIdentity("espeak", version, speaker, _LICENCE, rate)

    def synthesise(self, text: str) -> Pcm:
        # a "+" would be read as the word plus; espeak-ng has no Russian stress mark that moves its own stress
        data = text.replace("+", "").replace("\0", " ").encode()
        with _one_at_a_time:
            self._sound = []
            self._library.espeak_SetSynthCallback(self._callback)
            self._library.espeak_SetParameter(_RATE, self._words_per_minute, 0)
            status = self._library.espeak_Synth(
                data, ctypes.c_size_t(len(data) + 1), 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None
            )
            if status != 0:
                raise VoiceError(f"espeak-ng refused a text ({status}).")
            sound, self._sound = self._sound, []
        return Pcm(self._rate_hz, np.concatenate(sound) if sound else np.zeros(0, dtype=np.int16))

    def stream(self, text: str) -> Iterator[Pcm]:
        yield self.synthesise(text)

    def close(self) -> None:
        """The library's global state stays: another engine of this process may use it."""

    def _on_sound(self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, _events: object) -> int:
        if samples and count > 0:
            self._sound.append(np.ctypeslib.as_array(samples, (count,)).astype(np.int16, copy=True))
        return 0  # go on
