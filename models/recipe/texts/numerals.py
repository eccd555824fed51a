# ruff: noqa: SIM905 - word tables read better as one string
"""Russian numerals as words, in the cases that dates, times and phone numbers need."""

from __future__ import annotations

UNITS = (
    "ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать "
    "четырнадцать пятнадцать шестнадцать семнадцать восемнадцать девятнадцать"
).split()
TENS = ["", "", *"двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто".split()]
HUNDREDS = ["", *"сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот".split()]

GENITIVE = (
    "ноля одного двух трёх четырёх пяти шести семи восьми девяти десяти одиннадцати двенадцати тринадцати "
    "четырнадцати пятнадцати шестнадцати семнадцати восемнадцати девятнадцати двадцати"
).split()
INSTRUMENTAL = (
    "нулём одним двумя тремя четырьмя пятью шестью семью восемью девятью десятью одиннадцатью двенадцатью "
    "тринадцатью четырнадцатью пятнадцатью шестнадцатью семнадцатью восемнадцатью девятнадцатью двадцатью"
).split()
DATIVE = (
    "нулю одному двум трём четырём пяти шести семи восьми девяти десяти одиннадцати двенадцати тринадцати "
    "четырнадцати пятнадцати шестнадцати семнадцати восемнадцати девятнадцати двадцати"
).split()

_ORDINAL_STEMS = (
    "перв втор трет четвёрт пят шест седьм восьм девят десят одиннадцат двенадцат тринадцат четырнадцат "
    "пятнадцат шестнадцат семнадцат восемнадцат девятнадцат двадцат"
).split()
_ORDINAL_TENS = {30: "тридцат", 40: "сороков", 50: "пятидесят", 60: "шестидесят", 70: "семидесят",
                 80: "восьмидесят", 90: "девяност"}  # fmt: skip

#: endings of an ordinal by form: (hard, the soft one of "третий")
_ORDINAL_ENDINGS = {
    "neuter": ("ое", "ье"),
    "genitive": ("ого", "ьего"),
    "dative": ("ому", "ьему"),
    "instrumental": ("ым", "ьим"),
    "feminine": ("ая", "ья"),
    "feminine_accusative": ("ую", "ью"),
    "feminine_genitive": ("ой", "ьей"),
    "prepositional": ("ом", "ьем"),
    "plural": ("ые", "ьи"),
}
_STRESSED_ENDING = {"втор", "шест", "седьм", "восьм", "сороков"}


def cardinal(number: int, *, feminine: bool = False) -> str:
    """0..999 999 in the nominative."""
    if number >= 1000:
        thousands, rest = divmod(number, 1000)
        head = "" if thousands == 1 else cardinal(thousands, feminine=True) + " "
        noun = plural(thousands, "тысяча", "тысячи", "тысяч")
        return f"{head}{noun}" + (f" {cardinal(rest, feminine=feminine)}" if rest else "")
    words = []
    if number >= 100:
        words.append(HUNDREDS[number // 100])
        number %= 100
        if not number:
            return words[0]
    if number >= 20:
        words.append(TENS[number // 10])
        number %= 10
    if number or not words:
        words.append({1: "одна", 2: "две"}.get(number, UNITS[number]) if feminine else UNITS[number])
    return " ".join(words)


def ordinal(number: int, form: str = "neuter") -> str:
    """1..99; `form` is a key of the endings above or "masculine" (первый, второй)."""
    head = ""
    if number > 20 and number % 10:
        head = TENS[number // 10] + " "
        number %= 10
    stem = _ORDINAL_STEMS[number - 1] if number <= 20 else _ORDINAL_TENS[number]
    if form == "masculine":
        ending = "ий" if stem == "трет" else "ой" if stem in _STRESSED_ENDING else "ый"
    else:
        ending = _ORDINAL_ENDINGS[form][stem == "трет"]
    return head + stem + ending


def plural(number: int, one: str, few: str, many: str) -> str:
    """The noun's form after a number: 1 час, 2 часа, 5 часов."""
    if number % 100 in range(11, 15):
        return many
    return {1: one, 2: few, 3: few, 4: few}.get(number % 10, many)
