"""The shipped language model: template sentences of the domain over the language's word frequencies."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import islice

import wordfreq

from . import stress
from .evaluation import secret_sentences
from .ngrams import NgramModel, estimate
from .texts.generate import domain_sentences
from .workfolder import WorkFolder

SENTENCES = 300_000


def build(work: WorkFolder, words: Iterable[str], sentences: int = SENTENCES, seed: int = 2) -> NgramModel:
    """Counts drawn sentences, the test phrases left out."""
    marks = stress.load(work.stresses)
    spelling = {word: mark.replace("+", "") for word, mark in marks.items()}
    known, forbidden = set(words), secret_sentences()
    drawn = islice(domain_sentences(random.Random(seed)), sentences)
    general: dict[str, float] = {}
    for word, spelled in spelling.items():
        # one-letter "words" of written texts are mostly initials and list items
        if spelled in known and (len(word) > 1 or word in "вксуиоая"):
            general[spelled] = general.get(spelled, 0.0) + wordfreq.word_frequency(word, "ru")
    split = ([spelling.get(word, word) for word in line.split()] for line in drawn if line not in forbidden)
    return estimate(([word for word in line if word in known] for line in split), general, vocabulary=known)
