"""Things of a clinic's catalogue for people who read: the records' own titles and addresses, no stress marks.

Services of the knowledge base answer in spoken words; what is known to stand for something written is put back.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.spoken_entries import EntrySpeaker
from voicebot.russian.case import Case
from voicebot.russian.inflect import inflect
from voicebot.russian.spoken_amounts import say_list
from voicebot.russian.text import without_stress
from voicebot.russian.written import write_amounts, write_hours, write_money


class EntryWriter:
    """Writes the entries of one catalogue by their IDs."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._speaker = EntrySpeaker(catalogue)
        self._written = dict(_twins(catalogue))
        self.text = lru_cache(maxsize=4096)(self._text)

    def _text(self, spoken: str) -> str:
        """A spoken text of the clinic's data as it is read: "с восьм+и до двен+адцати" of known hours as digits."""
        known = self._written.get(spoken)
        return known if known is not None else write_amounts(_with_abbreviations(without_stress(spoken)))

    def entry(self, kind: str, value: Any, case: Case = Case.NOMINATIVE) -> str:
        """A thing of the catalogue by its ID; a text of no kind without its stress marks."""
        match kind:
            case "speciality" | "service" | "test" | "branch":
                return self._title(kind, value, case)
            case "where":
                several = [value] if isinstance(value, str) else value
                places = [self.catalogue.branches[identifier] for identifier in several]
                return say_list([without_stress(place.where) or place.name for place in places], "или")
            case "address":
                return self._of_branches(value, lambda branch: branch.address)
            case "hours":
                return self._of_branches(value, lambda branch: write_hours(branch.hours))
            case "price":
                return self.price(value)
            case "text":
                return self.text(value) if isinstance(value, str) else ""
        return without_stress(self._speaker.entry(kind, value, case))

    def price(self, identifier: str) -> str:
        """As EntrySpeaker.price: "1 500 ₽"."""
        catalogue = self.catalogue
        if identifier in catalogue.tests:
            return rubles(catalogue.tests[identifier].price_rub)
        service = catalogue.services.get(identifier)
        if service is None and identifier in catalogue.specialities:
            service = catalogue.visit_of(identifier)
        if service is None and identifier in catalogue.doctors:
            service = catalogue.default_service(catalogue.doctors[identifier])
        return "" if service is None else rubles(service.price_rub)

    def doctor(self, identifier: str) -> str:
        return self.catalogue.doctors[identifier].full_name

    def surname(self, identifier: str) -> str:
        return self.catalogue.doctors[identifier].surname

    def branch(self, identifier: str) -> str:
        return self.catalogue.branches[identifier].name

    def by_gender(self, value: Any, forms: str) -> str:
        return without_stress(self._speaker.by_gender(value, forms))

    def _title(self, kind: str, value: str, case: Case) -> str:
        catalogue = self.catalogue
        if kind == "branch":
            name = catalogue.branches[value].name
            return name if case is Case.NOMINATIVE else inflect(name, case)
        table: Any = {"speciality": catalogue.specialities, "service": catalogue.services, "test": catalogue.tests}[kind]
        entry = table[value]
        return str(entry.title if case is Case.NOMINATIVE else entry.declined(case))

    def _of_branches(self, value: Any, part: Any) -> str:
        if isinstance(value, str):
            return str(part(self.catalogue.branches[value]))
        several = [self.catalogue.branches[identifier] for identifier in value]
        return "".join(f"{branch.name[:1].upper()}{branch.name[1:]}: {part(branch)}\n" for branch in several)


def rubles(price: int) -> str:
    return write_money(price) if price else "бесплатно"


#: Abbreviations that texts of clinics spell out for the voice, longest first.
_ABBREVIATIONS = {
    "о эм эс": "ОМС", "дэ эм эс": "ДМС", "и эн эн": "ИНН", "эм эр тэ": "МРТ", "ка тэ": "КТ", "эс эм эс": "СМС",
    "куар код": "QR-код", "куар коду": "QR-коду", "витамин дэ": "витамин D", "снилс": "СНИЛС",
}  # fmt: skip


def _with_abbreviations(text: str) -> str:
    padded = f" {text} "
    for spelled, written in _ABBREVIATIONS.items():
        for end in " .,;:!?»":
            padded = padded.replace(f" {spelled}{end}", f" {written}{end}")
            padded = padded.replace(f" {spelled.capitalize()}{end}", f" {written[:1].upper()}{written[1:]}{end}")
    return padded[1:-1]


def _twins(catalogue: Catalogue) -> Iterable[tuple[str, str]]:
    """Spoken text -> how the records write it."""
    for table in (catalogue.services, catalogue.tests, catalogue.specialities):
        for entry in table.values():
            if entry.spoken:
                yield entry.spoken, entry.title
    for branch in catalogue.branches.values():
        yield branch.spoken, branch.name
        yield branch.spoken_address, branch.address
        if branch.spoken_hours:
            yield branch.spoken_hours, write_hours(branch.hours)
        if branch.spoken_lab:
            yield branch.spoken_lab, write_hours(branch.lab)
