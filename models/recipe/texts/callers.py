"""What callers say, by many hands: the demo clinic's taught phrases and sentences written for the language model.

They say what the templates never would, each once; nothing of them is spoken in training.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from ruamel.yaml import YAML

from ..evaluation import secret_sentences
from .slots import Slots, data_files, data_lines
from .templates import expand

TAUGHT = Path(__file__).resolve().parents[3] / "dialplans" / "demo" / "understanding"
#: how often a phrase with places to fill is filled
FILLINGS = 3
_PLACE = re.compile(r"\{(\w+)(?:\|(\w+))?\}")
_CASES = {None: "nom", "nomn": "nom", "gent": "gen", "datv": "dat", "accs": "acc", "ablt": "ins"}
_SERVICE_CASES = frozenset({"nom", "gen", "acc"})
_WORD = re.compile("[а-яё]+")


def templates() -> list[str]:
    """Every phrase and sentence once, the catalogue's names in it as the recipe's `<slots>`."""
    taught = (_template(phrase) for path in sorted(TAUGHT.glob("*.yaml")) for phrase in _phrases(YAML(typ="safe").load(path)))
    written = (line for name in data_files("callers") for line in data_lines(name))
    return list(dict.fromkeys(template for template in (*taught, *written) if template))


def _phrases(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for below in part.values():
            yield from _phrases(below)
    elif isinstance(part, list):
        yield from (phrase for phrase in part if isinstance(phrase, str))


def _template(phrase: str) -> str:
    """In the recipe's words; empty where it has no slot for a name."""

    def slot(found: re.Match[str]) -> str:
        kind, case = found.group(1), _CASES.get(found.group(2), "")
        if kind in ("speciality", "doctor") and case:
            return f"<{'spec' if kind == 'speciality' else 'doctor'}_{case}>"
        return f"<serv_{case}>" if kind in ("service", "test") and case in _SERVICE_CASES else "{"

    template = _PLACE.sub(slot, phrase.lower())
    return "" if "{" in template else template


def sentences(rng: random.Random) -> Iterator[tuple[int, str]]:
    """Sentences of lower-case words, each with the number of its template; none with a sentence of the test in it."""
    slots, whole, parts = Slots(rng), secret_sentences(least_words=1), secret_sentences()
    for number, template in enumerate(templates()):
        for _ in range(FILLINGS if "<" in template else 1):
            sentence = " ".join(_WORD.findall(expand(template, rng, slots.draw)))
            if sentence and sentence not in whole and not any(part in sentence for part in parts):
                yield number, sentence
