"""What the graph is made from, kept beside the model so that words can be added without the work folder or training."""

from __future__ import annotations

import lzma
from dataclasses import dataclass
from pathlib import Path

from .lexicon import Pronunciation
from .ngrams import NgramModel


@dataclass
class ModelSource:
    """Units in the order of the network's outputs, pronunciations, language model."""

    units: list[str]
    lexicon: dict[str, list[Pronunciation]]
    ngrams: NgramModel

    def save(self, model: Path) -> None:
        folder = model / "source"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "units.txt").write_text("\n".join(self.units) + "\n", encoding="utf-8")
        lines = [f"{word}\t{' '.join(form)}\n" for word, forms in sorted(self.lexicon.items()) for form in forms]
        (folder / "lexicon.txt.xz").write_bytes(lzma.compress("".join(lines).encode()))
        self.ngrams.save(folder / "ngrams.txt.xz")

    @classmethod
    def load(cls, model: Path) -> ModelSource:
        folder = model / "source"
        lexicon: dict[str, list[Pronunciation]] = {}
        with lzma.open(folder / "lexicon.txt.xz", "rt", encoding="utf-8") as lines:
            for line in lines:
                word, form = line.rstrip("\n").split("\t")
                lexicon.setdefault(word, []).append(tuple(form.split()))
        units = (folder / "units.txt").read_text(encoding="utf-8").split()
        return cls(units, lexicon, NgramModel.load(folder / "ngrams.txt.xz"))


def plain_spellings(lexicon: dict[str, list[Pronunciation]]) -> dict[str, list[Pronunciation]]:
    """Words with ё spelled with е as well: grammars may write them so; the language model never does."""
    plain = {word.replace("ё", "е"): forms for word, forms in lexicon.items() if "ё" in word}
    return {word: forms for word, forms in plain.items() if word not in lexicon}
