# ruff: noqa: SIM905 - word tables read better as one string
"""The vocabulary: every word of the domain in every form a caller may use, filled up with frequent words."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from itertools import islice

from .texts import callers, numerals, people
from .texts.clinic import DEMO, ClinicNames
from .texts.general import frequent_words
from .texts.generate import domain_sentences
from .texts.heard import zipf
from .texts.slots import Inflector, data_lines, data_words
from .texts.templates import ANSWERS, TALK, template_table

_WORD = re.compile("[а-яё]+")
_SLOT = re.compile("<[^>]*>")
_VOWEL = re.compile("[аеёиоуыэюя]")
#: abbreviations of written texts are no words of speech, but for these
_VOWELLESS = frozenset("в к с б ж мрт кт пцр дмс лфк фгдс ттг вднх вск рф смс хгч мм кг см".split())
#: a further form of a known word must be heard about this often, zipf (3: once in a million words)
_RAREST_FORM = 1.5
#: files whose words are inflected fully
_INFLECTED = ("specialities.txt", "services.txt", "lists.txt", "medical.txt", "everyday.txt")


def words_of(text: str) -> list[str]:
    """The lower-case Russian words of any text."""
    return _WORD.findall(text.lower())


def name_forms() -> set[str]:
    """Surnames, given names and patronymics in all cases."""
    forms: set[str] = set()
    for surname in data_words("surnames.txt"):
        forms.update(people.surname_male(surname))
        forms.update(people.surname_female(surname) or [])
    for name in data_words("names_male.txt"):
        forms.update(people.given_male(name))
        for female in (False, True):
            if patronymic := people.patronymic(name, female=female):
                forms.update((people.given_female if female else people.given_male)(patronymic))
    for name in data_words("names_female.txt"):
        forms.update(people.given_female(name))
    for name in data_words("names_short.txt"):
        forms.update(people.given_female(name))
    return forms


def numeral_forms() -> set[str]:
    """Cardinals and ordinals in the cases of the tables."""
    forms = {*numerals.UNITS, *numerals.GENITIVE, *numerals.DATIVE, *numerals.INSTRUMENTAL}
    forms |= {*numerals.TENS, *numerals.HUNDREDS} - {""}
    endings = [*numerals._ORDINAL_ENDINGS, "masculine"]
    for number in [*range(1, 21), *range(30, 100, 10)]:
        forms.update(numerals.ordinal(number, form) for form in endings)
    return forms


def inflected_forms(words: Iterable[str]) -> set[str]:
    """Forms of the words that people use; of verbs no participles and gerunds, which nobody says on the telephone."""
    inflector, forms = Inflector(), set()
    for word in words:
        if len(word) > 2:
            forms.update(inflector.lexeme(word))
    return {form for form in forms if zipf(form) >= _RAREST_FORM}


def called_words() -> set[str]:
    """The words of what callers say that a dictionary knows: the rest are slips."""
    inflector = Inflector()
    said = {word for template in callers.templates() for word in words_of(_SLOT.sub(" ", template))}
    return {word for word in said if len(word) > 2 and inflector.is_known(word)}


def clinic_words() -> set[str]:
    """The words of the demo clinic's names in the cases in which they answer a question: without them its language model has
    no place for the names.
    """
    return {word for name in ClinicNames(DEMO, random.Random(0)).bare() for word in words_of(name)}


def build(general_words: int, sentences: int = 30_000, seed: int = 1) -> list[str]:
    """The vocabulary, sorted. Words spelled with е for ё are settled by the stress step.

    Sentences are drawn only for what the slots make; the templates' own words are read. Of what callers say the words as they
    are: their other forms are no more likely than anybody's.
    """
    said = {word for line in islice(domain_sentences(random.Random(seed)), sentences) for word in line.split()}
    texts = [*template_table(TALK)[0], *template_table(ANSWERS)[0]]
    said |= {word for template in texts for word in words_of(_SLOT.sub(" ", template))}
    names = name_forms()
    listed = {word for name in _INFLECTED for line in data_lines(name) for word in words_of(line)}
    words = said | listed | inflected_forms(listed | (said - names)) | names | numeral_forms()
    words |= set(frequent_words(general_words)) | called_words() | clinic_words()
    return sorted(word for word in words if _WORD.fullmatch(word) and (_VOWEL.search(word) or word in _VOWELLESS))
