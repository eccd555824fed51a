"""Words and phrases in a wanted case, nouns after numbers, money."""

from functools import lru_cache
from typing import Any

from voicebot.russian.case import Case, Gender
from voicebot.russian.morphology import parses
from voicebot.russian.numbers import say_number
from voicebot.russian.text import normalise

__all__ = ["Case", "Gender", "agree", "gender_of_noun", "inflect", "say_money"]

# Nouns whose count form is another word, or that pymorphy3 counts wrongly: (after 1, after 2-4, after 5 and more).
_COUNTED = {
    "год": ("год", "года", "лет"),
    "человек": ("человек", "человека", "человек"),
    "раз": ("раз", "раза", "раз"),
}
# In the oblique cases the count form of год is regular ("двум годам"), but in the genitive it is "двух лет".
_COUNTED_PLURAL = {
    "год": {Case.GENITIVE: "лет", Case.DATIVE: "годам", Case.INSTRUMENTAL: "годами", Case.PREPOSITIONAL: "годах"},
    "человек": {
        Case.GENITIVE: "человек",
        Case.DATIVE: "людям",
        Case.INSTRUMENTAL: "людьми",
        Case.PREPOSITIONAL: "людях",
    },
    "раз": {Case.GENITIVE: "раз", Case.DATIVE: "разам", Case.INSTRUMENTAL: "разами", Case.PREPOSITIONAL: "разах"},
}
# Medical people whom pymorphy3 reads as adjectives, things or names.
_PEOPLE_IN_IST = ("ист",)
_ANIMATE = {"лор": ("лор", "лора", "лору", "лора", "лором", "лоре")}
_FIXED = {"узи", "экг", "мрт", "кт", "ээг", "омс", "дмс", "пцр", "ээ", "эхо", "лфк", "фгс", "фгдс", "гу", "он", "лайн"}
_ORDER = (
    Case.NOMINATIVE,
    Case.GENITIVE,
    Case.DATIVE,
    Case.ACCUSATIVE,
    Case.INSTRUMENTAL,
    Case.PREPOSITIONAL,
)


def _noun(word: str) -> Any | None:
    """The nominative singular reading of a noun, people before things, or None."""
    nouns = [p for p in parses(word) if "NOUN" in p.tag and "nomn" in p.tag]
    readings = [p for p in nouns if "Surn" not in p.tag and "Name" not in p.tag] or nouns
    if word.endswith(_PEOPLE_IN_IST):
        readings.sort(key=lambda p: "anim" not in p.tag)
    singular = [p for p in readings if "sing" in p.tag]
    return (singular or readings or [None])[0]


def gender_of_noun(noun: str) -> Gender:
    """The gender of a noun in the nominative; masculine when it is not known."""
    reading = _noun(noun)
    for gender in Gender:
        if reading is not None and gender.value in reading.tag:
            return gender
    return Gender.MASCULINE


def _is_animate(reading: Any) -> bool:
    return "anim" in reading.tag


def _adjective(word: str) -> Any | None:
    for reading in parses(word):
        if ("ADJF" in reading.tag or "PRTF" in reading.tag) and "nomn" in reading.tag:
            return reading
    return None


def _cased(word: str, case: Case) -> str:
    """One noun (nominative) in the case; unchanged when unknown."""
    if word in _FIXED:
        return word
    if word in _ANIMATE:
        return _ANIMATE[word][_ORDER.index(case)]
    reading = _noun(word)
    if reading is None:
        return word
    number = "plur" if "plur" in reading.tag else "sing"
    inflected = reading.inflect({case.value, number})
    return str(inflected.word) if inflected else word


def _capitalised_like(word: str, model: str) -> str:
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word.capitalize() if model[:1].isupper() else word


@lru_cache(maxsize=8192)
def inflect(phrase: str, case: Case) -> str:
    """A nominative phrase ("детский стоматолог", "приём врача") in another case.

    Adjectives before the head noun agree with it; what follows the head noun stays ("приёма врача"). Words pymorphy3
    does not know as nouns or adjectives stay as they are.
    """
    tokens = phrase.split(" ")
    if case is Case.NOMINATIVE or not phrase.strip():
        return phrase
    head = _head(tokens)
    result = list(tokens)
    if head is None:
        return phrase
    head_reading = _noun(tokens[head].lower())
    for index in range(head):
        lowered = tokens[index].lower()
        adjective = _adjective(lowered)
        if adjective is None:
            continue
        wanted = {case.value}
        if head_reading is not None and "plur" in head_reading.tag:
            wanted.add("plur")
        elif head_reading is not None:
            gender = gender_of_noun(tokens[head].lower())
            wanted |= {"sing", gender.value}
        if (
            case is Case.ACCUSATIVE
            and (head_reading is not None)
            and ("masc" in head_reading.tag or "plur" in head_reading.tag)
        ):
            animate = _is_animate(head_reading) or tokens[head].lower() in _ANIMATE
            wanted.add("anim" if animate else "inan")
        changed = adjective.inflect(wanted)
        if changed is not None:
            result[index] = _capitalised_like(str(changed.word), tokens[index])
    result[head] = _hyphenated(tokens[head], case)
    return " ".join(result)


