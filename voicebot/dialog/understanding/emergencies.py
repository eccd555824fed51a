"""Danger to life, told now: at once "call 103" and a human, whatever the dialog was about. Missing one is the worst mistake."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

from voicebot.dialog.understanding import dangers, passing_dangers, reassurances
from voicebot.russian.morphology import parses

_WINDOW = 7  # words between the parts of one sign
_LIKELY = 0.45
_LIKELY_OF_COMPLAINT = 0.7
_SURER = 0.65  # then any word of danger will do
_SURE = 0.88  # then it needs none
_LEAST_WORDS = 3
_LEAST_DECLINED = 3  # letters
_SURELY_NOUN = 0.6  # pymorphy3's estimate: "мед" is a noun, "при" none
_OVER = re.compile(rf"(?:^|(?<= ))(?:{reassurances.OVER})")
_CALM = re.compile(rf"(?:^| )(?:{reassurances.CALM})(?: |$)")
_PAST = re.compile(rf"(?:^| )(?:{reassurances.PAST})(?= |$)")
_WISH = re.compile(rf"(?:^| )(?:{reassurances.WISH})(?= |$)")
_STILL = re.compile(rf"(?:^| )(?:{reassurances.STILL})(?= |$)")
_DANGER_WORD = re.compile(rf"(?<= )(?:{reassurances.WORDS})(?= )")
_ANY_DANGER_WORD = re.compile(rf"(?<= )(?:{reassurances.WORDS}|{reassurances.WIDER_WORDS})(?= )")
_LESSER = re.compile(rf"(?<= )(?:{reassurances.LESSER})(?= )")
_GRAVE = re.compile(rf"(?<= )(?:{reassurances.GRAVE})(?= )")
_DIRE = re.compile(rf"(?:^|(?<= ))(?:{reassurances.DIRE})(?= |$)")
_NOW = re.compile(rf"(?:^| )(?:{reassurances.NOW})(?: |$)")


@dataclass(frozen=True, slots=True)
class _Sign:
    groups: tuple[re.Pattern[str], ...]
    unless: re.Pattern[str] | None

    def is_told(self, text: str) -> bool:
        if any(group.search(text) is None for group in self.groups):
            return False
        if self.unless is not None and self.unless.search(text) is not None:
            return False
        if len(self.groups) == 1:
            return True
        places = [[text.count(" ", 0, found.start() + 1) for found in group.finditer(text)] for group in self.groups]
        return any(all(any(abs(other - first) <= _WINDOW for other in others) for others in places[1:]) for first in places[0])


@lru_cache(maxsize=16)  # several ask about one phrase
def is_emergency(text: str) -> bool:
    """Whether a normalised phrase tells of danger to life now, by the signs."""
    if _is_over(text):
        return False
    joined = _with_negations(text)
    if _told(dangers.ALWAYS, joined):
        return not _is_history(text)
    return not _is_calm(text) and _told(passing_dangers.MOSTLY, joined)


def is_suspected(text: str, probabilities: Mapping[str, float], is_complaint: bool) -> bool:
    """Whether the classifier hears an emergency in a phrase without a known sign. Not for phrases that name a service.

    `is_complaint`: the phrase is of those with which patients come to a doctor; then it has to be very likely.
    """
    chance = probabilities.get("emergency", 0.0)
    least = _LIKELY_OF_COMPLAINT if is_complaint else _LIKELY
    if chance < least or chance < max(probabilities.values()):
        return False
    if len(text.split()) < _LEAST_WORDS:
        return False
    has_word = _DANGER_WORD if chance < _SURER else _ANY_DANGER_WORD
    is_told = chance >= _SURE or has_word.search(f" {text} ") is not None
    return is_told and not _is_calm(text) and not _is_over(text) and not _is_lesser(f" {text} ")


def _is_over(text: str) -> bool:
    found = _OVER.search(text)
    if found is None:
        return False
    rest = text.replace(found.group(), " ").replace("прямо", " ")  # "умираю прямо, шутка"
    return _NOW.search(rest) is None and _DIRE.search(rest) is None


def _is_history(text: str) -> bool:
    """Whether a danger of long ago is told for a wish: "в детстве тонул, с той поры уши болят, к лору хочу"."""
    return _is_past(text) and _WISH.search(text) is not None


def _is_past(text: str) -> bool:
    return _PAST.search(text) is not None and _NOW.search(text) is None and _STILL.search(text) is None


def _is_calm(text: str) -> bool:
    return (_CALM.search(text) is not None and _NOW.search(text) is None) or _is_past(text)


def _is_lesser(text: str) -> bool:
    return _LESSER.search(text) is not None and _GRAVE.search(text) is None


def _with_negations(text: str) -> str:
    """Words with a space on both sides; "не дышит" also as "не_дышит"."""
    tokens = text.split()
    joined = [f"не_{after}" for word, after in pairwise(tokens) if word == "не"]
    words: list[str] = []
    for word in tokens:
        if words and words[-1] == "не":
            words[-1] = joined.pop(0)
        else:
            words.append(word)
    return f" {' '.join(words)} "


def _told(signs: tuple[str, ...], text: str) -> bool:
    return any(sign.is_told(text) for sign in _compiled(signs))


@cache
def _compiled(signs: tuple[str, ...]) -> tuple[_Sign, ...]:
    found = []
    for sign in signs:
        said, _, unless = sign.partition(" unless ")
        groups = tuple(_group(part) for part in said.split(" + ") if part.strip() not in ("*", ""))
        found.append(_Sign(groups, _group(unless) if unless else None))
    return tuple(found)


def _group(text: str) -> re.Pattern[str]:
    said = dict.fromkeys(form for word in text.split("|") for form in _forms(word.strip()))
    words = (re.escape(word).replace(r"\*", r"\w*") for word in said)
    return re.compile(rf"(?<= )(?:{'|'.join(words)})(?= )")


def _forms(word: str) -> Iterator[str]:
    """A sign's word as it is, and a thing's name in every case: "суп" is "супом", too."""
    yield word
    if len(word) < _LEAST_DECLINED or not word.isalpha():
        return
    best = parses(word)[0]
    if best.tag.POS == "NOUN" and best.is_known and best.score > _SURELY_NOUN:
        yield from (form.word.replace("ё", "е") for form in best.lexeme)
