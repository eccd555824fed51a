"""Endless training batches of damaged speech as features; new shards are picked up between rounds."""

from __future__ import annotations

import multiprocessing as mp
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from . import garbage
from .augment import Chances, Damaged, babble, coloured_noise, damage
from .features import BINS, WARPS, log_mel
from .garbage_unit import GARBAGE
from .lexicon import Pronunciation, pronouncer
from .lfmmi import Words
from .speech_store import Utterance, read_shard
from .workfolder import RATE_HZ

#: average padding that `damage` puts around an utterance, seconds
_PADDING_SECONDS = 0.75
_SHORT_SECONDS = 3.0
_CHUNK = 1024
#: shares of utterances: nothing but steady noise, whose transcript is empty; a sound that is no word; such a sound
#: before or after the words. They come in when the network knows something of speech.
_NOISE_ONLY, _GARBAGE_ONLY, _GARBAGE_BESIDE = 0.015, 0.035, 0.04
_GARBAGE_FROM = 0.04


@dataclass(frozen=True)
class Batch:
    """features (B, T, 40); lengths (B,) frames; transcripts; spans (begin, end) of speech in seconds."""

    features: Tensor
    lengths: Tensor
    transcripts: list[Words]
    spans: list[tuple[float, float]]


@dataclass(frozen=True)
class Settings:
    """What the loader must know."""

    speech: Path
    other_speech: Path
    units: dict[str, int]
    lexicon: dict[str, tuple[str, ...]]
    batch_seconds: float
    short_batches: int
    seed: int
    #: from the start as much noise as other trainings have at their end
    is_noisy: bool = False


def usable(utterance: Utterance, settings: Settings) -> bool:
    """All words known, and slow enough for the frame rate to hold the units."""
    words = utterance.text.split()
    if any(word not in settings.lexicon for word in words):
        return False
    units = sum(len(settings.lexicon[word]) for word in words)
    return utterance.seconds > units * 0.035


def transcript(text: str, settings: Settings) -> Words:
    return [[settings.units[unit] for unit in settings.lexicon[word]] for word in text.split()]


class Transcriber:
    """What was really said: espeak-ng obeys no stress mark and stresses a tenth of the words as it likes."""

    def __init__(self, settings: Settings, pronounce: Callable[[str], Sequence[Pronunciation]]) -> None:
        """`pronounce` gives espeak-ng's own pronunciation first; given, since its library bears one owner a process."""
        self._settings, self._pronounce = settings, pronounce
        self._said: dict[str, Words] = {}

    def __call__(self, utterance: Utterance) -> Words:
        if not utterance.source.startswith("espeak"):
            return transcript(utterance.text, self._settings)
        return [word for written in utterance.text.split() for word in self._by_espeak(written)]

    def _by_espeak(self, word: str) -> Words:
        if word not in self._said:
            units = self._settings.units
            own = next(iter(self._pronounce(word)), ())
            is_known = bool(own) and all(unit in units for unit in own)
            self._said[word] = [[units[unit] for unit in (own if is_known else self._settings.lexicon[word])]]
        return self._said[word]


class Loader:
    """Runs `_produce` in a process of its own; `progress` (0..1) tells it how much noise is due."""

    def __init__(self, settings: Settings, depth: int = 12) -> None:
        context = mp.get_context("fork")
        self._queue: mp.Queue[Arrays] = context.Queue(depth)
        self.progress = context.Value("d", 0.0)
        self._process = context.Process(target=self._produce, args=(settings,), daemon=True)
        self._process.start()

    def __iter__(self) -> Iterator[Batch]:
        while True:
            features, lengths, transcripts, spans = self._queue.get()
            yield Batch(torch.from_numpy(features), torch.from_numpy(lengths), transcripts, spans)

    def close(self) -> None:
        self._process.terminate()

    def _produce(self, settings: Settings) -> None:
        torch.set_num_threads(1)
        rng, known, utterances = np.random.default_rng(settings.seed), set(), []
        made, transcriber = 0, Transcriber(settings, pronouncer().pronounce)
        others = [u.samples for table in sorted(settings.other_speech.glob("*.tsv")) for u in read_shard(table)]
        while True:
            for table in sorted(settings.speech.glob("*.tsv")):
                if table not in known:
                    known.add(table)
                    utterances += [u for u in read_shard(table) if usable(u, settings)]
            pool = np.concatenate([utterances[i].samples for i in rng.integers(0, len(utterances), 400)])
            for batch in _round(utterances, rng, settings, short=made < settings.short_batches):
                made += 1
                self._queue.put(_make(batch, rng, pool, others, settings, self.progress.value, transcriber))
                if made == settings.short_batches:
                    break


def _round(utterances: list[Utterance], rng: np.random.Generator, settings: Settings, short: bool) -> Iterator[list[Utterance]]:
    """Every utterance once, in batches of like length and about `batch_seconds` with padding."""
    seconds = np.array([utterance.seconds + _PADDING_SECONDS for utterance in utterances])
    order = rng.permutation(len(utterances))
    if short:
        order = order[seconds[order] < _SHORT_SECONDS]
    # short rounds, so that new shards are soon heard
    for begin in range(0, min(len(order), 6 * _CHUNK), _CHUNK):
        chunk = order[begin : begin + _CHUNK]
        chunk = chunk[np.argsort(seconds[chunk])]
        batches: list[list[int]] = [[]]
        for index in chunk:
            if batches[-1] and seconds[index] * (len(batches[-1]) + 1) > settings.batch_seconds:
                batches.append([])
            batches[-1].append(index)
        for number in rng.permutation(len(batches)):
            if len(batches[number]) >= 8:
                yield [utterances[index] for index in batches[number]]


