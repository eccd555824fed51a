"""A pruned back-off trigram model: counted on template sentences, with the language's word frequencies beneath.

Interpolated discounting by origins: what a single template says, however often it is drawn, tells little about what other
people will say, and loses most of its mass to the shorter history; what stands in many templates keeps it. (Kneser and Ney
count histories in the same spirit.) An n-gram stays if leaving it to the shorter history would cost enough likelihood.
"""

from __future__ import annotations

import lzma
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

BEGIN, END = "<s>", "</s>"
History = tuple[str, ...]
Counts = list[defaultdict[History, Counter[str]]]
#: of an n-gram that a single origin has, and how fast it falls with the number of origins
_DISCOUNT, _DISCOUNT_POWER = 0.8, 0.7
#: of every history's mass, whatever was seen
_ALWAYS_SPARE = 0.02
#: of the unigrams, what counts origins instead of words
_ORIGINS_SHARE = 0.1


@dataclass
class NgramModel:
    """`probabilities[history][word]` and `backoffs[history]` (plain numbers, not logarithms)."""

    probabilities: dict[History, dict[str, float]] = field(default_factory=dict)
    backoffs: dict[History, float] = field(default_factory=dict)

    def probability(self, history: History, word: str) -> float:
        weight = 1.0
        while word not in self.probabilities.get(history, {}):
            if not history:
                return 0.0
            weight *= self.backoffs.get(history, 1.0)
            history = history[1:]
        return weight * self.probabilities[history][word]

    def raise_unigrams(self, floor: Mapping[str, float]) -> None:
        """Gives words at least the probabilities given; what is over one in sum is small enough to be left."""
        unigrams = self.probabilities[()]
        for word, probability in floor.items():
            unigrams[word] = max(unigrams.get(word, 0.0), probability)

    def cross_entropy(self, sentences: Iterable[list[str]]) -> float:
        """Mean negative log2 probability of a word; unknown words are left out."""
        total = words = 0.0
        for sentence in sentences:
            history: History = (BEGIN,)
            for word in [*sentence, END]:
                if probability := self.probability(history, word):
                    total, words = total - math.log2(probability), words + 1
                history = (*history, word)[-2:]
        return total / words

    def save(self, path: Path) -> None:
        """Lines: log10 probability, words of the n-gram, log10 back-off weight of it as a history (as in ARPA)."""
        lines = []
        for history, words in sorted(self.probabilities.items(), key=lambda item: (len(item[0]), item[0])):
            for word, probability in sorted(words.items()):
                ngram = (*history, word)
                backoff = f"\t{math.log10(self.backoffs[ngram]):.2f}" if ngram in self.backoffs else ""
                lines.append(f"{math.log10(probability):.2f}\t{' '.join(ngram)}{backoff}\n")
        lines.append(f"-99\t{BEGIN}\t{math.log10(self.backoffs[(BEGIN,)]):.3f}\n")
        path.write_bytes(lzma.compress("".join(lines).encode()))

    @classmethod
    def load(cls, path: Path) -> NgramModel:
        model = cls()
        with lzma.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                log, ngram, *backoff = line.rstrip("\n").split("\t")
                words = tuple(ngram.split(" "))
                if words != (BEGIN,):
                    model.probabilities.setdefault(words[:-1], {})[words[-1]] = 10 ** float(log)
                if backoff:
                    model.backoffs[words] = 10 ** float(backoff[0])
        return model


def estimate(sentences: Iterable[list[str]], general: Mapping[str, float], *, origins: Iterable[int] | None = None,
             general_share: float = 0.33, vocabulary: Iterable[str] = (),
             thresholds: tuple[float, float] = (4.0, 7.0)) -> NgramModel:  # fmt: skip
    """`origins`: the template of each sentence, else each is its own; `general`: relative frequencies in the language;
    `thresholds`: for bigrams and trigrams, counts times nats.
    """
    seen, told = _counts(sentences, count() if origins is None else origins)
    model = NgramModel()
    model.probabilities[()] = _unigrams(seen[0][()], told[0][()], general, general_share, vocabulary)
    for order in (1, 2):
        for history, followers in seen[order].items():
            _add_history(model, history, followers, told[order][history], thresholds[order - 1])
    _link(model)
    return model


