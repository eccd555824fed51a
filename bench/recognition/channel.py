"""From a voice to what the recogniser is given: telephone band, noise at a known level, A-law, 8 kHz."""

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from voicebot.audio.g711 import alaw_decode, alaw_encode
from voicebot.audio.pcm import TELEPHONE_HZ, Pcm
from voicebot.voice.telephone import speech_level_db

Samples = NDArray[np.int16]

SPEECH_DB = -23.0
"""Of the active speech on the line, dBFS: room for noise as loud as 5 dB below it."""

LEAD_SECONDS, TAIL_SECONDS = 0.3, 0.6
_BAND = butter(4, (300, 3400), "bandpass", fs=TELEPHONE_HZ, output="sos")
_IDLE_DB = -73.0  # a line is never quite silent


def in_band(samples: Samples) -> NDArray[np.float64]:
    """Return what passes a telephone line's 300 to 3400 Hz."""
    filtered: NDArray[np.float64] = sosfilt(_BAND, samples.astype(np.float64))
    return filtered


def on_the_line(speech: Pcm, noise: Pcm | None = None, snr_db: float = 0.0, place: int = 0) -> Samples:
    """Return 8 kHz samples as they leave the line: 0.3 s of lead, the speech, 0.6 s.

    `snr_db` is the level of the active speech over that of the noise, both measured within the telephone band. `place`
    picks the stretch of `noise`, so that every utterance has another one.
    """
    lead, tail = (round(seconds * TELEPHONE_HZ) for seconds in (LEAD_SECONDS, TAIL_SECONDS))
    sound = np.concatenate([np.zeros(lead), in_band(speech.samples), np.zeros(tail)])
    sound = _at_level(sound, _active_db(sound), SPEECH_DB)
    if noise is None:
        sound += np.random.default_rng(place).normal(0.0, 32768 * 10 ** (_IDLE_DB / 20), len(sound))
    else:
        begin = place * 7919 * 13 % len(noise.samples)
        stretch = in_band(np.resize(np.roll(noise.samples, -begin), len(sound)))
        sound += _at_level(stretch, _active_db(stretch), SPEECH_DB - snr_db)
    return alaw_decode(alaw_encode(_int16(sound)))


def _active_db(sound: NDArray[np.float64]) -> float:
    """The level over the parts that sound (ITU-T P.56's idea), dBFS; for noise that never pauses it is the plain level."""
    return speech_level_db(Pcm(TELEPHONE_HZ, _int16(sound)))


def _at_level(sound: NDArray[np.float64], is_db: float, wanted_db: float) -> NDArray[np.float64]:
    return sound * 10 ** ((wanted_db - is_db) / 20)


def _int16(sound: NDArray[np.float64]) -> Samples:
    return np.clip(np.rint(sound), -32768, 32767).astype(np.int16)
