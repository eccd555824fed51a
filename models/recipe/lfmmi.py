"""Flat-start LF-MMI (Povey 2016, Hadian 2018) in plain torch.

Unit 0 is silence. A unit has two outputs, Kaldi's chain topology: 2k for its first frame, 2k + 1 for the frames after.
The numerator is the transcript's units in a row with optional silence between words; the denominator a phone bigram.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

NEVER = -1e4
#: a transcript: for every word its unit numbers
Words = Sequence[Sequence[int]]
_LEAK = 1e-4
_SILENCE_BETWEEN, _SILENCE_AT_ENDS = 0.4, 0.9


@dataclass(frozen=True)
class PhoneBigram:
    """Probabilities: `transition` (K, K), `initial` (K,), `final` (K,)."""

    transition: Tensor
    initial: Tensor
    final: Tensor

    @classmethod
    def count(cls, transcripts: Iterable[Words], units: int, floor: float = 1e-4) -> PhoneBigram:
        """Counts with silence between words in some places and nearly always at the ends."""
        pairs, initial, final = np.zeros((units, units)), np.zeros(units), np.zeros(units)
        for words in transcripts:
            if not words:
                continue
            initial[0] += _SILENCE_AT_ENDS
            initial[words[0][0]] += 1 - _SILENCE_AT_ENDS
            pairs[0, words[0][0]] += _SILENCE_AT_ENDS
            for index, word in enumerate(words):
                if index:
                    last = words[index - 1][-1]
                    pairs[last, 0] += _SILENCE_BETWEEN
                    pairs[0, word[0]] += _SILENCE_BETWEEN
                    pairs[last, word[0]] += 1 - _SILENCE_BETWEEN
                for a, b in pairwise(word):
                    pairs[a, b] += 1
            last = words[-1][-1]
            pairs[last, 0] += _SILENCE_AT_ENDS
            final[last] += 1 - _SILENCE_AT_ENDS
            final[0] += _SILENCE_AT_ENDS
        pairs += floor * pairs.sum() / units**2
        total = pairs.sum(1) + final
        tensor = torch.tensor
        return cls(tensor(pairs / total[:, None], dtype=torch.float32),
                   tensor(initial / initial.sum(), dtype=torch.float32),
                   tensor((final + 1e-3) / total, dtype=torch.float32))  # fmt: skip


def _numerator_graph(transcripts: Sequence[Words]) -> tuple[Tensor, Tensor, Tensor]:
    """Units (B, S), the log-cost of entering a place from two before (over a silence) and of ending there."""
    chains = [[0, *(unit for word in words for unit in (*word, 0))] for words in transcripts]
    batch, longest = len(chains), max(map(len, chains))
    units = torch.zeros(batch, longest, dtype=torch.long)
    skip, final = torch.full((batch, longest), NEVER), torch.full((batch, longest), NEVER)
    for row, chain in enumerate(chains):
        units[row, : len(chain)] = torch.tensor(chain)
        after_silence = [place for place in range(2, len(chain)) if chain[place - 1] == 0]
        skip[row, after_silence] = 0.0
        final[row, max(0, len(chain) - 2) : len(chain)] = 0.0
    return units, skip, final


def numerator(scores: Tensor, lengths: Tensor, transcripts: Sequence[Words]) -> Tensor:
    """Log-likelihood (B,) of the transcripts; scores (B, T, 2K), lengths (B,) frames."""
    units, skip, final = _numerator_graph(transcripts)
    batch, frames, _ = scores.shape
    places = units.shape[1]
    entering = torch.gather(scores, 2, (2 * units)[:, None, :].expand(batch, frames, places)).unbind(1)
    staying = torch.gather(scores, 2, (2 * units + 1)[:, None, :].expand(batch, frames, places)).unbind(1)
    initial = torch.full((batch, places), NEVER)
    initial[:, :2] = 0.0
    never_1, never_2 = torch.full((batch, 1), NEVER), torch.full((batch, 2), NEVER)
    alpha = initial + entering[0]
    history = [alpha]
    for frame in range(1, frames):
        before = torch.cat([never_1, alpha[:, :-1]], 1)
        two_before = torch.cat([never_2, alpha[:, :-2]], 1)[:, :places] + skip
        alpha = torch.logaddexp(alpha + staying[frame], torch.logaddexp(before, two_before) + entering[frame])
        history.append(alpha)
    last = torch.stack(history, 1)[torch.arange(batch), lengths - 1]
    return torch.logsumexp(last + final, 1)


def denominator(scores: Tensor, lengths: Tensor, bigram: PhoneBigram) -> Tensor:
    """Log-likelihood (B,) of anything at all, by a scaled forward pass over probabilities."""
    batch, frames, _ = scores.shape
    highest = scores.amax(2, keepdim=True).detach()
    likelihood = torch.exp(scores - highest)
    entering, staying = likelihood[:, :, 0::2].unbind(1), likelihood[:, :, 1::2].unbind(1)
    tops = highest[:, :, 0].unbind(1)
    alpha = bigram.initial * entering[0]
    norm = alpha.sum(1)
    alpha, total = alpha / norm[:, None], torch.log(norm) + tops[0]
    alphas, totals = [alpha], [total]
    for frame in range(1, frames):
        arrived = alpha @ bigram.transition + _LEAK * bigram.initial
        alpha = 0.5 * (alpha * staying[frame] + arrived * entering[frame])
        norm = alpha.sum(1)
        alpha, total = alpha / norm[:, None], total + torch.log(norm) + tops[frame] + np.log(2)
        alphas.append(alpha)
        totals.append(total)
    rows = torch.arange(batch)
    last, base = torch.stack(alphas, 1)[rows, lengths - 1], torch.stack(totals, 1)[rows, lengths - 1]
    return base + torch.log((last * bigram.final).sum(1) + 1e-20)
