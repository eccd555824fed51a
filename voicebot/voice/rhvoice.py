"""RHVoice through ctypes: 24 kHz, streaming.

The C interface is RHVoice.h of librhvoice 5 (RHVoice 1.8). One worker thread owns the engine: the library is used from
one thread only, and a listener who is slow or has left never holds up the next text.
"""

import ctypes
import queue
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import structlog
from numpy.typing import NDArray

from voicebot.audio.pcm import Pcm
from voicebot.errors import ModelError
from voicebot.supplies.rhvoice import PERMITTED, RhvoiceFiles
from voicebot.threads import name_thread
from voicebot.voice.engine import VoiceError, VoiceIdentity

log = structlog.get_logger(__name__)

DEFAULT_SPEAKER = "Elena"
NATIVE_HZ = 24000
ANSWER_SECONDS = 20.0  # no sound for so long means that the library hangs

_STRESS = re.compile(r"\+([аеёиоуыэюя])", re.IGNORECASE)

_TEXT_MESSAGE = 0
_INT_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
_SPEECH_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_uint, ctypes.c_void_p)
_NAME_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_PLACE_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p)
_DONE_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class _Callbacks(ctypes.Structure):
    _fields_ = (
        ("set_sample_rate", _INT_CALLBACK),
        ("play_speech", _SPEECH_CALLBACK),
        ("process_mark", _NAME_CALLBACK),
        ("word_starts", _PLACE_CALLBACK),
        ("word_ends", _PLACE_CALLBACK),
        ("sentence_starts", _PLACE_CALLBACK),
        ("sentence_ends", _PLACE_CALLBACK),
        ("play_audio", _NAME_CALLBACK),
        ("done", _DONE_CALLBACK),
    )


class _InitParameters(ctypes.Structure):
    _fields_ = (
        ("data_path", ctypes.c_char_p),
        ("config_path", ctypes.c_char_p),
        ("resource_paths", ctypes.POINTER(ctypes.c_char_p)),
        ("callbacks", _Callbacks),
        ("options", ctypes.c_uint),
    )


class _SynthesisParameters(ctypes.Structure):
    _fields_ = (
        ("voice_profile", ctypes.c_char_p),
        ("absolute_rate", ctypes.c_double),
        ("absolute_pitch", ctypes.c_double),
        ("absolute_volume", ctypes.c_double),
        ("relative_rate", ctypes.c_double),
        ("relative_pitch", ctypes.c_double),
        ("relative_volume", ctypes.c_double),
        ("punctuation_mode", ctypes.c_int),
        ("punctuation_list", ctypes.c_char_p),
        ("capitals_mode", ctypes.c_int),
        ("flags", ctypes.c_int),
    )


@dataclass(slots=True, eq=False)
class _Job:
    """One text on its way through the worker. `sound` carries chunks, then None or the error."""

    text: str
    sound: queue.SimpleQueue[Pcm | Exception | None] = field(default_factory=queue.SimpleQueue)
    is_wanted: bool = True


