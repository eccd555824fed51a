"""Things of a clinic's catalogue in words: doctors, services, branches, prices, in the case that is asked for."""

from dataclasses import replace
from typing import Any

from voicebot.clinic.catalogue import Catalogue
from voicebot.clinic.entries import Doctor
from voicebot.russian.case import Case, Gender
from voicebot.russian.inflect import inflect, say_money
from voicebot.russian.names import PersonName, decline, gender_of
from voicebot.russian.spoken_amounts import say_list
from voicebot.russian.text import without_stress


class EntrySpeaker:
    """Speaks the entries of one catalogue by their IDs."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def entry(self, kind: str, value: Any, case: Case = Case.NOMINATIVE) -> str:
        """A thing of the catalogue by its ID, with `+` where its stress is known; a text of no kind as it is."""
        match kind:
            case "doctor":
                return self.doctor(value, case)
            case "surname":
                surname = self.catalogue.doctors[value].surname
                return " ".join(self.doctor(value, case).split()[: len(surname.split())])
            case "polite":
                return self._polite(value, case)
            case "speciality":
                speciality = self.catalogue.specialities[value]
                return _declined(speciality.spoken or speciality.title, case, speciality.declined(case))
            case "service":
                service = self.catalogue.services[value]
                return _declined(service.spoken or service.title, case, service.declined(case))
            case "test":
                test = self.catalogue.tests[value]
                return _declined(test.spoken or test.title, case, test.declined(case))
            case "faq":
                return self.catalogue.faq[value].title
            case "branch":
                spoken = self.catalogue.branches[value].spoken
                return _declined(spoken, case, inflect(without_stress(spoken), case))
            case "where":
                several = [value] if isinstance(value, str) else value
                places = [self.catalogue.branches[identifier] for identifier in several]
                return say_list([place.where or place.spoken for place in places], "или")
            case "address":
                return self._of_branches(value, "spoken_address")
            case "hours":
                return self._of_branches(value, "spoken_hours")
            case "price":
                return self.price(value)
        return value if isinstance(value, str) else ""

    def doctor(self, identifier: str, case: Case = Case.NOMINATIVE) -> str:
        """A doctor's whole name, surname first."""
        doctor = self.catalogue.doctors[identifier]
        return doctor.spoken if case is Case.NOMINATIVE else with_stress_of(doctor.spoken, _doctor_in(doctor, case))

    def price(self, identifier: str) -> str:
        """The price of a service or a test, or of a visit to a speciality or a doctor; nothing where none is known."""
        if identifier in self.catalogue.tests:
            return _rubles(self.catalogue.tests[identifier].price_rub)
        service = self.catalogue.services.get(identifier)
        if service is None and identifier in self.catalogue.specialities:
            service = self.catalogue.visit_of(identifier)
        if service is None and identifier in self.catalogue.doctors:
            service = self.catalogue.default_service(self.catalogue.doctors[identifier])
        return "" if service is None else _rubles(service.price_rub)

    def by_gender(self, value: Any, forms: str) -> str:
        """One of "masculine/feminine/neither" by a person's or a doctor's gender; unknown is the third, or the first."""
        masculine, feminine, *others = forms.split("/")
        if isinstance(value, PersonName):
            gender = gender_of(value)
        else:
            doctor = self.catalogue.doctors.get(value)
            gender = None if doctor is None else Gender.FEMININE if doctor.gender == "female" else Gender.MASCULINE
        if gender is None:
            return others[0] if others else masculine
        return feminine if gender is Gender.FEMININE else masculine

    def _polite(self, value: Any, case: Case) -> str:
        """Given name and patronymic, of a person as far as they are known."""
        if not isinstance(value, PersonName):
            surname = self.catalogue.doctors[value].surname
            return " ".join(self.doctor(value, case).split()[len(surname.split()) :])
        called = replace(value, surname="")
        return decline(called if str(called) else value, case)

    def _of_branches(self, value: Any, part: str) -> str:
        if isinstance(value, str):
            return str(getattr(self.catalogue.branches[value], part))
        several = [self.catalogue.branches[identifier] for identifier in value]
        return ". ".join(f"{branch.spoken}: {getattr(branch, part)}" for branch in several)


def _rubles(price: int) -> str:
    return say_money(price) if price else "беспл+атно"


def _declined(spoken: str, case: Case, declined: str) -> str:
    """A spoken name in a case: its own words in the nominative, the declined title with its stress else."""
    return spoken if case is Case.NOMINATIVE else with_stress_of(spoken, declined)


def _doctor_in(doctor: Doctor, case: Case) -> str:
    overrides = {getattr(doctor, part): forms for part, forms in doctor.cases.items() if getattr(doctor, part)}
    return decline(PersonName(doctor.surname, doctor.given, doctor.patronymic), case, overrides)


def with_stress_of(marked: str, other_form: str) -> str:
    """Put the stress of a word's marked nominative into another case form, where its beginning is the same."""
    sources = marked.split(" ")
    targets = other_form.split(" ")
    if len(sources) != len(targets):
        return other_form
    result = []
    for source, target in zip(sources, targets, strict=True):
        place = source.find("+")
        plain = source.replace("+", "")
        is_same = place >= 0 and target[: place + 1].lower() == plain[: place + 1].lower() and place < len(plain)
        result.append(f"{target[:place]}+{target[place:]}" if is_same else target)
    return " ".join(result)
