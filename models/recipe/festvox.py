"""Human speech: the 620 recordings of Debian's festvox-ru (one male reader, BSD-like licence), cut at pauses.

The package has phone labels with times but no word times. Words are aligned to the labels by edit distance over coarse
sound classes, in which a pause is free between words and dear inside one.
"""

from __future__ import annotations

import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from .lexicon import Pronunciation
from .speech_store import ShardWriter
from .synthesis import finished
from .workfolder import RATE_HZ, WorkFolder

DATA = Path("/usr/share/festival/voices/russian/msu_ru_nsh_clunits")
SOURCE_RATE_HZ = 16000
HELD_OUT_UTTERANCES = 60
_TARGET_SECONDS, _MARGIN_SECONDS = 5.0, 0.06
_PAUSE = "_"
#: sound classes of our units and of the labels; others are their first letter
_UNIT_CLASS = {"a": "V", "o": "V", "e": "V", "i": "I", "y": "I", "u": "U", "tS": "C", "ts": "C", "x": "h"}
_LABEL_CLASS = {
    "a": "V", "aa": "V", "ae": "V", "ay": "V", "oo": "V", "o": "V", "e": "V", "ee": "V", "i": "I", "ii": "I", "y": "I",
    "yy": "I", "ur": "U", "u": "U", "uu": "U", "sh": "S", "sch": "S", "ch": "C", "c": "C", "zh": "Z", "h": "h",
    "hh": "h", "pau": _PAUSE, "SIL": _PAUSE, "#": _PAUSE,
}  # fmt: skip
_NEAR = [frozenset(pair) for pair in ("td", "sz", "pb", "fv", "kg", "SZ", "gv", "SC")]


@dataclass(frozen=True)
class Segment:
    """Words spoken without a long pause; times in seconds within the recording."""

    words: list[str]
    begin_seconds: float
    end_seconds: float


def transcripts() -> dict[str, list[str]]:
    """Recording name -> lower-case words."""
    result = {}
    for line in (DATA / "etc/txt.done.data").read_text(encoding="utf-8").splitlines():
        if match := re.match(r'\( (\S+) "(.*)" \)', line):
            result[match[1]] = re.findall("[а-яё]+", match[2].lower().replace("+", ""))
    return result


def _labels(name: str) -> list[tuple[str, float, float]]:
    """(class, begin, end) of every label, seconds."""
    rows, begin = [], 0.0
    for line in (DATA / "lab" / f"{name}.lab").read_text(encoding="utf-8").splitlines():
        cells = line.split()
        if len(cells) >= 3:
            rows.append((_LABEL_CLASS.get(cells[2], cells[2][0]), begin, float(cells[0])))
            begin = float(cells[0])
    return rows


def _substitution(a: str, b: str) -> float:
    if b == _PAUSE:
        return 3.0
    if a == b:
        return 0.0
    if {a, b} <= {"V", "I", "U"}:
        return 0.4
    return 0.5 if frozenset((a, b)) in _NEAR else 1.2


def align(words: list[list[str]], labels: list[tuple[str, float, float]]) -> list[tuple[float, float]] | None:
    """Begin and end of every word, given its sound classes; None if the alignment is poor."""
    sounds = [(sound, index) for index, word in enumerate(words) for sound in word]
    rows, columns = len(sounds), len(labels)
    cost = np.full((rows + 1, columns + 1), 1e9)
    step = np.zeros((rows + 1, columns + 1), dtype=np.int8)
    cost[0, 0] = 0.0
    for j in range(1, columns + 1):
        cost[0, j], step[0, j] = cost[0, j - 1] + (labels[j - 1][0] != _PAUSE), 2
    for i in range(1, rows + 1):
        cost[i, 0], step[i, 0] = i, 1
        word_end = i == rows or sounds[i][1] != sounds[i - 1][1]
        for j in range(1, columns + 1):
            label = labels[j - 1][0]
            skip = (0.0 if word_end else 3.0) if label == _PAUSE else 1.0
            choices = (cost[i - 1, j - 1] + _substitution(sounds[i - 1][0], label), cost[i - 1, j] + 1,
                       cost[i, j - 1] + skip)  # fmt: skip
            step[i, j] = int(np.argmin(choices))
            cost[i, j] = choices[step[i, j]]
    if cost[rows, columns] > 0.25 * max(1, rows):
        return None
    times: list[tuple[float, float] | None] = [None] * len(words)
    i, j = rows, columns
    while i > 0 or j > 0:
        if step[i, j] == 0:
            word, (_, begin, end) = sounds[i - 1][1], labels[j - 1]
            known = times[word]
            times[word] = (begin, known[1] if known else end)
            i, j = i - 1, j - 1
        elif step[i, j] == 1:
            i -= 1
        else:
            j -= 1
    return None if any(time is None for time in times) else [time for time in times if time]