class RhvoiceEngine:
    """One RHVoice engine with one speaker."""

    is_streaming = True

    def __init__(self, files: RhvoiceFiles, speaker: str = "", rate: float = 1.0) -> None:
        speaker = speaker or DEFAULT_SPEAKER
        if speaker.lower() not in files.voices:
            known = ", ".join(name.capitalize() for name in files.voices)
            raise ModelError(f'RHVoice has no speaker "{speaker}".', f"Set voice.speaker to one of: {known}.")
        self.identity = VoiceIdentity("rhvoice", files.version, speaker.capitalize(), PERMITTED[speaker.lower()], rate)
        self._rate_hz = NATIVE_HZ
        self._job: _Job | None = None
        self._library = _load(files)
        self._callbacks = self._make_callbacks()  # kept: the library holds pointers into it
        parameters = _InitParameters(str(files.data).encode(), str(files.config).encode(), None, self._callbacks, 0)
        self._engine = self._library.RHVoice_new_tts_engine(ctypes.byref(parameters))
        if not self._engine:
            raise ModelError(
                f"RHVoice cannot read its data in {files.data}.", f"Remove {files.data.parent} and run the set-up again."
            )
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._is_closed = False
        self._worker = threading.Thread(target=self._work, name="rhvoice", daemon=True)
        self._worker.start()

    def synthesise(self, text: str) -> Pcm:
        chunks = [chunk.samples for chunk in self.stream(text)]
        return Pcm(self._rate_hz, np.concatenate(chunks) if chunks else np.zeros(0, dtype=np.int16))

    def stream(self, text: str) -> Iterator[Pcm]:
        job = _Job(text)
        with self._closing:
            if self._is_closed:
                raise VoiceError("RHVoice is closed.")
            self._jobs.put(job)
        try:
            while True:
                try:
                    chunk = job.sound.get(timeout=ANSWER_SECONDS)
                except queue.Empty:
                    raise VoiceError(f"RHVoice gave no sound within {ANSWER_SECONDS:.0f} s.", "Restart the brain.") from None
                if chunk is None:
                    return
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
        finally:
            job.is_wanted = False

    def close(self) -> None:
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            self._jobs.put(None)
        self._worker.join()
        self._library.RHVoice_delete_tts_engine(self._engine)

    # -- in the worker's thread ---------------------------------------------------------------------------------------

    def _work(self) -> None:
        name_thread("voice")
        while (job := self._jobs.get()) is not None:
            if not job.is_wanted:
                continue
            self._job = job
            try:
                self._speak(job.text)
                job.sound.put(None)
            except Exception as error:  # noqa: BLE001 - handed to whoever waits for the sound
                job.sound.put(error)
            finally:
                self._job = None

    def _speak(self, text: str) -> None:
        if not any(map(str.isalnum, text)):
            return  # the library refuses an empty text
        data = accented(text).replace("\0", " ").encode()
        profile = self.identity.speaker.encode()
        parameters = _SynthesisParameters(profile, 0, 0, 0, self.identity.rate, 1, 1, 0, b"", 0, 0)
        message = self._library.RHVoice_new_message(
            self._engine, data, len(data), _TEXT_MESSAGE, ctypes.byref(parameters), None
        )
        if not message:
            raise VoiceError("RHVoice refused a text.")
        try:
            self._library.RHVoice_speak(message)  # 0 also when a listener left: not an error
        finally:
            self._library.RHVoice_delete_message(message)

    def _make_callbacks(self) -> _Callbacks:
        def set_sample_rate(rate_hz: int, _user: object) -> int:
            self._rate_hz = rate_hz
            return 1

        def play_speech(samples: "ctypes._Pointer[ctypes.c_short]", count: int, _user: object) -> int:
            job = self._job
            if job is None or not job.is_wanted:
                return 0  # ends the message
            chunk: NDArray[np.int16] = np.ctypeslib.as_array(samples, (count,)).astype(np.int16, copy=True)
            job.sound.put(Pcm(self._rate_hz, chunk))
            return 1

        def go_on(*_: object) -> int:
            return 1

        return _Callbacks(
            _INT_CALLBACK(set_sample_rate),
            _SPEECH_CALLBACK(play_speech),
            _NAME_CALLBACK(go_on),
            _PLACE_CALLBACK(go_on),
            _PLACE_CALLBACK(go_on),
            _PLACE_CALLBACK(go_on),
            _PLACE_CALLBACK(go_on),
            _NAME_CALLBACK(go_on),
            _DONE_CALLBACK(lambda _user: None),
        )


def accented(text: str) -> str:
    """Return `text` with our `+` before a stressed vowel as RHVoice's own mark, an acute accent after it.

    RHVoice takes `+` for a boundary between two words: "мен+я" comes out as "мен я".
    """
    return _STRESS.sub("\\1\u0301", text).replace("+", "")


def _load(files: RhvoiceFiles) -> ctypes.CDLL:
    try:
        # each library finds the ones before it by name: they are not on the system's search path
        for path in files.libraries[:-1]:
            ctypes.CDLL(str(path), mode=ctypes.RTLD_GLOBAL)
        library = ctypes.CDLL(str(files.libraries[-1]))
    except OSError as error:
        raise ModelError(
            f"RHVoice's library cannot be loaded: {error}.", f"Remove {files.data.parent} and run the set-up again."
        ) from None
    library.RHVoice_new_tts_engine.restype = ctypes.c_void_p
    library.RHVoice_new_tts_engine.argtypes = [ctypes.POINTER(_InitParameters)]
    library.RHVoice_new_message.restype = ctypes.c_void_p
    library.RHVoice_new_message.argtypes = [
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.POINTER(_SynthesisParameters),
        ctypes.c_void_p,
    ]
    library.RHVoice_speak.argtypes = [ctypes.c_void_p]
    library.RHVoice_delete_message.argtypes = [ctypes.c_void_p]
    library.RHVoice_delete_message.restype = None
    library.RHVoice_delete_tts_engine.argtypes = [ctypes.c_void_p]
    library.RHVoice_delete_tts_engine.restype = None
    return library
