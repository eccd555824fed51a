"""Sounds that are no speech, made by arithmetic: none of them may be taken for an answer."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from voicebot.audio.pcm import TELEPHONE_HZ, Pcm

Sound = NDArray[np.float64]
VARIANTS = 3  # of each kind


def not_speech() -> Iterator[tuple[str, Pcm]]:
    """Yield (name, sound): every kind in three variants, the same at every run."""
    for name, make in _KINDS.items():
        for variant in range(VARIANTS):
            sound = make(np.random.default_rng([variant, *name.encode()]))
            yield f"{name} {variant + 1}", Pcm(TELEPHONE_HZ, np.rint(sound / np.abs(sound).max() * 16000).astype(np.int16))


def _seconds(count: float) -> Sound:
    return np.arange(round(count * TELEPHONE_HZ)) / TELEPHONE_HZ


def _resonant(source: Sound, *formants_hz: float) -> Sound:
    """The source through resonances side by side, as through a throat."""
    return sum(
        (sosfilt(butter(1, (0.85 * hz, 1.15 * hz), "bandpass", fs=TELEPHONE_HZ, output="sos"), source) for hz in formants_hz),
        start=np.zeros(len(source)),
    )


def _placed(parts: list[Sound], gap_seconds: float) -> Sound:
    gap = np.zeros(round(gap_seconds * TELEPHONE_HZ))
    return np.concatenate([piece for part in parts for piece in (part, gap)])


def _cough(random: np.random.Generator) -> Sound:
    """A cough's three phases: an explosion of breath, a hissing flow, a short voiced end."""
    coughs = []
    for _ in range(random.integers(1, 4)):
        t = _seconds(random.uniform(0.28, 0.45))
        breath = random.standard_normal(len(t))
        burst = np.exp(-t / 0.02) * 3 + np.exp(-(((t - 0.12) / 0.08) ** 2))
        pitch_hz = random.uniform(110, 280)
        voiced = np.exp(-(((t - t[-1] * 0.75) / 0.05) ** 2)) * np.sign(np.sin(2 * np.pi * pitch_hz * t * (1 - 0.4 * t)))
        coughs.append(_resonant(breath * burst + 0.5 * voiced, random.uniform(600, 900), random.uniform(1300, 1800), 2700))
    return _placed(coughs, random.uniform(0.08, 0.25))


def _sneeze(random: np.random.Generator) -> Sound:
    t = _seconds(0.7)
    rise = _resonant(random.standard_normal(len(t)), 900, 1600) * (t / t[-1]) ** 2
    burst = random.standard_normal(len(t)) * np.exp(-t / random.uniform(0.08, 0.15))
    return np.concatenate([rise, _resonant(burst, 1800, 2600, 3200) * 2])


def _breath(random: np.random.Generator) -> Sound:
    parts = [_resonant(random.standard_normal(len(t)), 700, 1900) * np.sin(np.pi * t / t[-1]) for t in [_seconds(0.6)] * 3]
    return _placed(parts, random.uniform(0.2, 0.5))


def _hum(random: np.random.Generator) -> Sound:
    """Somebody hums without words."""
    t = _seconds(1.8)
    pitch = random.uniform(130, 260) * (1 + 0.15 * np.sin(2 * np.pi * random.uniform(0.5, 1.5) * t))
    phase = 2 * np.pi * np.cumsum(pitch) / TELEPHONE_HZ
    return sum((np.sin(n * phase) / n**2 for n in range(1, 8)), start=np.zeros(len(t)))


def _laugh(random: np.random.Generator) -> Sound:
    parts = []
    for number in range(6):
        t = _seconds(0.12)
        phase = 2 * np.pi * random.uniform(180, 300) * t
        voice = np.sign(np.sin(phase)) + random.standard_normal(len(t))
        parts.append(_resonant(voice, 750, 1250, 2500) * np.sin(np.pi * t / t[-1]) * 0.9**number)
    return _placed(parts, 0.09)


def _music(random: np.random.Generator) -> Sound:
    notes = []
    for _ in range(8):
        t = _seconds(0.3)
        root = 220 * 2 ** (random.integers(0, 13) / 12)
        chord = sum((np.sin(2 * np.pi * root * ratio * t) for ratio in (1, 1.26, 1.5, 2)), start=np.zeros(len(t)))
        notes.append(chord * np.exp(-t / 0.2))
    return np.concatenate(notes)


def _keys(random: np.random.Generator) -> Sound:
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477)
    t = _seconds(0.15)
    return _placed(
        [np.sin(2 * np.pi * random.choice(rows) * t) + np.sin(2 * np.pi * random.choice(columns) * t) for _ in range(5)], 0.12
    )


def _ring(random: np.random.Generator) -> Sound:
    t = _seconds(1.0)
    return _placed([np.sin(2 * np.pi * 425 * t) * (1 + 0.01 * random.standard_normal(len(t)))] * 2, 0.8)


def _knocks(random: np.random.Generator) -> Sound:
    t = _seconds(0.15)
    return _placed(
        [_resonant(random.standard_normal(len(t)), random.uniform(250, 500)) * np.exp(-t / 0.025) for _ in range(4)],
        random.uniform(0.1, 0.3),
    )


def _bark(random: np.random.Generator) -> Sound:
    parts = []
    for _ in range(3):
        t = _seconds(0.22)
        phase = 2 * np.pi * random.uniform(250, 450) * (t + 0.4 * t**2)
        parts.append(_resonant(np.sign(np.sin(phase)) + random.standard_normal(len(t)), 800, 1500) * np.sin(np.pi * t / t[-1]))
    return _placed(parts, random.uniform(0.15, 0.4))


def _traffic(random: np.random.Generator) -> Sound:
    t = _seconds(2.5)
    rumble = sosfilt(butter(2, 600, "lowpass", fs=TELEPHONE_HZ, output="sos"), random.standard_normal(len(t)))
    waves: Sound = rumble * (1 + np.sin(2 * np.pi * random.uniform(0.3, 0.8) * t))
    return waves


def _dishes(random: np.random.Generator) -> Sound:
    parts = []
    for _ in range(5):
        t = _seconds(0.25)
        hz = random.uniform(1500, 3200)
        parts.append(sum((np.sin(2 * np.pi * hz * k * t) for k in (0.5, 0.81, 1)), start=np.zeros(len(t))) * np.exp(-t / 0.05))
    return _placed(parts, random.uniform(0.02, 0.2))


_KINDS: dict[str, Callable[[np.random.Generator], Sound]] = {
    "cough": _cough, "sneeze": _sneeze, "breath": _breath, "hum": _hum, "laugh": _laugh, "music": _music, "keys": _keys,
    "ring": _ring, "knocks": _knocks, "bark": _bark, "traffic": _traffic, "dishes": _dishes,
}  # fmt: skip
