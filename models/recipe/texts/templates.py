"""The template language: `[a|b|]` is a choice, `<slot>` a slot; both may be nested."""

from __future__ import annotations

import random
from collections.abc import Callable

from .slots import data_files, data_lines

Draw = Callable[[str], str]


#: files by the beginning of their names: talk of any kind, and answers to what the robot asks
TALK, ANSWERS = "templates", "answers"


def template_table(kind: str = TALK) -> tuple[list[str], list[float]]:
    """Templates and their weights; a line without one weighs 1."""
    templates, weights = [], []
    for name in data_files(kind):
        for line in data_lines(name):
            weight, tab, template = line.partition("\t")
            templates.append(template if tab else line)
            weights.append(float(weight) if tab else 1.0)
    return templates, weights


def expand(template: str, rng: random.Random, draw: Draw) -> str:
    """One random sentence of a template."""
    text, rest = _sequence(template, rng, draw)
    if rest:
        raise ValueError(f"unbalanced brackets in template: {template}")
    return " ".join(text.split())


def _sequence(source: str, rng: random.Random, draw: Draw) -> tuple[str, str]:
    """Reads up to a `|` or `]` of the enclosing choice; the rest is returned beginning with that sign."""
    out = []
    while source and source[0] not in "|]":
        if source[0] == "[":
            options, source = _choice(source[1:], rng, draw)
            out.append(rng.choice(options))
        elif source[0] == "<":
            name, source = source[1:].split(">", 1)
            out.append(draw(name))
        else:
            stop = min((i for i in (source.find(sign) for sign in "[]|<") if i >= 0), default=len(source))
            out.append(source[:stop])
            source = source[stop:]
    return "".join(out), source


def _choice(source: str, rng: random.Random, draw: Draw) -> tuple[list[str], str]:
    options = []
    while True:
        option, source = _sequence(source, rng, draw)
        options.append(option)
        if not source:
            raise ValueError("a choice is not closed")
        sign, source = source[0], source[1:]
        if sign == "]":
            return options, source
