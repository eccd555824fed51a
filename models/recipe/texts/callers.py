"""What callers say, by many hands: the demo clinic's taught phrases and sentences written for the language model.

They say what the templates never would, each once; nothing of them is spoken in training.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from ruamel.yaml import YAML

from voicebot.russian.case import Case

from ..evaluation import secret_sentences
from .clinic import DEMO, ClinicNames
from .slots import Slots, data_files, data_lines
from .templates import expand

TAUGHT = DEMO / "understanding"
#: how often a phrase with places to fill is filled: with names of any clinic, and with the demo clinic's
FILLINGS = 3
_PLACE = re.compile(r"\{(\w+)(?:\|(\w+))?\}")
_CASES = {None: "nom", "nomn": "nom", "gent": "gen", "datv": "dat", "accs": "acc", "ablt": "ins"}
_SERVICE_CASES = frozenset({"nom", "gen", "acc"})
_WORD = re.compile("[а-яё]+")


def templates() -> list[str]:
    """Every phrase and sentence once, the catalogue's names in it as the recipe's `<slots>`."""
    taught = map(_template, _taught())
    written = (line for name in data_files("callers") for line in data_lines(name))
    return list(dict.fromkeys(template for template in (*taught, *written) if template))


def _taught() -> Iterator[str]:
    for path in sorted(TAUGHT.glob("*.yaml")):
        yield from _phrases(YAML(typ="safe").load(path))


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
    whole, parts = secret_sentences(least_words=1), secret_sentences()
    for number, several in enumerate(_said(rng)):
        for said in several:
            sentence = " ".join(_WORD.findall(said))
            if sentence and sentence not in whole and not any(part in sentence for part in parts):
                yield number, sentence


def _said(rng: random.Random) -> Iterator[list[str]]:
    """By template: what is said by it."""
    slots, clinic = Slots(rng), ClinicNames(DEMO, rng)
    for template in templates():
        yield [expand(template, rng, slots.draw) for _ in range(FILLINGS if "<" in template else 1)]
    for phrase in filter(_PLACE.search, _taught()):
        yield [_PLACE.sub(lambda place: clinic.deal(place[1], Case(place[2] or "nomn")), phrase) for _ in range(FILLINGS)]
    yield from ([name] for name in clinic.bare())
