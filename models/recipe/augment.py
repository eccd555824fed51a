"""What happens to speech on its way: rooms, microphones, lines, noise and other people talking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

from .telephone import through_alaw
from .workfolder import RATE_HZ

Samples = NDArray[np.float32]
_BANDS = [butter(2, [low / 4000, high / 4000], "band")
          for low in (80, 150, 200, 250, 300, 340) for high in (3000, 3300, 3400, 3550, 3750)]  # fmt: skip
_LINES = [butter(4, [low, high], "band", fs=RATE_HZ, output="sos") for low in (250, 300, 330) for high in (3250, 3400, 3550)]


@dataclass(frozen=True)
class Chances:
    """How often each damage happens; noise grows during training."""

    babble: float = 0.38
    noise: float = 0.40
    babble_db: tuple[float, float] = (4.0, 28.0)
    noise_db: tuple[float, float] = (2.0, 30.0)
    band: float = 0.5
    #: speech and noise come through one narrow line, and the noise is measured behind it
    line: float = 0.0
    room: float = 0.3
    equaliser: float = 0.5
    tilt: float = 0.4
    clip: float = 0.06
    hum: float = 0.1
    alaw: float = 0.6


@dataclass(frozen=True)
class Damaged:
    """Samples in the range of int16 and where the speech lies in them, seconds."""

    samples: Samples
    begin_seconds: float
    end_seconds: float


def _decibels(value: float) -> float:
    return float(10 ** (value / 20))


def _speed(x: Samples, rng: np.random.Generator) -> Samples:
    speed = rng.uniform(0.9, 1.12)
    return np.interp(np.arange(int(len(x) / speed)) * speed, np.arange(len(x)), x).astype(np.float32)


def _equalise(x: Samples, rng: np.random.Generator) -> Samples:
    """One or two peaking filters of up to 9 dB either way."""
    for _ in range(rng.integers(1, 3)):
        gain, omega = 10 ** (rng.uniform(-9, 9) / 40), 2 * np.pi * rng.uniform(200, 3400) / RATE_HZ
        alpha, cosine = np.sin(omega) / (2 * rng.uniform(0.5, 2)), -2 * np.cos(omega)
        b, a = np.array([1 + alpha * gain, cosine, 1 - alpha * gain]), np.array([1 + alpha / gain, cosine, 1 - alpha / gain])
        x = lfilter(b / a[0], a / a[0], x)
    return x


def _reverberate(x: Samples, rng: np.random.Generator) -> Samples:
    length = int(RATE_HZ * rng.uniform(0.05, 0.25))
    response = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 5))
    response[0] = 0
    response *= rng.uniform(0.1, 0.5) / np.sqrt((response**2).sum() + 1e-9)
    response[0] = 1
    return fftconvolve(x, response)[: len(x) + length // 2]


_FRAME = 160
#: a frame this much weaker than the mean is a pause
_PAUSE = 0.03


def _active_level(x: Samples) -> float:
    """Root mean square of the parts that sound (the idea of ITU-T P.56)."""
    frames = x[: len(x) // _FRAME * _FRAME].reshape(-1, _FRAME)
    power = (frames**2).mean(1) if len(frames) else np.square(x)
    return float(np.sqrt(power[power >= _PAUSE * power.mean()].mean())) + 1e-9


def _at_level(noise: NDArray[np.float64], line: NDArray[np.float64] | None, level: float) -> NDArray[np.float64]:
    noise = noise if line is None else sosfilt(line, noise)
    return noise * level / (np.sqrt((noise**2).mean()) + 1e-9)


_VOICES = (1, 2, 3, 4, 5, 6, 6, 7, 8)
#: a single other voice nearer than this could be the caller as well
_LONE_VOICE_DB = 12.0


def babble(length: int, pool: NDArray[np.int16], rng: np.random.Generator, voices: int) -> NDArray[np.float64]:
    """Other voices at once, each a stretch of `pool`: near and far ones, or all alike."""
    total = np.zeros(length)
    farthest, nearest = (-6.0, 3.0) if rng.random() < 0.5 else (-1.5, 1.5)
    for _ in range(voices):
        offset = rng.integers(0, len(pool) - length)
        total += pool[offset : offset + length].astype(np.float32) * _decibels(rng.uniform(farthest, nearest))
    return total


def coloured_noise(length: int, rng: np.random.Generator) -> NDArray[np.float64]:
    noise, kind = rng.standard_normal(length), rng.integers(0, 6)  # 0 and 5: white
    if kind == 1:
        noise = lfilter([1], [1, -0.95], noise)
    elif kind == 2:  # wind, traffic: slow waves
        wave = 1 + 0.8 * np.sin(2 * np.pi * np.arange(length) / RATE_HZ * rng.uniform(0.2, 4))
        noise = lfilter([1], [1, -rng.uniform(0.3, 0.9)], noise) * wave
    elif kind == 3:
        noise = lfilter(*_BANDS[rng.integers(len(_BANDS))], noise)
    elif kind == 4:  # knocks and clicks
        noise = lfilter([1], [1, -0.8], noise * (rng.random(length) < 0.002)) * 20 + 0.1 * noise
    return noise


def damage(speech: NDArray[np.int16], rng: np.random.Generator, pool: NDArray[np.int16], chances: Chances) -> Damaged:
    """One random telephone call's worth of damage."""
    x = _speed(speech.astype(np.float32), rng)
    if rng.random() < chances.equaliser:
        x = _equalise(x, rng)
    if rng.random() < chances.tilt:
        x = lfilter([1, -rng.uniform(-0.4, 0.6)], [1], x)
    line = _LINES[rng.integers(len(_LINES))] if rng.random() < chances.line else None
    if line is not None:
        x = sosfilt(line, x)
    elif rng.random() < chances.band:
        x = lfilter(*_BANDS[rng.integers(len(_BANDS))], x)
    if rng.random() < chances.room:
        x = _reverberate(x, rng)
    lead, tail = rng.uniform(0.08, 0.5), rng.uniform(0.15, 0.6)
    begin, end = lead + 0.06, lead + len(x) / RATE_HZ - 0.08
    level = _active_level(x)
    x = np.concatenate([np.zeros(int(lead * RATE_HZ)), x, np.zeros(int(tail * RATE_HZ))])
    lot = rng.random()
    if lot < chances.babble and len(pool) > 4 * len(x):
        voices, decibels = int(rng.choice(_VOICES)), rng.uniform(*chances.babble_db)
        noise = babble(len(x), pool, rng, voices)
        decibels = max(decibels, _LONE_VOICE_DB) if voices < 2 else decibels
        x = x + _at_level(noise, line, level * _decibels(-decibels))
    elif lot < chances.babble + chances.noise:
        noise, decibels = coloured_noise(len(x), rng), rng.uniform(*chances.noise_db)
        x = x + _at_level(noise, line, level * _decibels(-decibels))
    x = x / (np.abs(x).max() + 1e-9) * _decibels(rng.uniform(-30, -1)) * 32767
    if rng.random() < 0.6:  # a line is never quite silent
        x = x + rng.standard_normal(len(x)) * 32768 * _decibels(rng.uniform(-84, -58))
    if rng.random() < chances.hum:
        x = x + rng.uniform(20, 200) * np.sin(2 * np.pi * 50 * np.arange(len(x)) / RATE_HZ)
    if rng.random() < chances.clip:
        x = x * rng.uniform(1.5, 4)
    x = np.clip(np.round(x), -32768, 32767)
    if rng.random() < chances.alaw:
        x = through_alaw(x)
    return Damaged(x.astype(np.float32), begin, end)