def _counts(sentences: Iterable[list[str]], origins: Iterable[int]) -> tuple[Counts, Counts]:
    """How often an n-gram is seen, and how many origins tell it; by order."""
    seen: Counts = [defaultdict(Counter) for _ in range(3)]
    told: Counts = [defaultdict(Counter) for _ in range(3)]
    by_origin: dict[int, list[list[str]]] = defaultdict(list)
    for origin, sentence in zip(origins, sentences, strict=False):  # origins may be endless
        by_origin[origin].append(sentence)
    for group in by_origin.values():
        of_group = set()
        for sentence in group:
            words = [BEGIN, *sentence, END]
            for place in range(1, len(words)):
                for order in range(min(3, place + 1)):
                    history = tuple(words[place - order : place])
                    seen[order][history][words[place]] += 1
                    of_group.add((history, words[place]))
        for history, word in of_group:
            told[len(history)][history][word] += 1
    return seen, told


def mix(first: NgramModel, second: NgramModel, share: float, *, is_by_history: bool = False) -> NgramModel:
    """One back-off model of two, the first of which has `share` of every probability; `is_by_history`: of the sentences,
    so that after words which the second says far more often, the second has the greater say.
    """
    model = NgramModel()
    histories = sorted(first.probabilities.keys() | second.probabilities.keys(), key=len)
    for history in histories:
        words = first.probabilities.get(history, {}).keys() | second.probabilities.get(history, {}).keys()
        own, other = share, 1 - share
        if is_by_history:
            own, other = own * _marginal(first, history), other * _marginal(second, history)
        part = own / (own + other)
        mixed = {word: part * first.probability(history, word) + (1 - part) * second.probability(history, word)
                 for word in words}  # fmt: skip
        model.probabilities[history] = mixed
        if history:
            left = 1 - sum(mixed.values())
            left_below = 1 - sum(model.probability(history[1:], word) for word in mixed)
            model.backoffs[history] = max(left, 1e-4) / max(left_below, 1e-4)
    _link(model)
    return model


def _marginal(model: NgramModel, history: History) -> float:
    """How often a model comes to say a history."""
    probability = 1.0
    for place, word in enumerate(history):
        if word != BEGIN:
            probability *= model.probability(history[:place], word)
    return probability


def _unigrams(seen: Counter[str], told: Counter[str], general: Mapping[str, float], share: float,
              vocabulary: Iterable[str]) -> dict[str, float]:  # fmt: skip
    total, origins, mass = sum(seen.values()), sum(told.values()), sum(general.values())
    floor = 0.02 / total
    raw = {}
    for word in {*seen, *general, *vocabulary}:
        domain = (1 - _ORIGINS_SHARE) * seen[word] / total + _ORIGINS_SHARE * told[word] / origins
        raw[word] = (1 - share) * domain + share * general.get(word, 0.0) / mass + floor
    norm = sum(raw.values())
    return {word: value / norm for word, value in raw.items()}


def _add_history(model: NgramModel, history: History, seen: Counter[str], told: Counter[str], threshold: float) -> None:
    total = sum(seen.values())
    own = {word: times * (1 - _DISCOUNT / told[word] ** _DISCOUNT_POWER) / total * (1 - _ALWAYS_SPARE)
           for word, times in seen.items()}  # fmt: skip
    spare = 1 - sum(own.values())
    kept = {}
    for word, times in seen.items():
        below = model.probability(history[1:], word)
        value = own[word] + spare * below
        if times * math.log(value / below) > threshold:
            kept[word] = value
    if not kept:
        return
    left = 1 - sum(kept.values())
    left_below = 1 - sum(model.probability(history[1:], word) for word in kept)
    model.probabilities[history] = kept
    model.backoffs[history] = max(left, 1e-4) / max(left_below, 1e-4)


def _link(model: NgramModel) -> None:
    """A history that is kept needs its own n-gram kept, else no path leads to its state."""
    for history in [h for h in model.probabilities if len(h) == 2 and h[0] != BEGIN]:
        if history[1] not in model.probabilities.get(history[:1], {}):
            del model.probabilities[history], model.backoffs[history]
    for history in [h for h in model.probabilities if len(h) == 2 and h[0] == BEGIN]:
        if history[1] not in model.probabilities.get((BEGIN,), {}):
            del model.probabilities[history], model.backoffs[history]
