"""What a caller wants instead of an offer without naming it: "а попозже есть", "в другой день"."""

from enum import StrEnum
from functools import cache

from voicebot.russian.text import normalise


class Shift(StrEnum):
    """Where to look from the offered moment."""

    EARLIER = "earlier"
    LATER = "later"
    OTHER_DAY = "other_day"
    OTHER_TIME = "other_time"


_PHRASES = {
    Shift.OTHER_DAY: """в другой день, на другой день, другой день, другое число, на другое число, другую дату, другая дата,
        другие дни, в другие дни, какой нибудь другой день, день другой, другого числа, на следующий день,
        на день позже, днем позже, другой день недели, в какой то другой день, на другие дни, в иной день""",
    Shift.LATER: """попозже, позже, позднее, попозднее, чуть позже, немного позже, рановато, слишком рано, мне рано,
        для меня рано, очень рано, это рано, так рано""",
    Shift.EARLIER: """пораньше, раньше, ранее, чуть раньше, немного раньше, поздновато, слишком поздно, мне поздно,
        для меня поздно, очень поздно, это поздно, так поздно, поскорее, побыстрее""",
    Shift.OTHER_TIME: """другое время, на другое время, в другое время, время другое, другие варианты, другой вариант,
        еще варианты, еще что нибудь, что нибудь еще, а еще, другие окна, другое окно, еще есть, что еще есть, другие времена,
        ни один не подходит, ни одно не подходит, ничего не подходит, ни один из них, ни то ни другое,
        другое есть, что нибудь другое, а другое""",
}
# "Как можно раньше" and "не раньше" are wishes of their own (see when).
_NOT_EARLIER = ("как можно раньше", "чем раньше", "не раньше", "не ранее")
_NOT_LATER = ("не позже", "не позднее")


def parse_shift(text: str) -> Shift | None:
    """The direction a phrase asks for relative to what was offered, or None. Ask parse_when first: it may hold a time."""
    said = f" {normalise(text)} "
    for phrase in (*_NOT_EARLIER, *_NOT_LATER):
        said = said.replace(f" {phrase} ", " ")
    return next((shift for phrase, shift in _table() if phrase in said), None)


@cache
def _table() -> tuple[tuple[str, Shift], ...]:
    return tuple(
        (f" {' '.join(phrase.split())} ", shift) for shift, phrases in _PHRASES.items() for phrase in phrases.split(",")
    )
