# ruff: noqa: SIM905 - word tables read better as one string
"""Pronunciations: espeak-ng's phones with stress told by the accentor, folded to a small set of units."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from .espeak import Espeak
from .stress import with_acute

VOWELS = frozenset("a e i y o u".split())
#: espeak's vowels -> ours: its reduced and secondary qualities are nearer to each other than a telephone tells
_VOWEL_FOLD = {
    "V": "a", "A": "a", "a": "a", "a#": "a", "A#": "a", "V#": "a", "&": "a", "@": "a", "@#": "a", "3": "a", "E": "e",
    "e": "e", "E2": "e", "E#": "e", "I": "i", "i": "i", "I2": "i", "i#": "i", "I^": "i", "y": "y", "Y": "y", "y#": "y",
    "O": "o", "o": "o", "0": "o", "u": "u", "U": "u", "u#": "u", 'u"': "u",
}  # fmt: skip
#: allophones too rare to be learnt
_CONSONANT_FOLD = {"N": "n", "dZ;": "tS;", "tS": "tS;", "R": "r;"}
_SPLIT = {"ja": ("j", "a"), "ju": ("j", "u"), "je": ("j", "e"), "jo": ("j", "o"), "8": ("o",)}
#: a short vowel that espeak puts into "ср", "др": nobody says it
_DROPPED = frozenset({"@-", "", "|", "||", "-", "!", "(ru)", "(en)"})

#: espeak reads words of one letter as letter names
_FIXED = {
    "в": ["v", "f"], "с": ["s", "z"], "к": ["k", "g"], "у": ["u"], "и": ["i", "y"], "о": ["o", "a"], "а": ["a"],
    "б": ["p", "b"], "ж": ["Z", "S"], "я": ["j a"], "э": ["e"], "е": ["j e"], "ё": ["j o"], "ы": ["y"], "ю": ["j u"],
    "во": ["v a", "v o"], "со": ["s a", "s o"], "ко": ["k a", "k o"], "что": ["S t o"], "из": ["i z", "i s"],
    "без": ["b; e z", "b; e s"], "от": ["a t", "o t"], "под": ["p a d", "p o t"], "об": ["a b", "a p"],
    "сейчас": ["s; i tS; a s", "S; a s"], "здравствуйте": ["z d r a s t v u j t; i", "z d r a s t; i"],
    "пожалуйста": ["p a Z a l u s t a", "p a Z a l s t a"], "тысяча": ["t y s; i tS; a", "t y S; a"],
}  # fmt: skip
#: abbreviations are spelled
_SPELLED = {
    "мрт": "эм эр тэ", "кт": "ка тэ", "экг": "э ка гэ", "ээг": "э э гэ", "пцр": "пэ цэ эр", "омс": "о эм эс",
    "дмс": "дэ эм эс", "лфк": "эл фэ ка", "фгдс": "эф гэ дэ эс", "вич": "вич", "соэ": "соэ", "ттг": "тэ тэ гэ",
    "рф": "эр эф", "сша": "сэ шэ а", "мвд": "эм вэ дэ", "вднх": "вэ дэ эн ха", "вск": "вэ эс ка", "орви": "орви",
    "фсб": "эф эс бэ", "рпц": "эр пэ цэ", "ссср": "эс эс эс эр",
}  # fmt: skip

Pronunciation = tuple[str, ...]


def fold(phonemes: str) -> Pronunciation:
    """espeak's `_`-joined phonemes -> our units; stress marks go, palatalisation is glued to its consonant."""
    units: list[str] = []
    for token in phonemes.replace(" ", "_").split("_"):
        for mark in "',%=:":
            token = token.replace(mark, "")
        if token in _DROPPED:
            continue
        if token == ";":
            if units and not units[-1].endswith(";") and units[-1] not in VOWELS:
                units[-1] += ";"
            continue
        for unit in _SPLIT.get(token, (_VOWEL_FOLD.get(token, token),)):
            if not units or units[-1] != unit:  # double consonants are said as one
                units.append(unit)
    return tuple(_CONSONANT_FOLD.get(unit, unit) for unit in units)


class Pronouncer:
    """Pronunciations of words, the first one the usual."""

    def __init__(self) -> None:
        self._espeak = Espeak()

    def pronounce(self, word: str, marked: str | None = None) -> list[Pronunciation]:
        """`marked`: the word with `+` before its stressed vowel; espeak's own guess is a second variant."""
        if word in _FIXED:
            return [tuple(variant.split()) for variant in _FIXED[word]]
        if word in _SPELLED:
            return [tuple(unit for part in _SPELLED[word].split() for unit in fold(self._espeak.phonemes(part)))]
        told = fold(self._espeak.phonemes(with_acute(marked or word)))
        return [told] if told else []

    def own_guess(self, word: str) -> Pronunciation:
        return fold(self._espeak.phonemes(word))


def build(stressed: dict[str, str]) -> dict[str, list[Pronunciation]]:
    """Spelling with ё -> pronunciations."""
    pronouncer = Pronouncer()
    lexicon: dict[str, list[Pronunciation]] = {}
    for word, marked in stressed.items():
        spelling = marked.replace("+", "")
        if spelling not in lexicon or spelling == word:
            lexicon[spelling] = pronouncer.pronounce(spelling, marked)
    return {word: variants for word, variants in lexicon.items() if variants}


def units_of(lexicon: dict[str, list[Pronunciation]], rarest: int = 20) -> list[str]:
    """The units that occur often enough to be learnt, sorted; silence is not among them."""
    counts = Counter(unit for variants in lexicon.values() for variant in variants for unit in variant)
    return sorted(unit for unit, count in counts.items() if count >= rarest)


def save(path: Path, lexicon: dict[str, list[Pronunciation]]) -> None:
    lines = [f"{word}\t{' '.join(variant)}\n" for word, variants in sorted(lexicon.items()) for variant in variants]
    path.write_text("".join(lines), encoding="utf-8")


def load(path: Path) -> dict[str, list[Pronunciation]]:
    lexicon: dict[str, list[Pronunciation]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        word, variant = line.split("\t")
        lexicon.setdefault(word, []).append(tuple(variant.split()))
    return lexicon
