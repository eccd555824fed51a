"""The trained part of understanding: multinomial logistic regression over letters, lemmas and their meaning, calibrated.

Trained from phrases at the first start (minutes) with SciPy, kept as plain arrays under the hash of all it was made of;
applied without it: a phrase costs a fraction of a millisecond.
"""

import hashlib
import json
import math
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from voicebot.dialog.understanding import intents, patterns
from voicebot.dialog.understanding.features import Views, lemmas, views, weighed
from voicebot.dialog.understanding.named import NOTHING_NAMED, Named
from voicebot.dialog.understanding.noise import Noise
from voicebot.dialog.understanding.vectors import FILE, word_vectors

log = structlog.get_logger(__name__)

_VERSION = 9  # of features, noise and training: another number forgets what is cached
_MOST_HEARD = 2  # of what was heard of a phrase
_TELLING = 5000  # phrases whose training takes long enough to be told of
_KEPT_FILES = 8  # of earlier phrases, in the cache
_LEAST_DOCUMENTS = 5
_REGULARISATION = 20.0  # the inverse of its strength a phrase: the larger, the weaker
_ITERATIONS = 50
_LAST_ITERATIONS = 15  # from there on
_HELD_OUT = 6  # one in so many phrases is kept from the first training, for calibration
_MEASURED = 3  # of a phrase and its variants, for calibration
_TEMPERATURES = np.geomspace(0.3, 3.0, 25)
_STRANGERS = frozenset({"off_topic", "none"})
_WELL_KNOWN = 9
_BOOSTS = np.arange(0.0, 4.1, 0.5)
_RARE_DOCUMENTS = 1  # in how many phrases a word counts that the training never met

Heard = Mapping[str, Sequence[str]]
"""A phrase -> what the recogniser made of it in noise."""


@dataclass(slots=True)
class Classifier:
    """Weights: features x intents."""

    intents: tuple[str, ...]
    known: dict[str, int]
    idf: list[float]
    weights: NDArray[np.float32]
    senses: NDArray[np.float32]  # a word vector's places x intents
    rare: float  # the IDF of a lemma that the training never met
    bias: NDArray[np.float32]
    temperature: float
    boost: float  # what a rule's finding adds to an intent's score
    own: frozenset[str]  # lemmas of those who want something of the clinic
    named: Named = NOTHING_NAMED

    def probabilities(self, text: str, hits: Collection[str] = ()) -> dict[str, float]:
        """Intent -> probability of a normalised phrase, the likeliest first. `hits`: intents whose rules it fits."""
        features = weighed(views(text, self.own.__contains__, self.named), self.known, self.idf)
        scores = self.bias.astype(np.float64)
        if features:
            numbers = np.fromiter(features.keys(), dtype=np.int64, count=len(features))
            values = np.fromiter(features.values(), dtype=np.float32, count=len(features))
            scores = scores + values @ self.weights[numbers]
        scores = scores + _sense(text, self.known, self.idf, self.rare) @ self.senses
        scores = scores + self.boost * np.array([intent in hits for intent in self.intents])
        found = _softmax(scores / self.temperature)
        order = np.argsort(-found)
        return {self.intents[index]: float(found[index]) for index in order}

    def familiarity(self, text: str) -> float:
        """The share of a normalised phrase's words, 0..1, that the training met in any form."""
        words = lemmas(text)
        return sum(f"={word}" in self.known for word in words) / len(words) if words else 0.0


