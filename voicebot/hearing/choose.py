"""What the caller most likely said: two recognisers' hypotheses against what the question expects. Pure.

At a question with a grammar two recognisers hear the same sound: an open one, and one that knows nothing but the answers
and `[unk]`. The second is nearly certain about short answers and blind to everything else.
"""

from collections.abc import Callable, Sequence

from rapidfuzz.fuzz import ratio

from voicebot.dialog.talking import Alternative, Expect, Profile
from voicebot.hearing.backchannel import UNKNOWN, content_words, has_meaning, words_of

Fits = Callable[[str, Expect], float]
"""How well a text answers a question, 0..1 (given by the dialog room)."""

MAXIMUM = 6
_SAME_TO_THE_EAR = 90.0  # per cent of letters in common
RESCUED_CONFIDENCE = 0.4
CONTRADICTED_CONFIDENCE = 0.5
NAME_CONFIDENCE = 0.9
"""Of the only name among the hypotheses. It is read back before booking anyway: only a strong rival is worth a question."""
_CLEARLY_BETTER = 0.3
"""A lower hypothesis must fit so much better than the first to overtake it."""

_PLAUSIBLE_SHARE = 0.02
"""... and not be acoustically absurd."""


def choose(
    open_heard: Sequence[Alternative],
    grammar_heard: Sequence[Alternative],
    last_partial: str,
    expect: Expect,
    fits: Fits,
) -> tuple[Alternative, ...]:
    """Return the alternatives for the dialog, best first; empty when no word was heard at all.

    `last_partial` is the last stable partial result of the open recogniser: it is used when both came to nothing.
    """
    openly = _best_fit_first([a for a in map(_clean, open_heard) if has_meaning(a.text)], expect, fits)
    if expect.profile is Profile.NAME:
        openly = _among_names(openly, expect, fits)
    by_grammar = [a for a in grammar_heard if a.text and UNKNOWN not in a.text.split()]
    by_grammar = _best_fit_first(by_grammar, expect, fits)
    if not openly and not by_grammar:
        rescued = " ".join(words_of(last_partial))
        return (Alternative(rescued, RESCUED_CONFIDENCE),) if has_meaning(rescued) else ()
    if not by_grammar:
        return _unique(openly)
    if not openly:  # it may be noise: a grammar makes words of anything
        return _unique([Alternative(a.text, min(a.confidence, RESCUED_CONFIDENCE), a.source) for a in by_grammar])
    constrained, free = by_grammar[0], openly[0]
    fit_constrained, fit_free = fits(constrained.text, expect), fits(free.text, expect)
    if _says_clearly_more(free.text, constrained.text) or fit_free > fit_constrained:
        return _unique([*openly, *by_grammar])
    if _contradicts(free.text, fit_free, constrained.text, expect):
        # Both are fine answers and they differ: the dialog should confirm.
        doubtful = Alternative(constrained.text, min(constrained.confidence, CONTRADICTED_CONFIDENCE), constrained.source)
        return _unique([doubtful, *openly, *by_grammar[1:]])
    return _unique([*by_grammar, *openly])


def _clean(heard: Alternative) -> Alternative:
    return Alternative(" ".join(words_of(heard.text)), heard.confidence, heard.source)


def _best_fit_first(heard: list[Alternative], expect: Expect, fits: Fits) -> list[Alternative]:
    """Put first the hypothesis that answers the question, if the acoustic best does not and this one is plausible."""
    if len(heard) < 2:
        return heard
    first = heard[0]
    plausible = [a for a in heard if a.confidence >= _PLAUSIBLE_SHARE * first.confidence]
    best = max(plausible, key=lambda a: fits(a.text, expect))
    if fits(best.text, expect) >= fits(first.text, expect) + _CLEARLY_BETTER:
        return [best, *(a for a in heard if a is not best)]
    return heard


def _among_names(heard: list[Alternative], expect: Expect, fits: Fits) -> list[Alternative]:
    """Weigh a name against other names only.

    A name's probability is spread over many near-homophones ("смирнова анна", "смирнова она", "смирного анна"), so its own
    is always small; among those that are names it tells whether there is a doubt.
    """
    if not heard:
        return heard
    best = heard[0]
    fit = fits(best.text, expect)
    names = [a for a in heard if fits(a.text, expect) >= fit]
    # "кузнецова" and "кузнецовы" are one to the ear: a question could not tell them apart, so they are no doubt.
    same = sum(a.confidence for a in names if ratio(a.text, best.text) >= _SAME_TO_THE_EAR)
    share = same / sum(a.confidence for a in names) if same > 0 else 0.0
    return [Alternative(best.text, max(best.confidence, NAME_CONFIDENCE * share), best.source), *heard[1:]]


def _says_clearly_more(free: str, constrained: str) -> bool:
    """A grammar forces a long free sentence into its few phrases; then the sentence is what was said."""
    return len(content_words(free)) > len(content_words(constrained)) + 1


def _contradicts(free: str, fit_free: float, constrained: str, expect: Expect) -> bool:
    return fit_free > 0.0 and free in expect.grammar and content_words(free) != content_words(constrained)


def _unique(heard: Sequence[Alternative]) -> tuple[Alternative, ...]:
    seen: dict[str, Alternative] = {}
    for alternative in heard:
        seen.setdefault(alternative.text, alternative)
    return tuple(list(seen.values())[:MAXIMUM])
