"""What the caller most likely said: two recognisers' hypotheses against what the question expects. Pure.

At a question with a grammar two recognisers hear the same sound: an open one, and one that knows nothing but the answers
and `[unk]`. The second is nearly certain about short answers and blind to everything else: its words come in any order, so
only a whole phrase of the grammar is good evidence ("после шести", not "после шестое").
"""

from collections.abc import Callable, Sequence

from rapidfuzz.fuzz import partial_ratio, ratio

from voicebot.dialog.talking import Alternative, Expect, Profile
from voicebot.hearing.backchannel import UNKNOWN, content_words, has_meaning, words_of
from voicebot.russian.fuzzy import sound_key

Fits = Callable[[str, Expect], float]
"""How well a text answers a question, 0..1 (given by the dialog room)."""

GRAMMAR = "grammar"
"""The source of what the grammar's recogniser heard."""

MAXIMUM = 6
_SAME_TO_THE_EAR = 90.0  # per cent of letters in common
RESCUED_CONFIDENCE = 0.4
CONTRADICTED_CONFIDENCE = 0.5
NAME_CONFIDENCE = 0.9
"""Of the only name among the hypotheses. It is read back before booking anyway: only a strong rival is worth a question."""
_FIT_POWER = 3
"""How much better than likely a hypothesis is that answers the question: measured over 950 phrases in noise (10 dB)."""

_STRUNG_TOGETHER = 0.3
"""What words of the grammar are worth that are no phrase of it; measured likewise."""

_ALIKE, _LONG, _UNLIKE = 60.0, 5, 0.4
"""Both recognisers hear the same sound. What the grammar's makes of it and is like nothing that the open one heard (per cent of
sounds in common: "филиппову" where that heard "к этой никитину") is worth so much less; of short words that says nothing."""

_PLAUSIBLE_SHARE = 0.02
"""A lower hypothesis that is acoustically absurd beside the first never overtakes it."""


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

    sounds = [_sound(one.text) for one in open_heard]

    def weight(heard: Alternative) -> float:
        found = heard.confidence * fits(heard.text, expect) ** _FIT_POWER
        if heard.source != GRAMMAR:
            return found
        own = _sound(heard.text)
        is_unlike = len(own) >= _LONG and all(partial_ratio(own, sound) < _ALIKE for sound in sounds)
        return found * (1.0 if heard.text in expect.grammar else _STRUNG_TOGETHER) * (_UNLIKE if is_unlike and sounds else 1.0)

    openly = _heaviest_first([a for a in map(_clean, open_heard) if has_meaning(a.text)], weight)
    if expect.profile is Profile.NAME:
        openly = _among_names(openly, expect, fits)
    by_grammar = [a for a in grammar_heard if a.text and UNKNOWN not in a.text.split()]
    by_grammar = _heaviest_first(by_grammar, weight)
    if not openly and not by_grammar:
        rescued = " ".join(words_of(last_partial))
        return (Alternative(rescued, RESCUED_CONFIDENCE),) if has_meaning(rescued) else ()
    if not by_grammar:
        return _unique(openly)
    if not openly:  # it may be noise: a grammar makes words of anything
        return _unique(_capped(by_grammar, RESCUED_CONFIDENCE))
    constrained, free = by_grammar[0], openly[0]
    if _says_clearly_more(free.text, constrained.text) or weight(free) > weight(constrained):
        return _unique([*openly, *by_grammar])
    if _contradicts(free.text, fits(free.text, expect), constrained.text, expect):
        # Both are fine answers and they differ: the dialog should confirm.
        doubtful = _capped(by_grammar, CONTRADICTED_CONFIDENCE)
        return _unique([doubtful[0], *openly, *doubtful[1:]])
    return _unique([*by_grammar, *openly])


def _sound(text: str) -> str:
    return "".join(map(sound_key, text.split()))


def _capped(heard: Sequence[Alternative], most: float) -> list[Alternative]:
    """All together no surer than `most`: they may mean the same, and then the dialog adds up their confidences."""
    return [Alternative(one.text, one.confidence * most, one.source) for one in heard]


def _clean(heard: Alternative) -> Alternative:
    return Alternative(" ".join(words_of(heard.text)), heard.confidence, heard.source)


def _heaviest_first(heard: list[Alternative], weight: Callable[[Alternative], float]) -> list[Alternative]:
    """Order hypotheses by how likely each is as an answer; the absurd ones stay behind."""
    if len(heard) < 2:
        return heard
    least = _PLAUSIBLE_SHARE * heard[0].confidence
    plausible = [one for one in heard if one.confidence >= least]
    return [*sorted(plausible, key=weight, reverse=True), *(one for one in heard if one.confidence < least)]


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
