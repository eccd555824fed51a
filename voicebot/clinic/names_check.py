"""Which names of the catalogue callers could not tell apart."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from voicebot.clinic.entries import Kind
from voicebot.clinic.entry import matching_form
from voicebot.clinic.sources import Location

#: Where two kinds share a name, the first of these that has it is understood.
PRECEDENCE: tuple[Kind, ...] = ("doctor", "speciality", "service", "test", "branch", "faq")


class Placed(Protocol):
    def problem(self, location: Location, what: str, cure: str) -> str: ...


def _place_of(entry: Any, name: str) -> Location:
    for field in ("synonyms", "complaints", "questions"):
        values = getattr(entry, field, ())
        if name in values:
            return (field, values.index(name))
    return ()


def shared_between_kinds(kinds: Mapping[Kind, tuple[Mapping[str, Any], Mapping[str, Placed]]]) -> Iterator[str]:
    """Yield, as warnings, the names that entries of different kinds share, and which of them is understood."""
    owners: dict[str, tuple[Kind, str]] = {}
    for kind in PRECEDENCE:
        entries, places = kinds.get(kind, ({}, {}))
        for identifier, entry in entries.items():
            names = entry.synonyms if kind == "doctor" else entry.names()
            if kind == "speciality":
                names = (*names, *entry.complaints)
            for name in names:
                owner = owners.setdefault(matching_form(name), (kind, identifier))
                if owner[0] != kind:
                    yield places[identifier].problem(
                        _place_of(entry, name),
                        f"{name!r} is a name of the {kind} {identifier!r} and of the {owner[0]} {owner[1]!r}",
                        f"The {owner[0]} is understood: leave the name with the one that callers mean.",
                    )


def clashes(kind: Kind, entries: Mapping[str, Any], places: Mapping[str, Placed]) -> Iterator[str]:
    """Yield the names that two entries of one kind share (doctors may share a surname: the caller is asked which one)."""
    owners: dict[str, str] = {}
    for identifier, entry in entries.items():
        names = (*entry.synonyms, entry.full_name) if kind == "doctor" else entry.names()
        if kind == "speciality":
            names = (*names, *entry.complaints)
        for name in names:
            form = matching_form(name)
            place = _place_of(entry, name)
            if not form:
                yield places[identifier].problem(place, f"{name!r} has no words", "Remove it.")
            elif owners.setdefault(form, identifier) != identifier:
                yield places[identifier].problem(
                    place,
                    f"{name!r} is a name of {identifier!r} and of {owners[form]!r}",
                    "Leave it with one of them: callers could not tell them apart.",
                )
