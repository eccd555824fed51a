"""How callers put themselves right, and numbers so put right while dictated: "сорок ой нет не сорок а четырнадцать"."""

from voicebot.russian.numbers import numeral_at
from voicebot.russian.text import listed

#: What follows one of these is meant instead of what precedes it, be it a number or a day.
CORRECTIONS = listed(
    "нет ой точнее вернее ошибся ошиблась неправильно неверно вру соврал соврала наврал наврала оговорился оговорилась "
    "перепутал перепутала стоп погодите подождите погоди подожди"
)
#: Of a dictation alone: "сначала" is also "с начала" of a month.
_AGAIN = listed("сначала заново")
_THAT_IS = ("то", "есть")
_SOME = listed("что какое какие какой когда")
_LONGEST_DENIED = 4  # words


def segments(tokens: list[str]) -> list[list[str]]:
    """The words between corrections, none of them empty; what is denied in the same breath ("не сорок а") is left out."""
    found: list[list[str]] = [[]]
    index = 0
    while index < len(tokens):
        if denied := _denied_at(tokens, index):
            index += denied
        elif length := _correction_at(tokens, index):
            found.append([])
            index += length
        else:
            found[-1].append(tokens[index])
            index += 1
    return [segment for segment in found if segment]


def _correction_at(tokens: list[str], index: int) -> int:
    """The words of a correction that begins here, or 0."""
    if tokens[index] in CORRECTIONS or tokens[index] in _AGAIN:
        return 1
    return len(_THAT_IS) if is_that_is(tokens, index) else 0


def is_that_is(tokens: list[str], index: int) -> bool:
    """Whether "то есть" begins here; "что-то есть" corrects nothing."""
    is_some = index > 0 and tokens[index - 1] in _SOME
    return not is_some and tuple(tokens[index : index + len(_THAT_IS)]) == _THAT_IS


def _denied_at(tokens: list[str], index: int) -> int:
    """The words of "не сорок а" or "а не сорок" that begin here, or 0."""
    if tokens[index] == "не":
        ahead = tokens[index + 1 : index + 2 + _LONGEST_DENIED]
        return ahead.index("а") + 2 if "а" in ahead[1:] else 0
    if tokens[index : index + 2] == ["а", "не"] and (numeral := numeral_at(tokens, index + 2)) is not None:
        return numeral.end - index
    return 0
