"""espeak-ng's phonemes folded to the small set of units that the embedded recogniser was trained on, and stress moved.

espeak-ng reads no stress mark in Russian text: it stresses by its own list and guess. What another stress changes in our
units are two vowels only, the one that gets full and the one that gets reduced.
"""

from dataclasses import dataclass

Pronunciation = tuple[str, ...]
"""Units of one way to say a word: ("d", "a")."""

VOWELS = frozenset(("a", "e", "i", "y", "o", "u"))
LETTERS = frozenset("аеёиоуыэюя")
"""Vowel letters."""

# espeak's vowels -> ours: its reduced and secondary qualities are nearer to each other than a telephone tells
_VOWEL_FOLD = {
    "V": "a", "A": "a", "a": "a", "a#": "a", "A#": "a", "V#": "a", "&": "a", "@": "a", "@#": "a", "3": "a", "E": "e",
    "e": "e", "E2": "e", "E#": "e", "I": "i", "i": "i", "I2": "i", "i#": "i", "I^": "i", "y": "y", "Y": "y", "y#": "y",
    "O": "o", "o": "o", "0": "o", "u": "u", "U": "u", "u#": "u", 'u"': "u",
}  # fmt: skip
# allophones too rare to be learnt
_CONSONANT_FOLD = {"N": "n", "dZ;": "tS;", "tS": "tS;", "R": "r;"}
_SPLIT = {"ja": ("j", "a"), "ju": ("j", "u"), "je": ("j", "e"), "jo": ("j", "o"), "8": ("o",)}
# a short vowel that espeak puts into "ср", "др": nobody says it
_DROPPED = frozenset({"@-", "", "|", "||", "-", "!", "(ru)", "(en)"})
_FULL = {"а": "a", "е": "e", "ё": "o", "и": "i", "о": "o", "у": "u", "ы": "y", "э": "e", "ю": "u", "я": "a"}
_REDUCED = {"а": "a", "е": "i", "ё": "o", "и": "i", "о": "a", "у": "u", "ы": "y", "э": "e", "ю": "u", "я": "i"}
_ALWAYS_HARD = "жшц"  # before them и sounds as ы, an unstressed е too


@dataclass(frozen=True, slots=True)
class Sounds:
    """A folded word; `stressed`: which of its vowels, counted from 0, espeak stresses, None where it tells none."""

    units: Pronunciation
    stressed: int | None


def fold(phonemes: str) -> Pronunciation:
    """Turn espeak's `_`-joined phonemes into our units; stress marks go, palatalisation is glued to its consonant."""
    return listen(phonemes).units


def listen(phonemes: str) -> Sounds:
    """`fold`, and where the stress lies."""
    units: list[str] = []
    stressed: int | None = None
    for name in phonemes.replace(" ", "_").split("_"):
        is_stressed = "'" in name
        for mark in "',%=:":
            name = name.replace(mark, "")
        if name in _DROPPED:
            continue
        if name == ";":
            if units and not units[-1].endswith(";") and units[-1] not in VOWELS:
                units[-1] += ";"
            continue
        for unit in _SPLIT.get(name, (_VOWEL_FOLD.get(name, name),)):
            if not units or units[-1] != unit:  # double consonants are said as one
                units.append(unit)
        if is_stressed and units[-1] in VOWELS:
            stressed = sum(unit in VOWELS for unit in units) - 1
    return Sounds(tuple(_CONSONANT_FOLD.get(unit, unit) for unit in units), stressed)


def restress(word: str, sounds: Sounds, wanted: int) -> Pronunciation | None:
    """Return the word said with its `wanted`-th vowel (from 0) stressed; None where letters and sounds do not pair."""
    letters = [place for place, letter in enumerate(word) if letter in LETTERS]
    places = [place for place, unit in enumerate(sounds.units) if unit in VOWELS]
    if sounds.stressed is None or len(letters) != len(places) or not 0 <= wanted < len(letters):
        return None
    if sounds.stressed == wanted:
        return sounds.units
    units = list(sounds.units)
    units[places[sounds.stressed]] = _reduced(word, letters[sounds.stressed])
    units[places[wanted]] = _full(word, letters[wanted])
    return tuple(units)


def _full(word: str, place: int) -> str:
    return "y" if word[place] == "и" and _before(word, place) in _ALWAYS_HARD else _FULL[word[place]]


def _reduced(word: str, place: int) -> str:
    letter, before = word[place], _before(word, place)
    if letter in "еи" and before in _ALWAYS_HARD:
        return "y"
    if letter == "я" and place == len(word) - 1:
        return "a"
    return _REDUCED[letter]


def _before(word: str, place: int) -> str:
    return word[place - 1] if place else "-"