def learn(
    phrases: Mapping[str, Sequence[str]],
    cache_folder: Path | None = None,
    names: Collection[str] = (),
    heard: Heard = MappingProxyType({}),
    kinds: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Classifier:
    """Return the classifier of these phrases: from the cache if it was trained before, else trained now and kept.

    `names`: what the clinic has, in words: they are its own whether or not a phrase holds them. `heard`: what the recogniser
    makes of phrases. `kinds`: kind -> names which mean the same for a wish, whichever of them is said.
    """
    digest = _digest(phrases, names, heard, kinds)
    named = Named({kind: [lemmas(name) for name in several] for kind, several in kinds.items()})
    file = cache_folder / f"intents-{digest}.npz" if cache_folder is not None else None
    if file is not None and file.is_file():
        try:
            return replace(_load(file), named=named)
        except (OSError, ValueError, KeyError, zlib.error, zipfile.BadZipFile) as error:
            log.warning("trained understanding not readable, trained anew", problem=type(error).__name__)
    count = sum(len(several) for several in phrases.values())
    if count > _TELLING:
        log.info("learning what callers say, once: a minute or two of one core", phrases=count)
    trained = train(phrases, names, heard, named)
    if file is not None:
        try:
            _store(trained, file)
        except OSError as error:
            log.warning("trained understanding not kept", problem=error.strerror, cure="Make the cache folder writable.")
    return trained


def train(
    phrases: Mapping[str, Sequence[str]],
    names: Collection[str] = (),
    heard: Heard = MappingProxyType({}),
    named: Named = NOTHING_NAMED,
) -> Classifier:
    """Train on phrases and their variants, dressed and misheard; fit the temperature on phrases the first training has not
    seen.
    """
    rows = [(intent, phrase) for intent, several in sorted(phrases.items()) for phrase in several]
    several = tuple(sorted({intent for intent, _ in rows}))
    noise = Noise([phrase for _, phrase in rows])
    groups = [[phrase, *_variants(phrase, noise, heard.get(phrase, ()))] for _, phrase in rows]
    texts = [text for group in groups for text in group]
    own = _own_words(rows, names)
    seen = [found for (intent, _), group in zip(rows, groups, strict=True) for found in _seen(intent, group, own, named)]
    features, known, idf = _learnt_features(seen)
    rare = math.log((1 + len(seen)) / (1 + _RARE_DOCUMENTS)) + 1.0
    senses = np.stack([_sense(text, known, idf, rare) for text in texts])
    wanted = np.array([several.index(intent) for (intent, _), group in zip(rows, groups, strict=True) for _ in group])
    owners = np.array([number for number, group in enumerate(groups) for _ in group])
    is_held_out = owners % _HELD_OUT == _HELD_OUT - 1
    solver = _Solver(len(several))
    solver.fit(features[~is_held_out], senses[~is_held_out], wanted[~is_held_out], _ITERATIONS)
    is_held_out &= np.array([number < _MEASURED for group in groups for number in range(len(group))])
    held_out = [text for text, is_out in zip(texts, is_held_out, strict=True) if is_out]
    rules = np.array([[intent in hits for intent in several] for hits in map(intents.hits, held_out)], dtype=np.float64)
    temperature, boost = _calibrated(solver.scores(features[is_held_out], senses[is_held_out]), rules, wanted[is_held_out])
    solver.fit(features, senses, wanted, _LAST_ITERATIONS)
    weights, of_senses, bias = solver.result()
    return Classifier(several, known, idf, weights, of_senses, rare, bias, temperature, boost, frozenset(own), named)


def _variants(phrase: str, noise: Noise, heard: Sequence[str]) -> list[str]:
    """Dressed in small talk; as it was heard in noise, once or twice, else as it might be."""
    dressed, simulated = noise.dressed(phrase), noise.heard(phrase)
    return [dressed, *(heard[:_MOST_HEARD] or [simulated])]


def _sense(text: str, known: Mapping[str, int], idf: Sequence[float], rare: float) -> NDArray[np.float32]:
    """The direction in which the words of a normalised phrase point together; rare ones weigh more."""

    def weight(form: str) -> float:
        number = known.get(f"={form}")
        return rare if number is None else idf[number]

    return word_vectors().of(lemmas(text), weight)


def _own_words(rows: Sequence[tuple[str, str]], names: Collection[str]) -> Counter[str]:
    """Lemma -> in how many phrases of those who want something it is; those of the clinic's names count as well known."""
    own = Counter[str]()
    for intent, phrase in rows:
        if intent not in _STRANGERS:
            own.update(set(lemmas(phrase)))
    own.update({form: _WELL_KNOWN for name in names for form in lemmas(name)})
    return own


def _seen(intent: str, group: Sequence[str], own: Counter[str], named: Named) -> Iterator[Views]:
    """The views of a phrase and its variants. Its own words count only where other phrases have them too: a phrase that
    nobody taught will have such words as well.
    """
    least = {} if intent in _STRANGERS else dict.fromkeys(lemmas(group[0]), 2)
    for text in group:
        yield views(text, lambda form: own[form] >= least.get(form, 1), named)


class _Solver:
    """Multinomial logistic regression by L-BFGS (Nocedal 1980), going on from where the last fit ended.

    Beside sparse features each phrase has a dense vector: kept apart, their products are several times quicker.
    """

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._found: NDArray[np.float64] | None = None
        self._width = 0

    def fit(self, sparse: Any, dense: NDArray[np.float32], wanted: NDArray[np.int64], iterations: int) -> None:
        from scipy.optimize import minimize  # half a second: only where there is something to train

        rows = np.arange(len(wanted))
        turned, decay = sparse.T.tocsr(), 1.0 / (_REGULARISATION * len(wanted))
        self._width = sparse.shape[1]
        start = self._found if self._found is not None else np.zeros((self._width + dense.shape[1] + 1) * self._classes)

        def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            weights = flat.reshape(-1, self._classes)
            scores = self._scored(weights.astype(np.float32), sparse, dense)
            scores -= scores.max(axis=1, keepdims=True)
            whole = np.log(np.exp(scores).sum(axis=1, keepdims=True))
            surprise = float((whole[:, 0] - scores[rows, wanted]).mean(dtype=np.float64))
            wrong = np.exp(scores - whole)
            wrong[rows, wanted] -= 1.0
            wrong /= len(wanted)
            slope = np.vstack([turned @ wrong, dense.T @ wrong, wrong.sum(axis=0, keepdims=True)]).astype(np.float64)
            slope[:-1] += decay * weights[:-1]
            return surprise + 0.5 * decay * float((weights[:-1] ** 2).sum()), slope.ravel()

        # One thread: the matrices are small, and threads that wait busily for each other are slower on a busy machine.
        with threadpool_limits(1):
            self._found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": iterations}).x

    def _scored(self, weights: NDArray[np.float32], sparse: Any, dense: NDArray[np.float32]) -> NDArray[np.float32]:
        found = sparse @ weights[: self._width] + dense @ weights[self._width : -1] + weights[-1]
        return np.asarray(found, dtype=np.float32)

    def scores(self, sparse: Any, dense: NDArray[np.float32]) -> NDArray[np.float64]:
        return self._scored(self._weights(), sparse, dense).astype(np.float64)

    def result(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        """Weights of the features, of the dense vector's places, and the bias."""
        weights = self._weights()
        return weights[: self._width], weights[self._width : -1], weights[-1]

    def _weights(self) -> NDArray[np.float32]:
        found = self._found if self._found is not None else np.zeros(self._classes)
        return found.reshape(-1, self._classes).astype(np.float32)


def _learnt_features(seen: Sequence[Views]) -> tuple[Any, dict[str, int], list[float]]:
    """Phrases as rows of TF-IDF weights, the number of each feature, and its IDF. The same as `features.weighed`, at once."""
    from scipy.sparse import csr_matrix, diags, hstack

    blocks, known, idf = [], dict[str, int](), list[float]()
    for view, (weight, _) in enumerate(seen[0]):
        numbers: dict[str, int] = {}
        columns: list[int] = []
        ends = [0]
        for found in seen:
            columns.extend(numbers.setdefault(name, len(numbers)) for name in found[view][1])
            ends.append(len(columns))
        shape = (len(seen), len(numbers))
        counts = csr_matrix((np.ones(len(columns), np.float32), np.array(columns, np.int32), np.array(ends)), shape=shape)
        counts.sum_duplicates()
        documents = np.bincount(counts.indices, minlength=len(numbers))
        places = np.flatnonzero(documents >= _LEAST_DOCUMENTS)
        own_idf = np.log((1 + len(seen)) / (1 + documents[places])) + 1.0
        counts = counts[:, places]
        counts.data = 1.0 + np.log(counts.data)
        counts = counts @ diags(own_idf)
        lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
        blocks.append(diags(weight / np.maximum(lengths, 1e-9)) @ counts)
        names = list(numbers)
        known.update((names[place], len(known)) for place in places)
        idf.extend(map(float, own_idf))
    return hstack(blocks, format="csr", dtype=np.float32), known, idf


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


def _digest(
    phrases: Mapping[str, Sequence[str]], names: Collection[str], heard: Heard, kinds: Mapping[str, Sequence[str]]
) -> str:
    """What the training depends on: the phrases, the rules that are features, and this code's version."""
    rules = {name: value for name, value in vars(patterns).items() if name.isupper()}
    vectors = hashlib.sha256(FILE.read_bytes()).hexdigest()
    taught = {intent: list(several) for intent, several in sorted(phrases.items())}
    misheard = [list(heard.get(phrase, ()))[:_MOST_HEARD] for several in taught.values() for phrase in several]
    parts = [
        _VERSION,
        vectors,
        taught,
        misheard,
        sorted(names),
        rules,
        {kind: sorted(several) for kind, several in kinds.items()},
    ]
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
            senses=trained.senses,
            rare=np.array(trained.rare),
            bias=trained.bias,
            temperature=np.array(trained.temperature),
            boost=np.array(trained.boost),
            own=np.frombuffer("\n".join(sorted(trained.own)).encode(), dtype=np.uint8),
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
            kept["senses"],
            float(kept["rare"]),
            kept["bias"],
            float(kept["temperature"]),
            float(kept["boost"]),
            frozenset(kept["own"].tobytes().decode().split("\n")),
        )
