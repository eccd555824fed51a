"""Words of a clinic that the model must know: doctors, services, streets. From word lists and from the demo's dialplans.

The product adds a clinic's words by itself when it starts (voicebot.vocabulary); here they are baked into the model.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from voicebot.vocabulary.graph import PROBABILITY
from voicebot.vocabulary.pronounce import plain, problem
from voicebot.vocabulary.wanted import SUFFIXES, forms, words_of_files

from .lexicon import Pronunciation, pronouncer

__all__ = ["PROBABILITY", "collect", "demo_files", "pronounce"]


def demo_files(repository: Path) -> list[Path]:
    """Data files of the demo clinic, if there is one."""
    folder = repository / "dialplans" / "demo"
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES) if folder.is_dir() else []


def collect(files: Iterable[Path]) -> set[str]:
    """The files' Russian words in all forms, plain."""
    words: set[str] = set()
    for word in words_of_files(files):
        words.update((plain(word), *forms(word)))
    return {word for word in words if len(word) > 1 and not problem(word)}


def pronounce(words: set[str]) -> dict[str, list[Pronunciation]]:
    """Stress by the accentor where it is installed, else as espeak-ng guesses."""
    if not words:
        return {}
    try:
        from .stress import stress

        stressed = stress(sorted(words), processes=1)
    except ImportError:
        print("graph: without silero-stress espeak-ng guesses the stress of added words", file=sys.stderr)
        stressed = {word: word for word in words}
    one = pronouncer()
    return {word: found for word, mark in stressed.items() if (found := one.pronounce(word, mark))}
