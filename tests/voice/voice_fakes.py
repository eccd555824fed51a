"""Engines for tests: tones whose length and level follow from the text, and engines that fail."""

from collections.abc import Iterator

import numpy as np

from voicebot.audio.pcm import Pcm
from voicebot.voice.engine import VoiceError, VoiceIdentity


def tone(rate_hz: int, hz: float, duration_ms: int, amplitude: float = 0.3) -> Pcm:
    """A sine; `amplitude` of full scale."""
    times = np.arange(rate_hz * duration_ms // 1000) / rate_hz
    return Pcm(rate_hz, np.rint(np.sin(2 * np.pi * hz * times) * amplitude * 32767).astype(np.int16))


class ToneEngine:
    """Says 60 ms of tone a letter at 24 kHz, in chunks of 100 ms."""

    def __init__(self, *, is_streaming: bool = True, speaker: str = "tone", amplitude: float = 0.3) -> None:
        self.is_streaming = is_streaming
        self.identity = VoiceIdentity("tones", "1", speaker, "MIT")
        self.amplitude = amplitude
        self.said: list[str] = []
        self.chunks_given = 0
        self.fails_at = ""
        self.is_closed = False

    def synthesise(self, text: str) -> Pcm:
        self.said.append(text)
        if self.fails_at and self.fails_at in text:
            raise VoiceError("The engine broke.")
        letters = sum(map(str.isalpha, text))
        return tone(24000, 500, 60 * letters, self.amplitude)

    def stream(self, text: str) -> Iterator[Pcm]:
        samples = self.synthesise(text).samples
        for start in range(0, len(samples), 2400):
            self.chunks_given += 1
            yield Pcm(24000, samples[start : start + 2400])

    def close(self) -> None:
        self.is_closed = True
