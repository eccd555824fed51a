"""Response and barge-in times from recorded wire audio. Pure functions over samples.

All spans are half-open and in milliseconds from the recording's first sample, at a resolution of 5 ms.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_MS = 5
LOUD_DB = -45.0
_SHORTEST_MS = 20  # shorter sounds are clicks
_BRIDGE_MS = 60  # a stop consonant is no end of speech


@dataclass(frozen=True, slots=True)
class Span:
    start_ms: int
    end_ms: int

    @property
    def duration_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Response:
    """The robot's answer to one turn of the patient.

    `latency_ms`: from the patient's last sound to the robot's first; None where the robot said nothing before the patient's
    next turn, or was still speaking when the patient ended.
    """

    turn: Span
    latency_ms: int | None


@dataclass(frozen=True, slots=True)
class BargeIn:
    """The patient spoke over the robot. `stop_ms`: from the patient's first sound to the robot's last; None if it went on."""

    turn: Span
    stop_ms: int | None


def speech_spans(samples: NDArray[np.int16], rate_hz: int, threshold_db: float = LOUD_DB) -> list[Span]:
    """Return where sound is louder than `threshold_db` dBFS (RMS of 5 ms), short dips bridged, clicks left out."""
    size = rate_hz * BLOCK_MS // 1000
    count = len(samples) // size
    if count == 0:
        return []
    blocks = samples[: count * size].reshape(count, size).astype(np.float32)
    power = np.mean(blocks * blocks, axis=1) / np.float32(32768.0**2)
    is_loud = power > 10 ** (threshold_db / 10)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], is_loud.astype(np.int8), [0]])))
    spans: list[Span] = []
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        span = Span(start * BLOCK_MS, end * BLOCK_MS)
        if spans and span.start_ms - spans[-1].end_ms <= _BRIDGE_MS:
            spans[-1] = Span(spans[-1].start_ms, span.end_ms)
        else:
            spans.append(span)
    return [span for span in spans if span.duration_ms >= _SHORTEST_MS]


def trimmed(spans: Sequence[Span], around: Span) -> Span | None:
    """Return from the first sound to the last of `spans` inside `around`; None if there is none."""
    inside = [s for s in spans if s.end_ms > around.start_ms and s.start_ms < around.end_ms]
    if not inside:
        return None
    return Span(max(inside[0].start_ms, around.start_ms), min(inside[-1].end_ms, around.end_ms))


def turns_of(spans: Sequence[Span], pause_ms: int = 700) -> list[Span]:
    """Join spans with pauses shorter than `pause_ms` into turns, where nothing better than the sound is known."""
    turns: list[Span] = []
    for span in spans:
        if turns and span.start_ms - turns[-1].end_ms < pause_ms:
            turns[-1] = Span(turns[-1].start_ms, span.end_ms)
        else:
            turns.append(span)
    return turns


def responses(turns: Sequence[Span], robot: Sequence[Span]) -> list[Response]:
    """Pair each turn of the patient with the robot's first sound after it."""
    found = []
    for number, turn in enumerate(turns):
        until = turns[number + 1].start_ms if number + 1 < len(turns) else None
        is_talking = any(s.start_ms < turn.end_ms < s.end_ms for s in robot)
        after = next((s.start_ms for s in robot if s.start_ms >= turn.end_ms), None)
        is_answer = after is not None and not is_talking and (until is None or after < until)
        found.append(Response(turn, after - turn.end_ms if is_answer and after is not None else None))
    return found


def barge_ins(interruptions: Sequence[Span], robot: Sequence[Span]) -> list[BargeIn]:
    """Return how fast the robot fell silent, for each turn that began while it spoke (others are left out).

    A pause between two sentences is not yet silence: the robot's last sound within the turn counts. A short gap at the very
    moment of the interruption is allowed for: speech within 300 ms before it and again after it.
    """
    found = []
    for turn in interruptions:
        around = [s for s in robot if s.start_ms < turn.end_ms and s.end_ms > turn.start_ms - 300]
        if not around or not any(s.start_ms < turn.start_ms for s in around):
            continue
        last = around[-1]
        if last.end_ms <= turn.start_ms:
            continue  # it had just finished by itself
        found.append(BargeIn(turn, None if last.end_ms > turn.end_ms else last.end_ms - turn.start_ms))
    return found


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that at least `share` (0..1) of `values` do not exceed (nearest rank); None of none."""
    if not values:
        return None
    ordered = sorted(values)
    rank = int(np.ceil(share * len(ordered) - 1e-9))
    return ordered[min(len(ordered), max(1, rank)) - 1]
