"""What of the clinic a phrase names, as the classifier sees it: one word for all tests, one for all doctors.

"Сколько стоит ферритин" and "сколько стоит кариотип" ask the same: beside the words themselves the classifier learns the
phrase with "#test" in their place. Names are found by their lemmas alone: thousands of phrases are read at every training.
"""

from collections.abc import Iterable, Mapping, Sequence

_LONGEST = 4  # words of a name


class Named:
    """The names of one clinic, kind -> lemmas of each name."""

    def __init__(self, names: Mapping[str, Iterable[Sequence[str]]]) -> None:
        self._kinds: dict[tuple[str, ...], str] = {}
        for kind, several in names.items():
            for parts in several:
                if 0 < len(parts) <= _LONGEST and not all(part.startswith("#") for part in parts):
                    self._kinds.setdefault(tuple(parts), f"#{kind}")
        self._first = {parts[0] for parts in self._kinds}

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def told(self, forms: Sequence[str]) -> list[str]:
        """Return a phrase's lemmas with one word ("#test") in place of each name, the longest where several begin."""
        found: list[str] = []
        place = 0
        while place < len(forms):
            length = self._length_at(forms, place) if forms[place] in self._first else 0
            found.append(self._kinds[tuple(forms[place : place + length])] if length else forms[place])
            place += length or 1
        return found

    def _length_at(self, forms: Sequence[str], place: int) -> int:
        return next((n for n in range(_LONGEST, 0, -1) if tuple(forms[place : place + n]) in self._kinds), 0)


NOTHING_NAMED = Named({})
