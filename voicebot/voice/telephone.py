"""From an engine's sound to telephone sound: 8 kHz, one loudness, no silence at the edges, no clicks. Streaming."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.levels import SILENCE_DB, level_db
from voicebot.audio.pcm import TELEPHONE_HZ, Pcm
from voicebot.audio.resample import StreamResampler

SPEECH_LEVEL_DB = -20.0  # active speech, dBFS
HIGHEST_GAIN_DB = 30.0
QUIET_DB = -50.0  # below this, next to speech at SPEECH_LEVEL_DB, it is silence
LEADING_MS = 15  # kept before the first sound
TRAILING_MS = 30  # kept after the last
FADE_MS = 5
VERSION = 1  # of this processing: part of the cache's keys

_BLOCK = TELEPHONE_HZ * 5 // 1000
_KNEE = 0.5  # of full scale; below it the limiter changes nothing
_CEILING = 0.95


def speech_level_db(sound: Pcm) -> float:
    """Return the level of the speech in `sound`, pauses left out, in dBFS; SILENCE_DB if there is none.

    Frames of 20 ms within 25 dB of the loudest count (the idea of ITU-T P.56, simplified for clean synthetic speech).
    """
    size = sound.rate_hz // 50
    count = len(sound.samples) // size
    if count == 0:
        return level_db(sound.samples)
    frames = sound.samples[: count * size].astype(np.float64).reshape(count, size)
    powers = (frames**2).mean(axis=1)
    loudest = float(powers.max())
    if loudest <= 0:
        return SILENCE_DB
    active = powers[powers >= loudest * 10**-2.5]
    return float(10 * np.log10(active.mean() / 32768.0**2))


def gain_for(sound: Pcm, level: float = SPEECH_LEVEL_DB) -> float:
    """Return the gain in dB that brings the speech in `sound` to `level` dBFS; 0 for silence."""
    measured = speech_level_db(sound)
    if measured <= SILENCE_DB:
        return 0.0
    return max(-HIGHEST_GAIN_DB, min(HIGHEST_GAIN_DB, level - measured))


def limit(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bend peaks softly so that nothing passes 95 % of full scale (1.0); quiet samples are untouched."""
    size = np.abs(samples)
    room = _CEILING - _KNEE
    bent = _KNEE + room * np.tanh((size - _KNEE) / room)
    return np.where(size > _KNEE, np.sign(samples) * bent, samples).astype(np.float32)


class TelephoneSound:
    """One piece of speech on its way to the telephone: `feed` as sound comes, then `finish`."""

    def __init__(self, from_hz: int, gain_db: float) -> None:
        self._resampler = StreamResampler(from_hz, TELEPHONE_HZ)
        self._gain = np.float32(10 ** (gain_db / 20) / 32768)
        self._edges = _Edges()

    def feed(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        """Take sound at the engine's rate; return what is ready at 8 kHz (maybe none)."""
        return self._edges.feed(self._loud(self._resampler.feed(samples)))

    def finish(self) -> NDArray[np.int16]:
        """Return the rest."""
        last = self._edges.feed(self._loud(self._resampler.flush()))
        return np.concatenate([last, self._edges.finish()])

    def _loud(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        return np.rint(limit(samples * self._gain) * 32767).astype(np.int16)


class _Edges:
    """Cuts silence at both ends as the sound streams by, and fades what is left in and out."""

    def __init__(self) -> None:
        self._held: NDArray[np.int16] = np.zeros(0, dtype=np.int16)  # not yet given away
        self._seen = 0  # samples of _held whose blocks were judged
        self._tail = 0  # end of the last loud block in _held
        self._has_begun = False

    def feed(self, samples: NDArray[np.int16]) -> NDArray[np.int16]:
        self._held = np.concatenate([self._held, samples])
        while len(self._held) - self._seen >= _BLOCK:
            self._judge(self._held[self._seen : self._seen + _BLOCK])
        if not self._has_begun:
            self._drop(self._seen - _samples(LEADING_MS))
            return np.zeros(0, dtype=np.int16)
        # the end of what was loud is held back: it is faded if nothing loud follows
        return self._give(self._tail - _samples(FADE_MS))

    def finish(self) -> NDArray[np.int16]:
        if len(self._held) > self._seen:
            self._judge(self._held[self._seen :])
        if not self._has_begun:
            return np.zeros(0, dtype=np.int16)
        end = min(len(self._held), self._tail + _samples(TRAILING_MS))
        rest = self._give(end)
        fade = min(_samples(FADE_MS), len(rest))
        if fade:
            rest[-fade:] = (rest[-fade:] * np.linspace(1, 0, fade, dtype=np.float32)).astype(np.int16)
        return rest

    def _judge(self, block: NDArray[np.int16]) -> None:
        if level_db(block) > QUIET_DB:
            if not self._has_begun:
                self._has_begun = True
                self._drop(self._seen - _samples(LEADING_MS))
                fade = min(_samples(FADE_MS), len(self._held))
                self._held[:fade] = (self._held[:fade] * np.linspace(0, 1, fade, dtype=np.float32)).astype(np.int16)
            self._tail = self._seen + len(block)
        self._seen += len(block)

    def _drop(self, count: int) -> None:
        if count > 0:
            self._held = self._held[count:]
            self._seen -= count

    def _give(self, count: int) -> NDArray[np.int16]:
        count = max(0, count)
        given, self._held = self._held[:count].copy(), self._held[count:]
        self._seen -= count
        self._tail -= count
        return given


def _samples(duration_ms: int) -> int:
    return TELEPHONE_HZ * duration_ms // 1000


def to_telephone(sound: Iterable[Pcm], gain_db: float) -> Pcm:
    """Convert a whole sound."""
    converter: TelephoneSound | None = None
    out = []
    for chunk in sound:
        converter = converter or TelephoneSound(chunk.rate_hz, gain_db)
        out.append(converter.feed(chunk.samples))
    if converter is not None:
        out.append(converter.finish())
    return Pcm(TELEPHONE_HZ, np.concatenate(out) if out else np.zeros(0, dtype=np.int16))
