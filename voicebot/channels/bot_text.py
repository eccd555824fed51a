"""Texts for messengers: the sentences of a reply in one message, a long one in several."""

from collections.abc import Iterable


def join(texts: Iterable[str]) -> str:
    """Put what is said at once into one message, a line each."""
    return "\n".join(text.strip() for text in texts if text.strip())


def parts(text: str, limit: int) -> tuple[str, ...]:
    """Cut a text into messages of at most `limit` characters: at a line's end, else a sentence's, else a word's."""
    found: list[str] = []
    rest = text.strip()
    while len(rest) > limit:
        end = _end(rest, limit)
        found.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    return (*found, rest) if rest or not found else tuple(found)


def _end(text: str, limit: int) -> int:
    """Where to cut, 1..limit; the later half is looked at first, so that no message is a stump."""
    for sign in ("\n", ". ", "! ", "? ", "; ", " "):
        place = text.rfind(sign, limit // 2, limit - 1)
        if place >= 0:
            return place + len(sign)
    return limit
