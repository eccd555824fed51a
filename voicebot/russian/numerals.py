"""The words of Russian numerals in every case, and how each may join others."""

from dataclasses import dataclass
from enum import Enum, auto
from functools import cache

from voicebot.russian.text import listed


class Kind(Enum):
    """How a word takes part in a compound numeral."""

    PART = auto()  # одиннадцать, двадцать, сто: joins a smaller one after it
    SCALE = auto()  # тысяча, миллион: multiplies what is before it
    FUSED_SCALE = auto()  # двухтысячный
    ALONE = auto()  # ноль, двойка, двое
    HALF_MORE = auto()  # полтора


@dataclass(frozen=True, slots=True)
class Word:
    """One numeral word. `room`: the next word must be worth less (0: nothing may follow)."""

    value: int
    kind: Kind = Kind.PART
    is_ordinal: bool = False
    is_collective: bool = False
    room: int = 0
    is_single: bool = False  # a scale in the singular: "тысяча" goes with one, never with three


# Written with е for ё, as text.normalise gives them.
_CARDINALS = {
    1: "один одного одному одним одном одна одной одну одною одно",
    2: "два две двух двум двумя",
    3: "три трех трем тремя",
    4: "четыре четырех четырем четырьмя четыри",
    5: "пять пяти пятью",
    6: "шесть шести шестью",
    7: "семь семи семью",
    8: "восемь восьми восемью восьмью",
    9: "девять девяти девятью",
    10: "десять десяти десятью",
    11: "одиннадцать одиннадцати одиннадцатью одинадцать",
    12: "двенадцать двенадцати двенадцатью двенацать",
    13: "тринадцать тринадцати тринадцатью тринацать",
    14: "четырнадцать четырнадцати четырнадцатью четырнацать",
    15: "пятнадцать пятнадцати пятнадцатью пятнацать",
    16: "шестнадцать шестнадцати шестнадцатью шестнацать",
    17: "семнадцать семнадцати семнадцатью семнацать",
    18: "восемнадцать восемнадцати восемнадцатью восемнацать",
    19: "девятнадцать девятнадцати девятнадцатью девятнацать",
    20: "двадцать двадцати двадцатью двацать",
    30: "тридцать тридцати тридцатью трицать",
    40: "сорок сорока",
    50: "пятьдесят пятидесяти пятьюдесятью пятидесятью писят пийсят",
    60: "шестьдесят шестидесяти шестьюдесятью шестидесятью шисят шесят",
    70: "семьдесят семидесяти семьюдесятью семидесятью",
    80: "восемьдесят восьмидесяти восемьюдесятью восьмьюдесятью восьмидесятью",
    90: "девяносто девяноста",
    100: "сто ста сотня сотню",
    200: "двести двухсот двумстам двумястами двухстах двухста",
    300: "триста трехсот тремстам тремястами трехстах трехста",
    400: "четыреста четырехсот четыремстам четырьмястами четырехстах",
    500: "пятьсот пятисот пятистам пятьюстами пятистах пятиста",
    600: "шестьсот шестисот шестистам шестьюстами шестистах",
    700: "семьсот семисот семистам семьюстами семистах",
    800: "восемьсот восьмисот восьмистам восьмьюстами восемьюстами восьмистах",
    900: "девятьсот девятисот девятистам девятьюстами девятистах",
}
_SCALES = {
    1000: "тысяча тысячи тысяч тысяче тысячу тысячей тысячью тысячам тысячами тысячах тыща тыщу тыщи тыщ",
    1_000_000: "миллион миллиона миллионов миллиону миллионом миллионе миллионам миллионами миллионах миллионы",
}
_SINGLE_SCALES = listed("тысяча тысяче тысячу тысячей тысячью тыща тыщу миллион миллиону миллионом миллионе")
_ZERO = "ноль ноля нолю нолем ноле нуль нуля нулю нулем нуле нулик нолик"
_DIGIT_NAMES = {
    1: "единица единицу единицы единичка единичку единице единицей единиц",
    2: "двойка двойку двойки двойке двойкой двоечка двоечку двоек",
    3: "тройка тройку тройки тройке тройкой троечка троечку троек",
    4: "четверка четверку четверки четверке четверкой четверок",
    5: "пятерка пятерку пятерки пятерке пятеркой пятерочка пятерок",
    6: "шестерка шестерку шестерки шестерке шестеркой шестерочка шестерок",
    7: "семерка семерку семерки семерке семеркой семерочка семерок",
    8: "восьмерка восьмерку восьмерки восьмерке восьмеркой восьмерочка восьмерок",
    9: "девятка девятку девятки девятке девяткой девяточка девяток",
    10: "десятка десятку десятки десятке десяткой десяточка десяток",
}
_COLLECTIVES = {
    2: "двое двоих двоим двоими",
    3: "трое троих троим троими",
    4: "четверо четверых четверым четверыми",
    5: "пятеро пятерых пятерым пятерыми",
    6: "шестеро шестерых",
    7: "семеро семерых",
}
_HALF_MORE = "полтора полторы полутора"

