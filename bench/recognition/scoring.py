"""Word errors and their uncertainty. Pure; the alignment is jiwer's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import jiwer
import numpy as np

RESAMPLES = 2000
_SEED = 17


@dataclass(frozen=True, slots=True)
class Scored:
    """One utterance: its words, the words in the recogniser's vocabulary among them, and the errors made."""

    words: int
    known_words: int
    errors: int

    @property
    def is_known(self) -> bool:
        return self.known_words == self.words


def score(truth: Sequence[str], heard: Sequence[str], is_known: Callable[[str], bool]) -> Scored:
    """Count substitutions, deletions and insertions."""
    if not truth:
        raise ValueError("an utterance without words cannot be scored")
    if not heard:
        errors = len(truth)
    else:
        counted = jiwer.process_words([" ".join(truth)], [" ".join(heard)])
        errors = counted.substitutions + counted.deletions + counted.insertions
    return Scored(len(truth), sum(map(is_known, truth)), errors)


@dataclass(slots=True)
class Tally:
    """Utterances of one set."""

    scored: list[Scored] = field(default_factory=list)

    def figures(self) -> dict[str, float | int | list[float] | None]:
        """Return the set's figures, rates in per cent."""
        known = [one for one in self.scored if one.is_known]
        words = sum(one.words for one in self.scored)
        return {
            "utterances": len(self.scored),
            "words": words,
            "wer": word_error_rate(self.scored),
            "wer_interval": confidence(self.scored),
            "oov": _share(words - sum(one.known_words for one in self.scored), words),
            "utterances_in_vocabulary": len(known),
            "wer_in_vocabulary": word_error_rate(known),
            "exact": _share(sum(one.errors == 0 for one in self.scored), len(self.scored)),
        }


def word_error_rate(scored: Sequence[Scored]) -> float | None:
    """Errors by words, per cent; None without words."""
    return _share(sum(one.errors for one in scored), sum(one.words for one in scored))


def confidence(scored: Sequence[Scored]) -> list[float] | None:
    """Return the 95 % interval of the word error rate: bootstrap over utterances (Bisani and Ney, ICASSP 2004), per cent."""
    if not scored:
        return None
    table = np.array([(one.errors, one.words) for one in scored], dtype=np.float64)
    drawn = table[np.random.default_rng(_SEED).integers(len(table), size=(RESAMPLES, len(table)))].sum(axis=1)
    low, high = np.percentile(100 * drawn[:, 0] / drawn[:, 1], (2.5, 97.5))
    return [round(float(low), 1), round(float(high), 1)]


def _share(part: float, whole: float) -> float | None:
    """Per cent, one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None
