"""Every case form of a phrase, for grammars and for matching."""

from functools import lru_cache

from voicebot.russian.case import Case
from voicebot.russian.inflect import inflect
from voicebot.russian.text import normalise


@lru_cache(maxsize=8192)
def forms(phrase: str) -> frozenset[str]:
    """All case forms of a nominative phrase, normalised: "детский стоматолог" gives "детскому стоматологу" and so on."""
    plain = phrase.strip().lower()
    return frozenset(normalise(inflect(plain, case)) for case in Case) - {""}
