"""Dialog IDs: short enough to be read aloud and typed, hard to guess, with a check character.

The alphabet is digits and the letters of Russian car plates that look the same in Cyrillic and Latin, without those
that look like a digit (O, B): every Russian can read one aloud, and either keyboard layout types it.
Seven random characters (20**7 = 1.28e9) and one check character by the Luhn mod N algorithm (ISO/IEC 7812-1 Annex B,
generalised), which finds every single wrong character. Guessing is slowed by rate limits where IDs are looked up.
"""

import secrets

ALPHABET = "0123456789AEKMHPCTYX"
LENGTH = 8

_LOOKALIKES = str.maketrans("АЕКМНРСТУХОOВB", "AEKMHPCTYX0088")


def _check_character(body: str) -> str:
    n = len(ALPHABET)
    total = 0
    for position, character in enumerate(reversed(body)):
        value = ALPHABET.index(character) * (2 if position % 2 == 0 else 1)
        total += value // n + value % n
    return ALPHABET[-total % n]


def new() -> str:
    """Draw a dialog ID. The store keeps it unique; a collision there means: draw another."""
    body = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH - 1))
    return body + _check_character(body)


def parse(typed: str) -> str | None:
    """Return the ID a person typed (either layout, any case, spaces and dashes), or None if it is not one."""
    text = plain(typed)
    if len(text) != LENGTH or any(c not in ALPHABET for c in text):
        return None
    return text if _check_character(text[:-1]) == text[-1] else None


def plain(typed: str) -> str:
    """Return an ID, or a part of one, in its own letters: either layout, any case, without spaces, dashes and dots."""
    return "".join(c for c in typed.upper() if c not in " -.").translate(_LOOKALIKES)
