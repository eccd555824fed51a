"""Every case form of a phrase, for grammars and for matching."""

from functools import lru_cache

from voicebot.russian.case import Case
from voicebot.russian.inflect import inflect
from voicebot.russian.names import PersonName, all_cases, parse_person
from voicebot.russian.text import normalise


@lru_cache(maxsize=8192)
def forms(phrase: str) -> frozenset[str]:
    """All case forms of a nominative phrase, normalised: "детский стоматолог" gives "детскому стоматологу" and so on.

    The name of a person declines in all its parts; the surname may stand first or last, one part of three may be left out.
    """
    plain = phrase.strip().lower()
    name = _person(plain)
    if name is None:
        return frozenset(normalise(inflect(plain, case)) for case in Case) - {""}
    found = set()
    for declined in all_cases(name):
        parts = normalise(declined).split(" ")
        found.add(" ".join(parts))
        if name.surname:
            surname, *rest = parts
            found.add(" ".join([*rest, surname]))
            if len(rest) == 2:  # "Иванов Пётр Ильич" is also called "Иванов Пётр" and "Пётр Ильич"
                found |= {f"{surname} {rest[0]}", f"{rest[0]} {surname}", " ".join(rest)}
    return frozenset(found)


def _person(phrase: str) -> PersonName | None:
    """The person whom a phrase of two or three words names in the nominative, if it does."""
    if not 2 <= len(phrase.split()) <= 3:
        return None
    name = parse_person(phrase)
    is_whole = name is not None and sorted(normalise(str(name)).split()) == sorted(normalise(phrase).split())
    return name if is_whole else None
