"""The demo clinic's own names, as its callers say them: doctors, specialities, services, tests, branches, in every case."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path

from voicebot.clinic.catalogue import load_catalogue
from voicebot.russian.case import Case
from voicebot.russian.inflect import inflect
from voicebot.russian.names import PersonName, decline

DEMO = Path(__file__).resolve().parents[3] / "dialplans" / "demo"
#: the cases in which a bare name answers a question: "укол", "на капельницу", "снятие швов"; of people "к соколовой"
_OF_THINGS = (Case.NOMINATIVE, Case.ACCUSATIVE, Case.GENITIVE)
_OF_PEOPLE = (Case.NOMINATIVE, Case.DATIVE, Case.GENITIVE)
_SAID = re.compile("[а-яё ]+")


class ClinicNames:
    """Deals the names of a clinic like cards: every one comes before any comes again."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        catalogue = load_catalogue(folder / "clinic")
        self._rng = rng
        things = {"speciality": catalogue.specialities, "service": catalogue.services, "test": catalogue.tests}
        self._names: dict[str, list[str | PersonName]] = {
            kind: [name for entry in entries.values() for name in entry.names() if _SAID.fullmatch(name)]
            for kind, entries in {**things, "branch": catalogue.branches}.items()
        }
        self._names["doctor"] = [
            name
            for doctor in catalogue.doctors.values()
            for name in (PersonName(doctor.surname), PersonName(doctor.surname, doctor.given, doctor.patronymic))
        ]
        self._decks: dict[str, list[str | PersonName]] = {kind: [] for kind in self._names}

    def deal(self, kind: str, case: Case) -> str:
        """The next name of a kind, in a case; raise KeyError where no such kind is."""
        deck = self._decks[kind]
        if not deck:
            deck.extend(self._rng.sample(self._names[kind], len(self._names[kind])))
        return _in(deck.pop(), case)

    def bare(self) -> Iterator[str]:
        """Every name alone in the cases of answers."""
        for kind, names in self._names.items():
            cases = _OF_PEOPLE if kind in ("doctor", "speciality") else _OF_THINGS
            for name in names:
                yield from dict.fromkeys(_in(name, case) for case in cases)


def _in(name: str | PersonName, case: Case) -> str:
    return (decline(name, case) if isinstance(name, PersonName) else inflect(name, case)).lower()