_NOISY = replace(Chances(), babble=0.42, noise=0.35, babble_db=(0.0, 22.0), noise_db=(0.0, 22.0), line=0.4)


def chances(progress: float) -> Chances:
    """Gentle at first; in the last third most of the speech is heard in noise or among other voices."""
    if progress < 0.08:
        return replace(Chances(), babble=0.3, noise=0.3, babble_db=(12.0, 30.0), noise_db=(10.0, 35.0))
    if progress < 0.62:
        return Chances()
    return replace(Chances(), babble=0.44, noise=0.4, babble_db=(2.0, 22.0), noise_db=(0.0, 25.0))


#: a batch as it travels between processes: the fields of `Batch` as arrays
Arrays = tuple[NDArray[np.float32], NDArray[np.int64], list[Words], list[tuple[float, float]]]


def _make(
    batch: list[Utterance], rng: np.random.Generator, pool: NDArray[np.int16], others: list[NDArray[np.int16]],
    settings: Settings, progress: float, transcriber: Transcriber
) -> Arrays:  # fmt: skip
    features, transcripts, spans = [], [], []
    for utterance in batch:
        damaged, words = _heard(utterance, rng, pool, others, settings, progress, transcriber)
        warp = float(rng.choice(WARPS)) if rng.random() < 0.6 else 1.0
        features.append(_mask(log_mel(damaged.samples, warp), rng))
        transcripts.append(words)
        spans.append((damaged.begin_seconds, damaged.end_seconds))
    lengths = np.array([len(rows) for rows in features])
    padded = np.zeros((len(features), lengths.max(), BINS), dtype=np.float32)
    for row, rows in zip(padded, features, strict=True):
        row[: len(rows)], row[len(rows) :] = rows, rows[-1]
    return padded, lengths, transcripts, spans


def _heard(
    utterance: Utterance, rng: np.random.Generator, pool: NDArray[np.int16], others: list[NDArray[np.int16]],
    settings: Settings, progress: float, transcriber: Transcriber
) -> tuple[Damaged, Words]:  # fmt: skip
    """The utterance through a bad line, now and then with or without a sound that is no word; its transcript."""
    samples, words = utterance.samples, transcriber(utterance)
    lot = rng.random() if settings.is_noisy or progress > _GARBAGE_FROM else 1.0
    if lot < _NOISE_ONLY:
        return _only_noise(len(samples), rng, pool), []
    noise = [settings.units[GARBAGE]]
    lot -= _NOISE_ONLY
    if lot < _GARBAGE_ONLY:
        samples, words = _no_words(rng, others, longest=len(samples)), [noise]
    elif lot < _GARBAGE_ONLY + _GARBAGE_BESIDE:
        gap = np.zeros(int(rng.uniform(0.05, 0.5) * RATE_HZ), np.int16)
        sound = (_no_words(rng, others, longest=RATE_HZ) * rng.uniform(0.3, 1.0)).astype(np.int16)
        before = rng.random() < 0.5
        samples = np.concatenate([sound, gap, samples] if before else [samples, gap, sound])
        words = [noise, *words] if before else [*words, noise]
    return damage(samples, rng, pool, _NOISY if settings.is_noisy else chances(progress)), words


def _no_words(rng: np.random.Generator, others: list[NDArray[np.int16]], longest: int) -> NDArray[np.int16]:
    """A sound, or somebody speaking another language."""
    if others and rng.random() < 0.35:
        speech = others[rng.integers(len(others))]
        begin = rng.integers(0, max(1, len(speech) - longest))
        return speech[begin : begin + longest]
    return garbage.sound(rng)[: max(longest, RATE_HZ // 2)]


def _only_noise(length: int, rng: np.random.Generator, pool: NDArray[np.int16]) -> Damaged:
    """A line on which nobody speaks: noise, or the murmur of a full room."""
    crowd = rng.random() < 0.4 and len(pool) > 4 * length
    sound = babble(length, pool, rng, int(rng.integers(5, 9))) if crowd else coloured_noise(length, rng)
    scaled = (sound / (np.abs(sound).max() + 1e-9) * 10000).astype(np.int16)
    return damage(scaled, rng, pool, replace(Chances(), babble=0.0, noise=0.5))


def _mask(features: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """SpecAugment: up to two bands and two stretches of time are blanked."""
    for _ in range(rng.integers(0, 3)):
        width = rng.integers(1, 7)
        begin = rng.integers(0, BINS - width)
        features[:, begin : begin + width] = features.mean()
    for _ in range(rng.integers(0, 3)):
        width = rng.integers(1, 12)
        begin = rng.integers(0, max(1, len(features) - width))
        features[begin : begin + width] = features.mean(0)
    return features
