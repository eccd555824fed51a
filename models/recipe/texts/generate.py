"""Draws sentences: domain sentences from the templates, and speech lists that mix them with general word sequences."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import accumulate

from .general import frequent_words, sequences
from .slots import Slots
from .templates import TALK, expand, template_table

#: words of one speech phrase at most: longer ones make padded batches wasteful
MAX_SPEECH_WORDS = 12


def drawn_sentences(rng: random.Random, kind: str = TALK) -> Iterator[tuple[int, str]]:
    """Endless sentences of clinic phone talk, each with the number of its template."""
    slots = Slots(rng)
    templates, weights = template_table(kind)
    cumulative = list(accumulate(weights))
    while True:
        number = rng.choices(range(len(templates)), cum_weights=cumulative)[0]
        sentence = expand(templates[number], rng, slots.draw)
        if sentence:
            yield number, sentence


def domain_sentences(rng: random.Random) -> Iterator[str]:
    """Endless sentences of clinic phone talk."""
    return (sentence for _, sentence in drawn_sentences(rng))


def speech_phrases(rng: random.Random, general_words: int, *, domain_share: float = 0.6) -> Iterator[str]:
    """Endless phrases to be spoken for training."""
    domain, general = domain_sentences(rng), sequences(rng, frequent_words(general_words))
    while True:
        phrase = next(domain if rng.random() < domain_share else general)
        if len(phrase.split()) <= MAX_SPEECH_WORDS:
            yield phrase
