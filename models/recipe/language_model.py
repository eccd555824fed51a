"""The shipped language model: template sentences of the domain, conversations, word frequencies."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import groupby, islice

from . import stress
from .evaluation import secret_sentences
from .ngrams import NgramModel, estimate, mix
from .texts import conversation
from .texts.generate import drawn_sentences
from .texts.heard import frequencies
from .workfolder import WorkFolder

SENTENCES = 300_000
#: of the domain's sentences in every probability; the others are conversations about anything
_DOMAIN_SHARE = 0.85
#: bigrams and trigrams of the conversations stay where they gain this many nats in all
_CONVERSATION_THRESHOLDS = (2.0, 6.0)


def build(work: WorkFolder, words: Iterable[str], sentences: int = SENTENCES, seed: int = 2) -> NgramModel:
    """Counts drawn sentences, the test phrases left out, and conversations."""
    marks = stress.load(work.stresses)
    spelling = {word: mark.replace("+", "") for word, mark in marks.items()}
    known, forbidden = set(words), secret_sentences()
    drawn = [pair for pair in islice(drawn_sentences(random.Random(seed)), sentences) if pair[1] not in forbidden]
    general: dict[str, float] = {}
    heard = frequencies()
    for word, spelled in spelling.items():
        # one-letter "words" of written texts are mostly initials and list items
        if spelled in known and (len(word) > 1 or word in "вксуиоая"):
            general[spelled] = general.get(spelled, 0.0) + heard.get(word, 0.0)
    split = ([spelling.get(word, word) for word in line.split()] for _, line in drawn)
    spelled_lines = ([word for word in line if word in known] for line in split)
    domain = estimate(spelled_lines, general, origins=(origin for origin, _ in drawn), vocabulary=known)
    said = conversation.sentences(conversation.unpack(work.conversation))
    talk = ([spelling.get(word, word) for word in line] for line in said)
    pieces = (piece for line in talk for piece in _known_pieces(line, known) if " ".join(piece) not in forbidden)
    conversations = estimate(pieces, general, vocabulary=known, general_share=0.6, thresholds=_CONVERSATION_THRESHOLDS)
    return mix(domain, conversations, _DOMAIN_SHARE)


def _known_pieces(words: list[str], known: set[str]) -> Iterator[list[str]]:
    """What lies between unknown words, two words or more."""
    for is_known, piece in groupby(words, known.__contains__):
        if is_known and len(found := list(piece)) > 1:
            yield found