def _hyphenated(token: str, case: Case) -> str:
    """ "врач-терапевт" declines in both parts, "гастро-энтеролог" only in the last."""
    parts = token.split("-")
    if len(parts) == 1:
        return _capitalised_like(_cased(token.lower(), case), token)
    changed = []
    for index, part in enumerate(parts):
        declines = index == len(parts) - 1 or (_noun(part.lower()) is not None and not part.lower().endswith("о"))
        changed.append(_capitalised_like(_cased(part.lower(), case), part) if declines else part)
    return "-".join(changed)


def _head(tokens: list[str]) -> int | None:
    """The index of the phrase's head: the first nominative noun that is not an adjective agreeing with a later one."""
    for index, token in enumerate(tokens):
        word = token.lower().split("-")[-1]
        if word in _ANIMATE or word in _FIXED:
            return index
        readings = parses(word)
        if not readings:
            continue
        is_adjective = "ADJF" in readings[0].tag or "PRTF" in readings[0].tag
        if is_adjective and index + 1 < len(tokens) and not word.endswith(_PEOPLE_IN_IST):
            continue
        if index + 1 < len(tokens) and _agrees(word, tokens[index + 1].lower()):
            continue  # "рабочий день": a noun of its own only where no noun follows
        if _noun(word) is not None:
            return index
    return None


def _agrees(word: str, noun: str) -> bool:
    """Whether a word may be the adjective of the nominative noun after it."""
    adjective, reading = _adjective(word), _noun(noun)
    if adjective is None or reading is None:
        return False
    return "plur" in adjective.tag if "plur" in reading.tag else gender_of_noun(noun).value in adjective.tag


def adjective_form(adjective: str, n: int, noun: str, case: Case) -> str:
    """An adjective (nominative) between a number and its noun: "один рабочий", "два рабочих", "две рабочие", "двум рабочим"."""
    reading, head = _adjective(adjective), _noun(noun)
    if reading is None or head is None:
        return adjective
    is_one = n % 10 == 1 and n % 100 != 11
    is_few = n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14)
    gender = gender_of_noun(noun)
    wanted = {case.value, "sing", gender.value} if is_one else {case.value, "plur"}
    if not is_one and case in (Case.NOMINATIVE, Case.ACCUSATIVE):
        wanted = {"nomn" if is_few and gender is Gender.FEMININE else "gent", "plur"}
    elif is_one and case is Case.ACCUSATIVE and gender is Gender.MASCULINE:
        wanted.add("anim" if _is_animate(head) else "inan")
    changed = reading.inflect(wanted)
    return str(changed.word) if changed is not None else adjective


def agree(n: int, noun: str, case: Case = Case.NOMINATIVE) -> str:
    """The form of a nominative noun that stands after the number: agree(2, "час") is "часа", agree(5, "рубль") "рублей"."""
    word = noun.lower()
    is_one = n % 10 == 1 and n % 100 != 11
    is_few = n % 10 in (2, 3, 4) and n % 100 not in (12, 13, 14)
    if is_one:
        return _cased(word, case)
    if case in (Case.NOMINATIVE, Case.ACCUSATIVE):
        if word in _COUNTED:
            return _COUNTED[word][1 if is_few and (word, case) != ("человек", Case.ACCUSATIVE) else 2]
        reading = _noun(word)
        if reading is None:
            return word
        if is_few and not (case is Case.ACCUSATIVE and _is_animate(reading)):
            return str(reading.inflect({"gent", "sing"}).word)
        return str(reading.inflect({"gent", "plur"}).word)
    if word in _COUNTED_PLURAL:
        return _COUNTED_PLURAL[word][case]
    reading = _noun(word)
    changed = reading.inflect({case.value, "plur"}) if reading is not None else None
    return str(changed.word) if changed is not None else word


def counted(n: int, noun: str, case: Case = Case.NOMINATIVE) -> str:
    """A number with its noun: "два часа", "двадцать одну минуту"."""
    reading = _noun(noun.lower())
    is_animate = reading is not None and _is_animate(reading)
    return f"{say_number(n, case, gender_of_noun(noun.lower()), is_animate=is_animate)} {agree(n, noun, case)}"


def say_money(rubles: int, case: Case = Case.NOMINATIVE) -> str:
    """A price in whole rubles: "тысяча пятьсот рублей"."""
    return counted(rubles, "рубль", case)


def is_same(first: str, second: str) -> bool:
    """Whether two phrases are the same words for matching (case, ё and punctuation aside)."""
    return normalise(first) == normalise(second)
