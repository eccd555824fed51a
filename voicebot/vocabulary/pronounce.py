"""How words sound, in the recogniser's units: by espeak-ng, with stress told by marks or unknown.

`+` before the stressed vowel or U+0301 after it tells the stress. For a word without a mark every stress is a variant:
a surname nobody has marked is then heard however it is stressed.
"""

import re
from collections.abc import Sequence

from voicebot.russian.text import listed
from voicebot.vocabulary.espeak import Espeak
from voicebot.vocabulary.folding import LETTERS, Pronunciation, listen, restress

ACUTE = "\u0301"
MAXIMUM_VARIANTS = 8
_LONGEST_SPELLED = 5
_WORD = re.compile("[а-яё]+(?:-[а-яё]+)*")
# a surname in -ев is often written so for -ёв
_MAYBE_YO = re.compile("е(?=в(?:а|у|ой|ым|е|ы|ых|ыми)?$)")

# espeak reads words of one letter as letter names
_FIXED = {
    "в": ["v", "f"], "с": ["s", "z"], "к": ["k", "g"], "у": ["u"], "и": ["i", "y"], "о": ["o", "a"], "а": ["a"],
    "б": ["p", "b"], "ж": ["Z", "S"], "я": ["j a"], "э": ["e"], "е": ["j e"], "ё": ["j o"], "ы": ["y"], "ю": ["j u"],
    "во": ["v a", "v o"], "со": ["s a", "s o"], "ко": ["k a", "k o"], "что": ["S t o"], "из": ["i z", "i s"],
    "без": ["b; e z", "b; e s"], "от": ["a t", "o t"], "под": ["p a d", "p o t"], "об": ["a b", "a p"],
    "сейчас": ["s; i tS; a s", "S; a s"], "здравствуйте": ["z d r a s t v u j t; i", "z d r a s t; i"],
    "пожалуйста": ["p a Z a l u s t a", "p a Z a l s t a"], "тысяча": ["t y s; i tS; a", "t y S; a"],
}  # fmt: skip
# abbreviations that are spelled, and those that look spelled but are read
_SPELLED = {
    "мрт": "эм эр тэ", "кт": "ка тэ", "экг": "э ка гэ", "ээг": "э э гэ", "пцр": "пэ цэ эр", "омс": "о эм эс",
    "дмс": "дэ эм эс", "лфк": "эл фэ ка", "фгдс": "эф гэ дэ эс", "вич": "вич", "соэ": "соэ", "ттг": "тэ тэ гэ",
    "рф": "эр эф", "сша": "сэ шэ а", "мвд": "эм вэ дэ", "вднх": "вэ дэ эн ха", "вск": "вэ эс ка", "орви": "орви",
    "фсб": "эф эс бэ", "рпц": "эр пэ цэ", "ссср": "эс эс эс эр",
}  # fmt: skip
# short for a whole word, which is what people say
_SHORTENED = listed("кг мг мкг г мл дл л см мм км м мин ч ст стр гр др тд тп тк пл пр пн вт ср чт пт сб вс млн млрд")
_LETTER_NAMES = {
    "а": "а", "б": "бэ", "в": "вэ", "г": "гэ", "д": "дэ", "е": "е", "ё": "ё", "ж": "жэ", "з": "зэ", "и": "и", "й": "и",
    "к": "ка", "л": "эл", "м": "эм", "н": "эн", "о": "о", "п": "пэ", "р": "эр", "с": "эс", "т": "тэ", "у": "у",
    "ф": "эф", "х": "ха", "ц": "цэ", "ч": "че", "ш": "ша", "щ": "ща", "ъ": "", "ы": "ы", "ь": "", "э": "э", "ю": "ю",
    "я": "я",
}  # fmt: skip


def plain(word: str) -> str:
    """The word as it is written: lower case, no stress marks."""
    return word.lower().replace("+", "").replace(ACUTE, "")


