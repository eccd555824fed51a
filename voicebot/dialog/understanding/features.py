"""A phrase as the classifier sees it: letters around and inside words, lemmas, and what kind of thing is named where."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from voicebot.dialog.understanding.named import NOTHING_NAMED, Named
from voicebot.russian.calendar_words import month_words, weekday_words
from voicebot.russian.morphology import analyser, parses
from voicebot.russian.numerals import lexicon

_SHORTEST, _LONGEST = 2, 4
#: What a view of the phrase weighs beside the others.
_LETTERS, _LEMMAS, _KINSHIP, _KINDS = 1.0, 1.0, 0.7, 0.8
#: Shorter words ("мне", "как") are everybody's.
_SHORTEST_WORD = 4
_MOST_COUNTED = 3


@lru_cache(maxsize=32768)
def _letters(word: str) -> tuple[str, ...]:
    padded = f" {word} "
    return tuple(
        padded[start : start + length]
        for length in range(_SHORTEST, _LONGEST + 1)
        for start in range(max(1, len(padded) - length + 1))
    )


@lru_cache(maxsize=32768)
def _lemma(word: str) -> str:
    """The dictionary form; numbers, months and weekdays are one word each: which of them says nothing about the wish."""
    if word in lexicon() or word.isdecimal():
        return "#number"
    if word in month_words():
        return "#month"
    if word in weekday_words():
        return "#weekday"
    if not analyser().word_is_known(word):
        return "#unknown"  # its letters speak for it; a guessed lemma costs a millisecond and says little
    return str(parses(word)[0].normal_form).replace("ё", "е")


def lemmas(text: str) -> list[str]:
    """The lemmas of a normalised phrase, in order."""
    return [_lemma(word) for word in text.split()]


#: Views of one phrase: weight and features, by name.
Views = tuple[tuple[float, list[str]], ...]


def views(text: str, is_own: Callable[[str], bool], named: Named = NOTHING_NAMED) -> Views:
    """The features of a normalised phrase, view by view, each with its weight; `is_own` knows a clinic's lemmas, `named`
    its names.
    """
    tokens = text.split()
    forms = lemmas(text)
    pairs = [f"{first}_{second}" for first, second in zip(["^", *forms], [*forms, "$"], strict=True)]
    found = (
        (_LETTERS, [letters for token in tokens for letters in _letters(token)]),
        (_LEMMAS, [*(f"={one}" for one in forms), *pairs]),
        (_KINSHIP, _kinship(forms, is_own)),
    )
    return (*found, (_KINDS, _with_kinds(named.told(forms)))) if named else found


def _with_kinds(told: Sequence[str]) -> list[str]:
    """Words, pairs and triples of a phrase that has "#test" in place of a test's name."""
    before, after = ["^", *told], [*told, "$"]
    pairs = (f"{first}>{second}" for first, second in zip(before, after, strict=True))
    triples = (f"{first}>{second}>{third}" for first, second, third in zip(before, told, after[1:], strict=False))
    return [*(f"!{one}" for one in told), *pairs, *triples]


def _kinship(forms: Sequence[str], is_own: Callable[[str], bool]) -> list[str]:
    """How many words are of those the clinic's callers use, and how many are others: "сколько стоит диван"."""
    told = [is_own(form) for form in forms if len(form) >= _SHORTEST_WORD and not form.startswith("#")]
    own = sum(told)
    return [f"#own{min(own, _MOST_COUNTED)}", f"#others{min(len(told) - own, _MOST_COUNTED)}"]


def weighed(found: Views, known: Mapping[str, int], idf: Sequence[float]) -> dict[int, float]:
    """Feature number -> TF-IDF weight; every view has the length of its weight."""
    result: dict[int, float] = {}
    for weight, names in found:
        counts = Counter(known[name] for name in names if name in known)
        values = {number: (1.0 + math.log(count)) * idf[number] for number, count in counts.items()}
        length = math.sqrt(sum(value * value for value in values.values()))
        if length:
            result.update((number, weight * value / length) for number, value in values.items())
    return result
