"""Speech on disk: shards of 16-bit samples at 8 kHz with a table of utterances, safe to read while others are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .workfolder import RATE_HZ

#: utterances longer than this are dropped: padding would waste memory, seconds
LONGEST_SECONDS = 9.0
_PEAK = 0.7


@dataclass(frozen=True)
class Utterance:
    """One spoken phrase: int16 samples (n,) at 8 kHz, its words, who spoke."""

    samples: NDArray[np.int16]
    text: str
    source: str

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE_HZ


class ShardWriter:
    """Collects utterances and writes a shard whenever enough have come."""

    def __init__(self, folder: Path, name: str, utterances_per_shard: int = 500) -> None:
        self._folder, self._name, self._limit = folder, name, utterances_per_shard
        self._pending: list[tuple[NDArray[np.int16], str, str]] = []
        self._next = 0
        self.seconds = 0.0

    def add(self, samples: NDArray[np.float32], text: str, source: str) -> None:
        """`samples`: floats at 8 kHz of any scale; silence around the speech is cut to 60 ms before, 80 ms after."""
        trimmed = trim(samples)
        if trimmed is None or len(trimmed) > LONGEST_SECONDS * RATE_HZ:
            return
        self._pending.append((trimmed, text, source))
        self.seconds += len(trimmed) / RATE_HZ
        if len(self._pending) >= self._limit:
            self.flush()

    def flush(self) -> None:
        if not self._pending:
            return
        stem = self._folder / f"{self._name}-{self._next:04d}"
        offset, rows = 0, []
        for samples, text, source in self._pending:
            rows.append(f"{offset}\t{len(samples)}\t{source}\t{text}\n")
            offset += len(samples)
        np.concatenate([samples for samples, _, _ in self._pending]).tofile(f"{stem}.raw")
        table = stem.with_suffix(".part")
        table.write_text("".join(rows), encoding="utf-8")
        table.rename(stem.with_suffix(".tsv"))  # readers look for the table: it comes last and whole
        self._pending, self._next = [], self._next + 1


def trim(samples: NDArray[np.float32]) -> NDArray[np.int16] | None:
    """Normalised to a fixed peak, outer silence cut; None if there is nothing to hear."""
    peak = float(np.abs(samples).max(initial=0.0))
    if peak <= 0:
        return None
    loud = np.nonzero(np.abs(samples) > 0.016 * peak)[0]
    part = samples[max(0, loud[0] - 480) : loud[-1] + 640]
    return np.round(part / peak * _PEAK * 32767).astype(np.int16)


def read_shard(table: Path) -> Iterator[Utterance]:
    samples = np.fromfile(table.with_suffix(".raw"), dtype=np.int16)
    for line in table.read_text(encoding="utf-8").splitlines():
        offset, count, source, text = line.split("\t")
        yield Utterance(samples[int(offset) : int(offset) + int(count)], text, source)


def read_all(folder: Path) -> list[Utterance]:
    return [utterance for table in sorted(folder.glob("*.tsv")) for utterance in read_shard(table)]
