"""Grammars proven against the model in use, at start-up: libvosk drops words it lacks with no more than a log line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

log = structlog.get_logger(__name__)


class Vocabulary(Protocol):
    """What a grammar is proven against; SpeechModel is one."""

    @property
    def name(self) -> str: ...

    @property
    def is_grammar_supported(self) -> bool: ...

    def has_word(self, word: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class ProvenGrammar:
    """`usable` phrases hold only words the model knows; empty: open recognition only."""

    usable: tuple[str, ...]
    missing_words: tuple[str, ...]
    dropped_phrases: int
    is_supported: bool = True


def prove_grammar(model: Vocabulary, phrases: Sequence[str], question: str = "") -> ProvenGrammar:
    """Keep the phrases the model can hear; log (once per call: call it at start-up) what it cannot.

    A phrase with an unknown word is left out whole: without that word it would be another phrase. `question` names the
    field of the dialplan for the warning.
    """
    if not model.is_grammar_supported:
        log.warning(
            "grammar_not_supported",
            model=model.name,
            question=question,
            effect="open recognition only: this model has a static graph",
        )
        return ProvenGrammar((), (), len(phrases), is_supported=False)
    usable: list[str] = []
    missing: set[str] = set()
    for phrase in phrases:
        words = phrase.lower().split()
        unknown = [word for word in words if not model.has_word(word)]
        missing.update(unknown)
        if words and not unknown:
            usable.append(" ".join(words))
    dropped = len(phrases) - len(usable)
    if missing:
        log.warning(
            "grammar_words_missing",
            model=model.name,
            question=question,
            missing=sorted(missing),
            dropped_phrases=dropped,
            phrases=len(phrases),
            cure="use other words in the dialplan, or add them to the model",
        )
    return ProvenGrammar(tuple(dict.fromkeys(usable)), tuple(sorted(missing)), dropped)