def with_plus(word: str) -> str:
    """U+0301 after a vowel as `+` before it; lower case."""
    return re.sub(f"(.){ACUTE}", r"+\1", word.lower())


def problem(word: str) -> str:
    """Why a word cannot be said, or "". Give it as it is written: capitals make an abbreviation."""
    lower = plain(word)
    if re.search("[a-z]", lower):
        return "it has Latin letters"
    if re.search("[0-9]", lower):
        return "it has digits"
    if not _WORD.fullmatch(lower):
        return "it is no Russian word"
    if lower in _SHORTENED and not word.isupper():
        return "it is short for another word"
    if not LETTERS & set(lower) and lower not in _FIXED and not _is_spelled(word):
        return "it has no vowel and is too long for an abbreviation that is spelled"
    marks = [place for place, letter in enumerate(with_plus(word)) if letter == "+"]
    if any(with_plus(word)[place + 1 : place + 2] not in LETTERS for place in marks):
        return "its stress mark stands at no vowel"
    return ""


class Pronouncer:
    """Pronunciations of words. One a process: see Espeak."""

    def __init__(self) -> None:
        self._espeak = Espeak()

    def pronounce(self, word: str, marked: str | None = None) -> list[Pronunciation]:
        """Return the usual pronunciation first. `marked`: the word with `+`, else espeak-ng's guess of the stress."""
        if fixed := self._by_table(word):
            return fixed
        spelling = plain(marked or word)
        sounds = listen(self._espeak.phonemes(spelling))
        told = restress(spelling, sounds, _stressed_vowel(marked)) if marked and "+" in marked else None
        return _unique([told or sounds.units])

    def variants(self, word: str) -> list[Pronunciation]:
        """Return all ways to say a word as it is written, marks and capitals included; empty: it cannot be said."""
        if problem(word):
            return []
        lower, marked = plain(word), with_plus(word)
        if fixed := self._by_table(lower):
            return fixed
        spelled = [self._spell(lower)] if _is_spelled(word) else []
        if not LETTERS & set(lower):
            return spelled
        if "+" in marked:
            return _unique([*self.pronounce(lower, marked), *spelled])
        sounds = listen(self._espeak.phonemes(lower))
        count = sum(letter in LETTERS for letter in lower)
        if "ё" in lower:
            return _unique([sounds.units, *spelled])
        moved = [units for place in range(count) if (units := restress(lower, sounds, place))]
        yo = [listen(self._espeak.phonemes(_MAYBE_YO.sub("ё", lower))).units] if _MAYBE_YO.search(lower) else []
        return _unique([sounds.units, *yo, *moved, *spelled])[:MAXIMUM_VARIANTS]

    def _by_table(self, word: str) -> list[Pronunciation]:
        if word in _FIXED:
            return [tuple(variant.split()) for variant in _FIXED[word]]
        if word in _SPELLED:
            return [self._join(_SPELLED[word].split())]
        return []

    def _spell(self, word: str) -> Pronunciation:
        return self._join([_LETTER_NAMES[letter] for letter in word if _LETTER_NAMES.get(letter)])

    def _join(self, parts: Sequence[str]) -> Pronunciation:
        said = (_FIXED[part][0].split() if part in _FIXED else listen(self._espeak.phonemes(part)).units for part in parts)
        return tuple(unit for units in said for unit in units)


def _is_spelled(word: str) -> bool:
    """Whether letters may be said by their names: in capitals (МРТ, АЛТ) or without a vowel (ктг)."""
    is_abbreviation = word.isupper() or not LETTERS & set(word.lower())
    return is_abbreviation and 2 <= len(word) <= _LONGEST_SPELLED and "+" not in word


def _stressed_vowel(marked: str) -> int:
    head = marked.lower().partition("+")[0]
    return sum(letter in LETTERS for letter in head)


def _unique(variants: Sequence[Pronunciation]) -> list[Pronunciation]:
    return [variant for variant in dict.fromkeys(variants) if variant]
