"""The trained part of understanding: multinomial logistic regression over letters and lemmas, with calibrated probabilities.

Trained from phrases at start (seconds) with scikit-learn, kept as plain arrays under the hash of all it was made of; applied
without it: a phrase costs a fraction of a millisecond.
"""

import hashlib
import json
import math
import os
import warnings
import zipfile
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from voicebot.dialog.understanding import intents, patterns
from voicebot.dialog.understanding.features import Views, document_counts, lemmas, views, weighed
from voicebot.dialog.understanding.noise import Noise

log = structlog.get_logger(__name__)

_VERSION = 4  # of features, noise and training: another number forgets what is cached
_VARIANTS = 3
_KEPT_FILES = 6  # of earlier phrases, in the cache
_LEAST_DOCUMENTS = 5
_REGULARISATION = 8.0  # scikit-learn's C
_ITERATIONS = 25
_LAST_ITERATIONS = 8  # from there on
_HELD_OUT = 6  # one in so many phrases is kept from the first training, for calibration
_TEMPERATURES = np.geomspace(0.3, 3.0, 25)
_BOOSTS = np.arange(0.0, 4.1, 0.5)


@dataclass(slots=True)
class Classifier:
    """Weights: features x intents."""

    intents: tuple[str, ...]
    known: dict[str, int]
    idf: list[float]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float
    boost: float  # what a rule's finding adds to an intent's score

    def probabilities(self, text: str, hits: Collection[str] = ()) -> dict[str, float]:
        """Intent -> probability of a normalised phrase, the likeliest first. `hits`: intents whose rules it fits."""
        features = weighed(views(text), self.known, self.idf)
        scores = self.bias.astype(np.float64)
        if features:
            numbers = np.fromiter(features.keys(), dtype=np.int64, count=len(features))
            values = np.fromiter(features.values(), dtype=np.float32, count=len(features))
            scores = scores + values @ self.weights[numbers]
        scores = scores + self.boost * np.array([intent in hits for intent in self.intents])
        found = _softmax(scores / self.temperature)
        order = np.argsort(-found)
        return {self.intents[index]: float(found[index]) for index in order}

    def familiarity(self, text: str) -> float:
        """The share of a normalised phrase's words, 0..1, that the training met in any form."""
        words = lemmas(text)
        return sum(f"={word}" in self.known for word in words) / len(words) if words else 0.0


def learn(phrases: Mapping[str, Sequence[str]], cache_folder: Path | None = None) -> Classifier:
    """Return the classifier of these phrases: from the cache if it was trained before, else trained now and kept."""
    digest = _digest(phrases)
    file = cache_folder / f"intents-{digest}.npz" if cache_folder is not None else None
    if file is not None and file.is_file():
        try:
            return _load(file)
        except (OSError, ValueError, KeyError, zlib.error, zipfile.BadZipFile) as error:
            log.warning("trained understanding not readable, trained anew", problem=type(error).__name__)
    trained = train(phrases)
    if file is not None:
        try:
            _store(trained, file)
        except OSError as error:
            log.warning("trained understanding not kept", problem=error.strerror, cure="Make the cache folder writable.")
    return trained


def train(phrases: Mapping[str, Sequence[str]]) -> Classifier:
    """Train on phrases and their damaged variants; fit the temperature on phrases the first training has not seen."""
    rows = [(intent, phrase) for intent, several in sorted(phrases.items()) for phrase in several]
    names = tuple(sorted({intent for intent, _ in rows}))
    noise = Noise([phrase for _, phrase in rows])
    groups = [[phrase, *noise.variants(phrase, _VARIANTS)] for _, phrase in rows]
    texts = [text for group in groups for text in group]
    seen = [views(text) for text in texts]
    counts = document_counts(seen)
    kept = sorted(name for name, count in counts.items() if count >= _LEAST_DOCUMENTS)
    known = {name: number for number, name in enumerate(kept)}
    idf = [math.log((1 + len(texts)) / (1 + counts[name])) + 1.0 for name in kept]
    features = _matrix(seen, known, idf)
    wanted = np.array([names.index(intent) for (intent, _), group in zip(rows, groups, strict=True) for _ in group])
    owners = np.array([number for number, group in enumerate(groups) for _ in group])
    is_held_out = owners % _HELD_OUT == _HELD_OUT - 1
    solver = _Solver()
    solver.fit(features[~is_held_out], wanted[~is_held_out], _ITERATIONS)
    held_out = [text for text, is_out in zip(texts, is_held_out, strict=True) if is_out]
    rules = np.array([[intent in hits for intent in names] for hits in map(intents.hits, held_out)], dtype=np.float64)
    temperature, boost = _calibrated(solver.scores(features[is_held_out]), rules, wanted[is_held_out])
    solver.fit(features, wanted, _LAST_ITERATIONS)
    weights, bias = solver.result()
    return Classifier(names, known, idf, weights, bias, temperature, boost)


