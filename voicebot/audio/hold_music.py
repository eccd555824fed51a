"""A calm loop for callers who wait, synthesised: nobody else's recording. Deterministic, seamless, for a telephone's band."""

import math

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.levels import level_db
from voicebot.audio.pcm import TELEPHONE_HZ, Pcm

LEVEL_DB = -27.0  # under the words that are said between
_BEAT_SECONDS = 0.6
_BEATS_A_BAR = 8
# Semitones above A3 (220 Hz): four chords of ours, each a bar of soft keys over a held chord, then the same with another tune.
_CHORDS = ((3, 10, 14, 19), (0, 7, 12, 15), (-4, 3, 8, 12), (-2, 5, 10, 12))
_TUNES = ((0, 2, 3, 2, 1, 2, 3, 1), (3, 2, 1, 2, 0, 1, 2, 3))
_KEY_SECONDS = 2.4
_OCTAVE = 12


def hold_music() -> Pcm:
    """Return 38.4 s at 8 kHz whose end flows into its beginning."""
    bar = round(_BEAT_SECONDS * _BEATS_A_BAR * TELEPHONE_HZ)
    loop = np.zeros(bar * len(_CHORDS) * len(_TUNES))
    for number, (tune, chord) in enumerate((tune, chord) for tune in _TUNES for chord in _CHORDS):
        start = number * bar
        for note in chord:
            _lay(loop, start, _held(_hertz(note), bar + bar // 4) * 0.10)
        for beat, degree in enumerate(tune):
            at = start + round(beat * _BEAT_SECONDS * TELEPHONE_HZ)
            loudness = 0.34 if beat % 4 == 0 else 0.24
            _lay(loop, at, _key(_hertz(chord[degree] + _OCTAVE)) * loudness)
    sound = np.rint(loop / np.max(np.abs(loop)) * 20000).astype(np.int16)
    return at_level(Pcm(TELEPHONE_HZ, sound))


def at_level(sound: Pcm, wanted_db: float = LEVEL_DB) -> Pcm:
    """Return it as loud as wanted, never clipped; silence stays silence."""
    samples = sound.samples.astype(np.float64)
    peak = float(np.max(np.abs(samples), initial=0.0))
    if peak == 0.0:
        return sound
    gain = min(10.0 ** ((wanted_db - level_db(sound.samples)) / 20.0), 32000.0 / peak)
    return Pcm(sound.rate_hz, np.rint(samples * gain).astype(np.int16))


def _hertz(semitones: int) -> float:
    return 220.0 * math.pow(2.0, semitones / 12)


def _held(hertz: float, samples: int) -> NDArray[np.float64]:
    """A chord's note: swells and fades over its whole length, with a little vibrato."""
    seconds = np.arange(samples) / TELEPHONE_HZ
    swell = np.sin(np.pi * np.arange(samples) / samples) ** 2
    phase = 2 * np.pi * hertz * seconds + 0.15 * np.sin(2 * np.pi * 4.5 * seconds)
    return swell * (np.sin(phase) + 0.35 * np.sin(2 * phase))


def _key(hertz: float) -> NDArray[np.float64]:
    """A soft key: quick attack, long decay, few overtones."""
    seconds = np.arange(round(_KEY_SECONDS * TELEPHONE_HZ)) / TELEPHONE_HZ
    shape = np.minimum(1.0, seconds / 0.012) * np.exp(-seconds * 2.6) * np.minimum(1.0, (_KEY_SECONDS - seconds) / 0.1)
    phase = 2 * np.pi * hertz * seconds
    return shape * (np.sin(phase) + 0.22 * np.sin(2 * phase) * np.exp(-seconds * 4) + 0.06 * np.sin(3 * phase))


def _lay(loop: NDArray[np.float64], start: int, sound: NDArray[np.float64]) -> None:
    """Add a sound; what would hang over the end comes at the beginning."""
    places = (start + np.arange(len(sound))) % len(loop)
    loop[places] += sound
