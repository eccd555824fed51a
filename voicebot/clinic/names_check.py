"""Which names of the catalogue callers could not tell apart."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from voicebot.clinic.entries import Kind
from voicebot.clinic.entry import matching_form
from voicebot.clinic.sources import Location


class Placed(Protocol):
    def problem(self, location: Location, what: str, cure: str) -> str: ...


def clashes(kind: Kind, entries: Mapping[str, Any], places: Mapping[str, Placed]) -> Iterator[str]:
    """Yield the names that two entries of one kind share (doctors may share a surname: the caller is asked which one)."""
    owners: dict[str, str] = {}
    for identifier, entry in entries.items():
        names = (*entry.synonyms, entry.full_name) if kind == "doctor" else entry.names()
        if kind == "speciality":
            names = (*names, *entry.complaints)
        for name in names:
            form = matching_form(name)
            place: Location = ()
            for field in ("synonyms", "complaints", "questions"):
                values = getattr(entry, field, ())
                if name in values:
                    place = (field, values.index(name))
            if not form:
                yield places[identifier].problem(place, f"{name!r} has no words", "Remove it.")
            elif owners.setdefault(form, identifier) != identifier:
                yield places[identifier].problem(
                    place,
                    f"{name!r} is a name of {identifier!r} and of {owners[form]!r}",
                    "Leave it with one of them: callers could not tell them apart.",
                )
