"""What a voice is to the rest of the program."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from voicebot.audio.pcm import Pcm
from voicebot.errors import VoicebotError


class VoiceError(VoicebotError):
    """A voice could not speak. The message never holds the text."""


@dataclass(frozen=True, slots=True)
class VoiceIdentity:
    """Which voice it is. Two voices with the same identity say the same text with the same samples."""

    engine: str  # "silero", "rhvoice", "espeak"
    version: str  # of the engine and its data
    speaker: str
    licence: str  # SPDX
    rate: float = 1.0  # 1: the speaker's usual tempo


class VoiceEngine(Protocol):
    """Text to sound at the engine's own rate.

    Text is Russian words with `+` before stressed vowels where it matters. Both methods block, may be called from
    several threads, return or yield nothing (or an empty Pcm) for text without anything to say, and raise VoiceError.
    """

    @property
    def identity(self) -> VoiceIdentity: ...

    @property
    def is_streaming(self) -> bool:
        """Whether `stream` yields its first sound long before the whole piece is ready."""
        ...

    def synthesise(self, text: str) -> Pcm:
        """Return the sound of `text`."""
        ...

    def stream(self, text: str) -> Iterator[Pcm]:
        """Yield the sound of `text` as it is made. A caller who stops early stops the work."""
        ...

    def close(self) -> None:
        """Free the engine; it must not be used afterwards."""
        ...
