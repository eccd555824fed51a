"""Words of a clinic that the model must know: doctors, services, streets. From word lists and from the demo's dialplans."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from .lexicon import Pronouncer, Pronunciation
from .texts import people

_WORD = re.compile("[А-ЯЁа-яё]+")
_DATA_SUFFIXES = frozenset((".yaml", ".yml", ".csv", ".json", ".txt"))
_SURNAME = re.compile("(ов|ев|ёв|ин|ын|ский|цкий|ко|ук|юк|ич|ян)$")
_SURNAME_FEMALE = re.compile("(ова|ева|ёва|ина|ына|ская|цкая)$")
#: probability of an added word: about that of a usual surname in what callers say
PROBABILITY = 3e-5


def demo_files(repository: Path) -> list[Path]:
    """Data files of the demo clinic, if there is one."""
    folder = repository / "dialplans" / "demo"
    return sorted(path for path in folder.rglob("*") if path.suffix in _DATA_SUFFIXES) if folder.is_dir() else []


def collect(files: Iterable[Path]) -> set[str]:
    """The files' Russian words in all forms."""
    words: set[str] = set()
    for path in files:
        for word in _WORD.findall(path.read_text(encoding="utf-8")):
            words.update(forms(word))
    return {word for word in words if len(word) > 1}


def forms(word: str) -> set[str]:
    """The word and its case forms: a capitalised one by the rules of surnames too."""
    lower = word.lower()
    result = {lower}
    if word[0].isupper():
        if _SURNAME_FEMALE.search(lower):
            male = re.sub("ская$", "ский", lower)
            male = re.sub("цкая$", "цкий", male)
            male = male if male != lower else lower[:-1]
            result.update(people.surname_male(male), people.surname_female(male) or [])
        elif _SURNAME.search(lower):
            result.update(people.surname_male(lower), people.surname_female(lower) or [])
    if len(lower) > 3:
        result.update(_lexeme(lower))
    return result


def _lexeme(word: str) -> list[str]:
    """Case forms of nouns and adjectives, where the dictionary is installed."""
    global _morph
    if _morph is None:
        try:
            import pymorphy3
        except ImportError:
            print("graph: without pymorphy3 only the words as written are added", file=sys.stderr)
            _morph = False
        else:
            _morph = pymorphy3.MorphAnalyzer(lang="ru")
    if not _morph:
        return []
    parse = _morph.parse(word)[0]
    if parse.tag.POS not in {"NOUN", "ADJF"} or not parse.is_known:
        return []
    return [form.word for form in parse.lexeme if form.tag.POS == parse.tag.POS and _WORD.fullmatch(form.word)]


_morph: object = None


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
    pronouncer = Pronouncer()
    return {word: found for word, mark in stressed.items() if (found := pronouncer.pronounce(word, mark))}
