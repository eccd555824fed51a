"""Sounds that are no words: coughs, knocks, tones, music, laughter. The unit `GBG` learns them (`[unk]` in the graph).

Steady noise and the murmur of many voices are silence to the network; these are sounds in the foreground.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from .workfolder import RATE_HZ

_PEAK = 20000
#: tones of telephone lines and keys, Hz
_LINE_HZ = (425, 440, 950, 1400, 1800)
_KEYS_HZ = ((697, 770, 852, 941), (1209, 1336, 1477))
_SCALE = 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]) / 12)


def _resonances(
    x: NDArray[np.float64], rng: np.random.Generator, ranges: tuple[tuple[float, float], ...]
) -> NDArray[np.float64]:
    for low, high in ranges:
        radius, hz = rng.uniform(0.85, 0.96), rng.uniform(low, high)
        x = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * hz / RATE_HZ), radius**2], x)
    return x


def _burst(rng: np.random.Generator, seconds: tuple[float, float], voiced: tuple[float, float]) -> NDArray[np.float64]:
    """Breath with a rough voice in it that falls and dies away."""
    time = np.arange(int(RATE_HZ * rng.uniform(*seconds))) / RATE_HZ
    pitch = rng.uniform(90, 320) * (1 - rng.uniform(0, 0.4) * time / time[-1])
    voice = np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / RATE_HZ)) * rng.uniform(*voiced)
    sound = _resonances(voice + rng.standard_normal(len(time)) * rng.uniform(0.4, 1.0), rng, ((450, 1000), (1000, 2400)))
    sound *= np.minimum(1, time / 0.01) * np.exp(-time / rng.uniform(0.04, 0.2))
    return sound / (np.abs(sound).max() + 1e-9)


def _in_turn(parts: list[NDArray[np.float64]], rng: np.random.Generator, gap: tuple[float, float]) -> NDArray[np.float64]:
    pieces = []
    for part in parts:
        pieces += [part * rng.uniform(0.5, 1.0), np.zeros(int(RATE_HZ * rng.uniform(*gap)))]
    return np.concatenate(pieces[:-1])


def cough(rng: np.random.Generator) -> NDArray[np.float64]:
    """One to four coughs or clearings of a throat."""
    return _in_turn([_burst(rng, (0.08, 0.4), (0.1, 0.9)) for _ in range(rng.integers(1, 5))], rng, (0.05, 0.4))


def laughter(rng: np.random.Generator) -> NDArray[np.float64]:
    return _in_turn([_burst(rng, (0.06, 0.14), (0.6, 1.5)) for _ in range(rng.integers(4, 10))], rng, (0.04, 0.12))


def knocks(rng: np.random.Generator) -> NDArray[np.float64]:
    """Steps, a door, a cup, keys: short strikes of a body that rings."""
    body = tuple((rng.uniform(100, 2500),) * 2 for _ in range(rng.integers(1, 4)))
    parts = []
    for _ in range(rng.integers(1, 7)):
        strike = rng.standard_normal(int(RATE_HZ * rng.uniform(0.03, 0.2)))
        strike *= np.exp(-np.arange(len(strike)) / (RATE_HZ * rng.uniform(0.003, 0.04)))
        strike = _resonances(strike, rng, body)
        parts.append(strike / (np.abs(strike).max() + 1e-9))
    return _in_turn(parts, rng, (0.05, 0.6))


def tones(rng: np.random.Generator) -> NDArray[np.float64]:
    """Signals of a line, pressed keys, a beeping machine, a whistle that glides."""
    kind, parts = rng.integers(0, 3), []
    length = rng.uniform(0.08, 0.6)
    for _ in range(rng.integers(1, 6)):
        time = np.arange(int(RATE_HZ * length)) / RATE_HZ
        if kind == 0:
            sound = np.sin(2 * np.pi * rng.choice(_LINE_HZ) * time)
        elif kind == 1:
            sound = sum(np.sin(2 * np.pi * rng.choice(group) * time) for group in _KEYS_HZ) / 2
        else:
            hz = np.linspace(rng.uniform(500, 2500), rng.uniform(500, 2500), len(time))
            sound = np.sin(2 * np.pi * np.cumsum(hz) / RATE_HZ)
        parts.append(sound * np.minimum(1, np.minimum(time, time[::-1]) / 0.01))
    return _in_turn(parts, rng, (0.04, 0.5))


def music(rng: np.random.Generator) -> NDArray[np.float64]:
    """A tune in chords over a beat: one to four seconds of a melody nobody wrote."""
    root, beat = rng.uniform(90, 260), rng.uniform(0.15, 0.5)
    total = np.zeros(int(RATE_HZ * rng.uniform(1.0, 4.0)))
    brightness, decay = rng.uniform(0.4, 0.9), rng.uniform(0.1, 1.5)
    for begin in np.arange(0, len(total) / RATE_HZ, beat):
        time = np.arange(int(RATE_HZ * min(2 * beat, len(total) / RATE_HZ - begin))) / RATE_HZ
        notes = rng.choice(_SCALE, rng.integers(1, 4), replace=False) * root * rng.choice([1, 2, 4])
        sound = np.zeros(len(time))
        for hz in notes:
            for overtone in range(1, 7):
                if hz * overtone < 3800:
                    sound += brightness**overtone * np.sin(2 * np.pi * (hz * overtone * time + rng.random()))
        if rng.random() < 0.3:
            sound += rng.standard_normal(len(time)) * np.exp(-time / 0.03) * 2
        start = int(begin * RATE_HZ)
        total[start : start + len(time)] += sound * np.exp(-time / decay) * np.minimum(1, time / 0.005)
    return total


_KINDS = (cough, cough, cough, laughter, knocks, tones, music)


def sound(rng: np.random.Generator) -> NDArray[np.int16]:
    """One random sound at 8 kHz."""
    x = _KINDS[rng.integers(len(_KINDS))](rng)
    return (x / (np.abs(x).max() + 1e-9) * _PEAK).astype(np.int16)
