"""The shipped language model: the domain's templates and answers, what callers say, conversations, word frequencies."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import groupby, islice

from . import stress
from .evaluation import secret_sentences
from .ngrams import NgramModel, estimate, mix
from .texts import callers, conversation
from .texts.generate import drawn_sentences
from .texts.heard import frequencies
from .texts.templates import ANSWERS, TALK
from .workfolder import WorkFolder

SENTENCES, ANSWERS_DRAWN = 300_000, 150_000
#: templates in templates and callers' sentences, both talk; talk in talk and answers, by history; these in everything, the
#: rest of which is conversations
_TEMPLATES_SHARE, _TALK_SHARE, _DOMAIN_SHARE = 0.5, 0.87, 0.95
#: bigrams and trigrams stay where they gain this many nats in all: of templates, which are drawn often; of sentences that are
#: each said once; of answers; of conversations
_TEMPLATES_THRESHOLDS = (8.0, 14.0)
_CALLERS_THRESHOLDS = (1.6, 3.0)
_ANSWERS_THRESHOLDS = (6.0, 10.0)
_CONVERSATION_THRESHOLDS = (10.0, 20.0)


def build(work: WorkFolder, words: Iterable[str], sentences: int = SENTENCES, answers: int = ANSWERS_DRAWN) -> NgramModel:
    """Counts drawn sentences, the test phrases left out, and conversations."""
    marks = stress.load(work.stresses)
    spelling = {word: mark.replace("+", "") for word, mark in marks.items()}
    known, forbidden = set(words), secret_sentences()
    general: dict[str, float] = {}
    heard = frequencies()
    for word, spelled in spelling.items():
        # one-letter "words" of written texts are mostly initials and list items
        if spelled in known and (len(word) > 1 or word in "вксуиоая"):
            general[spelled] = general.get(spelled, 0.0) + heard.get(word, 0.0)

    def spelled_out(pairs: Iterable[tuple[int, str]]) -> tuple[list[int], list[list[str]]]:
        pairs = [pair for pair in pairs if pair[1] not in forbidden]
        split = ([spelling.get(word, word) for word in line.split()] for _, line in pairs)
        return [origin for origin, _ in pairs], [[word for word in line if word in known] for line in split]

    origins, lines = spelled_out(islice(drawn_sentences(random.Random(2), TALK), sentences))
    talk = estimate(lines, general, origins=origins, vocabulary=known, thresholds=_TEMPLATES_THRESHOLDS)
    origins, lines = spelled_out(callers.sentences(random.Random(4)))
    called = estimate(lines, general, origins=origins, vocabulary=known, thresholds=_CALLERS_THRESHOLDS)
    talk = mix(talk, called, _TEMPLATES_SHARE, is_by_history=True)
    _, lines = spelled_out(islice(drawn_sentences(random.Random(3), ANSWERS), answers))
    answered = estimate(lines, general, vocabulary=known, general_share=0.1, thresholds=_ANSWERS_THRESHOLDS)
    said = conversation.sentences(conversation.unpack(work.conversation))
    spelled = ([spelling.get(word, word) for word in line] for line in said)
    pieces = (piece for line in spelled for piece in _known_pieces(line, known) if " ".join(piece) not in forbidden)
    conversations = estimate(pieces, general, vocabulary=known, general_share=0.6, thresholds=_CONVERSATION_THRESHOLDS)
    return mix(mix(talk, answered, _TALK_SHARE, is_by_history=True), conversations, _DOMAIN_SHARE)


def _known_pieces(words: list[str], known: set[str]) -> Iterator[list[str]]:
    """What lies between unknown words, two words or more."""
    for is_known, piece in groupby(words, known.__contains__):
        if is_known and len(found := list(piece)) > 1:
            yield found
