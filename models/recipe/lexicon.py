"""Pronunciations: espeak-ng's phones with stress told by the accentor, folded to a small set of units."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

from voicebot.vocabulary.folding import Pronunciation
from voicebot.vocabulary.pronounce import Pronouncer

__all__ = ["Pronunciation", "build", "load", "pronouncer", "save", "units_of"]


@cache
def pronouncer() -> Pronouncer:
    """One in a process: espeak-ng does not survive being started anew."""
    return Pronouncer()


def build(stressed: dict[str, str]) -> dict[str, list[Pronunciation]]:
    """Spelling with ё -> pronunciations."""
    one = pronouncer()
    lexicon: dict[str, list[Pronunciation]] = {}
    for word, marked in stressed.items():
        spelling = marked.replace("+", "")
        if spelling not in lexicon or spelling == word:
            lexicon[spelling] = one.pronounce(spelling, marked)
    return {word: variants for word, variants in lexicon.items() if variants}


def units_of(lexicon: dict[str, list[Pronunciation]], rarest: int = 20) -> list[str]:
    """The units that occur often enough to be learnt, sorted; silence is not among them."""
    counts = Counter(unit for variants in lexicon.values() for variant in variants for unit in variant)
    return sorted(unit for unit, count in counts.items() if count >= rarest)


def save(path: Path, lexicon: dict[str, list[Pronunciation]]) -> None:
    lines = [f"{word}\t{' '.join(variant)}\n" for word, variants in sorted(lexicon.items()) for variant in variants]
    path.write_text("".join(lines), encoding="utf-8")


def load(path: Path) -> dict[str, list[Pronunciation]]:
    lexicon: dict[str, list[Pronunciation]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, variant = line.split("\t")
        lexicon.setdefault(word, []).append(tuple(variant.split()))
    return lexicon
