"""Numbers to words and words to numbers."""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from num2words import num2words

from voicebot.russian.case import Case, Gender
from voicebot.russian.numerals import Kind, lexicon
from voicebot.russian.text import normalise

_CASES = {
    Case.NOMINATIVE: "n",
    Case.GENITIVE: "g",
    Case.DATIVE: "d",
    Case.ACCUSATIVE: "a",
    Case.INSTRUMENTAL: "i",
    Case.PREPOSITIONAL: "p",
}
_GENDERS = {Gender.MASCULINE: "m", Gender.FEMININE: "f", Gender.NEUTER: "n"}


@lru_cache(maxsize=4096)
def say_number(n: int, case: Case = Case.NOMINATIVE, gender: Gender = Gender.MASCULINE, *, is_animate: bool = False) -> str:
    """A whole number in words: say_number(22, Case.ACCUSATIVE, Gender.FEMININE) is "двадцать две"."""
    said = str(num2words(n, lang="ru", case=_CASES[case], gender=_GENDERS[gender], animate=is_animate))
    # Nobody says "одна тысяча пятьсот" unless it is part of a larger number.
    for one in ("одна ", "одной ", "одну "):
        if 1000 <= n < 2000 and said.startswith(one):
            return said[len(one) :]
    return said


@lru_cache(maxsize=4096)
def say_ordinal(n: int, case: Case = Case.NOMINATIVE, gender: Gender = Gender.MASCULINE, *, is_animate: bool = False) -> str:
    """An ordinal in words: say_ordinal(25, Case.GENITIVE, Gender.NEUTER) is "двадцать пятого"."""
    return str(num2words(n, lang="ru", to="ordinal", case=_CASES[case], gender=_GENDERS[gender], animate=is_animate))


class Number(NamedTuple):
    """A number found among words: its value (an int but for halves) and the words it took, [start, end)."""

    value: float
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number found among words, with what its form tells."""

    value: int
    start: int
    end: int
    is_ordinal: bool = False
    is_collective: bool = False  # двое, трое: people, never hours
    is_half_more: bool = False  # полтора: value and a half
    digits: str = ""  # as dictated; "05" for "ноль пять" typed together


def parse_numbers(tokens: list[str]) -> list[Number]:
    """All numbers among the words, cardinal and ordinal, in any case: ["двадцать", "пять"] gives one, 25."""
    return [
        Number(found.value + 0.5 if found.is_half_more else found.value, (found.start, found.end))
        for found in parse_numerals(tokens)
    ]


def parse_numerals(tokens: list[str]) -> list[Numeral]:
    """All numerals among the words, in order, as long as the words allow ("сорок пять шестьдесят" is 45 and 60)."""
    found: list[Numeral] = []
    index = 0
    while index < len(tokens):
        numeral = numeral_at(tokens, index)
        if numeral is None:
            index += 1
        else:
            found.append(numeral)
            index = numeral.end
    return found


def numeral_at(tokens: list[str], start: int) -> Numeral | None:
    """The numeral that begins at a word, or None. The words need not be normalised."""
    table = lexicon()
    total = 0  # whole thousands and millions, closed
    group = 0  # the part below a thousand, open
    ceiling = 1000  # the next word of the open part must be worth less than this
    scale_ceiling = 10**9
    index = start
    is_empty = True
    while index < len(tokens):
        token = normalise(tokens[index])
        if token.isdecimal():
            if is_empty:
                return Numeral(int(token), start, index + 1, digits=token)
            break
        word = table.get(token)
        if word is None:
            break
        if word.kind is Kind.ALONE:  # zero, words like "восьмерка" or "двое": never part of a compound
            if is_empty:
                return Numeral(word.value, start, index + 1, word.is_ordinal, word.is_collective)
            break
        if word.kind is Kind.HALF_MORE:
            if not is_empty:
                break
            following = table.get(normalise(tokens[index + 1])) if index + 1 < len(tokens) else None
            if following is not None and following.kind is Kind.SCALE and not following.is_ordinal:
                total = following.value * 3 // 2
                index += 2
                scale_ceiling = following.value
                is_empty = False
                continue
            return Numeral(word.value, start, index + 1, is_half_more=True)
        if word.kind is Kind.SCALE:
            if word.value >= scale_ceiling:
                break
            if word.is_single and group > 0 and (group % 10 != 1 or group % 100 == 11):
                break  # "ноль три тысяча девятьсот": a month, then a year
            if word.value == 1000 and index > start and normalise(tokens[index - 1]) == "один":
                break  # "ноль один тысяча девятьсот": a thousand is "одна"
            if is_empty or group > 0:
                total += (group or 1) * word.value
            else:
                break  # "тысяча тысяча"
            group, ceiling, scale_ceiling = 0, 1000, word.value
            index += 1
            is_empty = False
            if word.is_ordinal:
                return Numeral(total, start, index, is_ordinal=True)
            continue
        if word.kind is Kind.FUSED_SCALE:  # двухтысячный
            if not is_empty:
                break
            return Numeral(word.value, start, index + 1, is_ordinal=True)
        if word.value >= ceiling:
            break
        group += word.value
        index += 1
        is_empty = False
        if word.is_ordinal:
            return Numeral(total + group, start, index, is_ordinal=True)
        ceiling = word.room
        if ceiling == 0:
            # A unit or a teen closes the group; only a scale ("тысяч") may follow.
            following = table.get(normalise(tokens[index])) if index < len(tokens) else None
            if following is None or following.kind is not Kind.SCALE:
                break
    if is_empty:
        return None
    return Numeral(total + group, start, index)
