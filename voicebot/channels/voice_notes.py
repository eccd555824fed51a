"""Voice notes into words: any container and codec that browsers and messengers record, decoded by FFmpeg's libraries (PyAV),
heard by the phone's recogniser.
"""

import asyncio
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.dialog.talking import Alternative
from voicebot.errors import VoicebotError

log = structlog.get_logger(__name__)


class NoteTooLong(VoicebotError):
    """A voice note has more bytes or seconds than are allowed."""


class NoteUnreadable(VoicebotError):
    """What was sent is no sound that can be decoded."""


@dataclass(frozen=True, slots=True)
class NoteLimits:
    seconds: float = 60
    bytes: int = 2_000_000


def decode(note: bytes, limits: NoteLimits, rate_hz: int) -> bytes:
    """Return a note's sound as 16-bit mono PCM of `rate_hz`. Raises NoteTooLong, NoteUnreadable.

    Only as much is decoded as is allowed: a small file may claim to hold hours.
    """
    import av  # seconds of loading: only processes that get voice notes pay for it
    from av.error import FFmpegError

    if len(note) > limits.bytes:
        raise NoteTooLong("A voice note is too large.", "Record a shorter one.")
    longest = int(limits.seconds * rate_hz) * 2
    sound = bytearray()
    try:
        with av.open(io.BytesIO(note), mode="r", options={"probesize": "200000"}) as container:
            if not container.streams.audio:
                raise NoteUnreadable("A voice note holds no sound.", "Record it again.")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate_hz)
            for frame in container.decode(audio=0):
                for piece in resampler.resample(frame):
                    sound += bytes(piece.planes[0])[: piece.samples * 2]
                if len(sound) > longest:
                    raise NoteTooLong("A voice note lasts too long.", "Record a shorter one.")
            for piece in resampler.resample(None):
                sound += bytes(piece.planes[0])[: piece.samples * 2]
    except (FFmpegError, ValueError, OSError) as error:
        raise NoteUnreadable(f"A voice note cannot be decoded ({type(error).__name__}).", "Record it again.") from None
    return bytes(sound)


#: 16-bit mono PCM of TELEPHONE_HZ to hypotheses, best first; () when no words were heard. Blocking.
Recognise = Callable[[bytes], tuple[Alternative, ...]]


class VoiceNotes:
    """Hears notes, few at a time: decoding and recognising take the processor. `recognise` is made at the first note."""

    def __init__(self, open_recogniser: Callable[[], Recognise], limits: NoteLimits, workers: int = 1) -> None:
        self.limits = limits
        self._open = open_recogniser
        self._recognise: Recognise | None = None
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="voice-note")
        self._opening = threading.Lock()

    async def heard(self, note: bytes) -> tuple[Alternative, ...]:
        """Return what a note says, best first; () for no words. Raises NoteTooLong, NoteUnreadable, ModelError."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._hear, note)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def warm_up(self) -> None:
        """Load the recogniser now, beside other work: the first note need not wait for it."""
        self._pool.submit(self._opened)

    def _opened(self) -> Recognise:
        with self._opening:
            if self._recognise is None:
                self._recognise = self._open()
            return self._recognise

    def _hear(self, note: bytes) -> tuple[Alternative, ...]:
        sound = decode(note, self.limits, TELEPHONE_HZ)  # first: rubbish must not make anybody load a recogniser
        return self._opened()(sound)