_HARD = "ый ого ому ым ом ая ой ую ою ое ые ых ыми"
_STRESSED = "ой ого ому ым ом ая ой ую ою ое ые ых ыми"
_ORDINAL_STEMS = {
    0: "нулев",
    1: "перв",
    2: "втор",
    4: "четверт",
    5: "пят",
    6: "шест",
    7: "седьм",
    8: "восьм",
    9: "девят",
    10: "десят",
    11: "одиннадцат",
    12: "двенадцат",
    13: "тринадцат",
    14: "четырнадцат",
    15: "пятнадцат",
    16: "шестнадцат",
    17: "семнадцат",
    18: "восемнадцат",
    19: "девятнадцат",
    20: "двадцат",
    30: "тридцат",
    40: "сороков",
    50: "пятидесят",
    60: "шестидесят",
    70: "семидесят",
    80: "восьмидесят",
    90: "девяност",
    100: "сот",
    200: "двухсот",
    300: "трехсот",
    400: "четырехсот",
    500: "пятисот",
    600: "шестисот",
    700: "семисот",
    800: "восьмисот",
    900: "девятисот",
}
_STRESSED_ENDINGS = {0, 2, 6, 7, 8, 40}
_THIRD = "третий третьего третьему третьим третьем третья третьей третью третье третьи третьих третьими"
_FUSED = {2000: "двухтысячн", 3000: "трехтысячн"}


def _room(value: int) -> int:
    """What the next word of a compound must be worth less than: after сто 100, after двадцать 10, after пять nothing."""
    if value >= 100:
        return 100
    return 10 if value >= 20 else 0


@cache
def lexicon() -> dict[str, Word]:
    """Normalised word -> what it is worth."""
    table: dict[str, Word] = {}
    for value, stem in _ORDINAL_STEMS.items():
        endings = _STRESSED if value in _STRESSED_ENDINGS else _HARD
        kind = Kind.ALONE if value == 0 else Kind.PART
        for ending in endings.split():
            table[stem + ending] = Word(value, kind, is_ordinal=True)
    for form in _THIRD.split():
        table[form] = Word(3, is_ordinal=True)
    for ending in _HARD.split():
        table["тысячн" + ending] = Word(1000, Kind.SCALE, is_ordinal=True)
        for value, stem in _FUSED.items():
            table[stem + ending] = Word(value, Kind.FUSED_SCALE, is_ordinal=True)
    for value, forms in _CARDINALS.items():
        for form in forms.split():
            table[form] = Word(value, room=_room(value))
    for value, forms in _SCALES.items():
        for form in forms.split():
            table[form] = Word(value, Kind.SCALE, is_single=form in _SINGLE_SCALES)
    for form in _ZERO.split():
        table[form] = Word(0, Kind.ALONE)
    for value, forms in _DIGIT_NAMES.items():
        for form in forms.split():
            table[form] = Word(value, Kind.ALONE)
    for value, forms in _COLLECTIVES.items():
        for form in forms.split():
            table[form] = Word(value, Kind.ALONE, is_collective=True)
    for form in _HALF_MORE.split():
        table[form] = Word(1, Kind.HALF_MORE)
    return table