class _Solver:
    """Logistic regression that goes on from where the last fit ended."""

    def __init__(self) -> None:
        from sklearn.linear_model import LogisticRegression  # half a second: only where there is something to train

        self._model = LogisticRegression(C=_REGULARISATION, tol=1e-3, warm_start=True)

    def fit(self, features: Any, wanted: NDArray[np.int64], iterations: int) -> None:
        self._model.max_iter = iterations
        # One thread: the matrices are small, and threads that wait busily for each other are slower on a busy machine.
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # not converged to the last digit is what the limit is for
            self._model.fit(features, wanted)

    def scores(self, features: Any) -> NDArray[np.float64]:
        return np.asarray(self._model.decision_function(features), dtype=np.float64)

    def result(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._model.coef_.T.astype(np.float32), self._model.intercept_.astype(np.float32)


def _matrix(several: Sequence[Views], known: Mapping[str, int], idf: list[float]) -> Any:
    from scipy.sparse import csr_matrix

    numbers: list[int] = []
    values: list[float] = []
    ends = [0]
    for found in several:
        row = weighed(found, known, idf)
        numbers.extend(row)
        values.extend(row.values())
        ends.append(len(numbers))
    shape = (len(several), len(known))
    return csr_matrix((np.array(values, np.float32), np.array(numbers, np.int32), np.array(ends, np.int32)), shape=shape)


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _calibrated(scores: NDArray[np.float64], rules: NDArray[np.float64], wanted: NDArray[np.int64]) -> tuple[float, float]:
    """The temperature (Guo et al. 2017) and the rules' weight under which the held-out phrases surprise the least."""
    if not len(wanted):
        return 1.0, 2.0
    own = np.arange(len(wanted))
    found = [
        (float(-np.log(_softmax((scores + boost * rules) / temperature)[own, wanted] + 1e-12).mean()), temperature, boost)
        for temperature in _TEMPERATURES
        for boost in _BOOSTS
    ]
    _, temperature, boost = min(found)
    return float(temperature), float(boost)


def _digest(phrases: Mapping[str, Sequence[str]]) -> str:
    """What the training depends on: the phrases, the rules that are features, and this code's version."""
    rules = {name: value for name, value in vars(patterns).items() if name.isupper()}
    parts = [_VERSION, {intent: list(several) for intent, several in sorted(phrases.items())}, rules]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()[:24]


def _store(trained: Classifier, file: Path) -> None:
    """Write whole or not at all: several brains may start together."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.stem}-{os.getpid()}.part")
    with part.open("wb") as sink:
        np.savez_compressed(
            sink,
            intents=np.array(trained.intents),
            features=np.frombuffer("\n".join(trained.known).encode(), dtype=np.uint8),
            idf=np.array(trained.idf, np.float32),
            weights=trained.weights.astype(np.float16),
            bias=trained.bias,
            temperature=np.array(trained.temperature),
            boost=np.array(trained.boost),
        )
    part.replace(file)
    kept = sorted(file.parent.glob("intents-*.npz"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in kept[_KEPT_FILES:]:
        old.unlink(missing_ok=True)


def _load(file: Path) -> Classifier:
    with np.load(file, allow_pickle=False) as kept:
        names = kept["features"].tobytes().decode().split("\n")
        return Classifier(
            tuple(str(name) for name in kept["intents"]),
            {name: number for number, name in enumerate(names)},
            [float(value) for value in kept["idf"]],
            kept["weights"].astype(np.float32),
            kept["bias"],
            float(kept["temperature"]),
            float(kept["boost"]),
        )