def segments(words: list[str], times: list[tuple[float, float]]) -> list[Segment]:
    """Cuts at pauses of 0.1 s or more, joined again up to some five seconds."""
    result: list[Segment] = []
    first = 0
    for i in range(1, len(words) + 1):
        at_end = i == len(words)
        if not at_end and times[i][0] - times[i - 1][1] < 0.1:
            continue
        begin, end = times[first][0] - _MARGIN_SECONDS, times[i - 1][1] + _MARGIN_SECONDS
        last = result[-1] if result else None
        if last and end - last.begin_seconds < _TARGET_SECONDS:
            result[-1] = Segment(last.words + words[first:i], last.begin_seconds, end)
        else:
            result.append(Segment(words[first:i], max(0.0, begin), end))
        first = i
    return result


def _sox(samples: NDArray[np.int16], factor: float, rate: float) -> NDArray[np.float32]:
    """Formants, pitch and speed times `factor`, then the tempo brought to `rate`; 8 kHz floats."""
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1"]
    command = ["sox", "-q", *raw, "-r", str(SOURCE_RATE_HZ), "-", *raw, "-r", str(RATE_HZ), "-", "gain", "-3"]
    if factor != 1.0:
        command += ["speed", f"{factor:.3f}", "tempo", "-s", f"{rate / factor:.3f}"]
    done = subprocess.run([*command, "rate", str(RATE_HZ)], input=samples.tobytes(), stdout=subprocess.PIPE, check=True)
    return np.frombuffer(done.stdout, np.int16).astype(np.float32)


def import_all(work: WorkFolder, lexicon: dict[str, list[Pronunciation]], spelling: dict[str, str], copies: int = 3) -> None:
    """Fills the speech folder (several speakers made of the one) and the held-out folder (as recorded).

    `spelling`: word as printed -> as in the lexicon (its ё restored).
    """
    rng = random.Random(9)
    names = sorted(transcripts())
    held_out = set(rng.sample(names, HELD_OUT_UTTERANCES))
    training, testing = ShardWriter(work.speech, "festvox"), ShardWriter(work.held_out, "festvox")
    for name, printed in sorted(transcripts().items()):
        words = [spelling.get(word, word) for word in printed]
        if any(word not in lexicon for word in words):
            continue
        classes = [[_UNIT_CLASS.get(unit.rstrip(";"), unit[0]) for unit in lexicon[word][0]] for word in words]
        times = align(classes, _labels(name))
        if times is None:
            continue
        samples, rate_hz = soundfile.read(DATA / "wav" / f"{name}.wav", dtype="int16")
        for segment in segments(words, times):
            seconds = segment.end_seconds - segment.begin_seconds
            units = sum(len(lexicon[word][0]) for word in segment.words)
            if not 5 < units / seconds < 25:  # the alignment went astray
                continue
            part = samples[int(segment.begin_seconds * rate_hz) : int(segment.end_seconds * rate_hz)]
            text = " ".join(segment.words)
            if name in held_out:
                testing.add(_sox(part, 1.0, 1.0), text, "festvox")
                continue
            for copy in range(copies):
                factor = 1.0 if copy == 0 else rng.choice([rng.uniform(0.86, 1.0), rng.uniform(1.0, 1.3)])
                training.add(_sox(part, factor, rng.uniform(0.9, 1.25)), text, "festvox")
    training.flush()
    testing.flush()
    finished(work, "festvox").touch()
    print(f"festvox: {training.seconds / 3600:.2f} h for training, {testing.seconds / 60:.1f} min held out", flush=True)
