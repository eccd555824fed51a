"""Typed values into spoken Russian: stress where it is known, words instead of digits."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from voicebot.clinic.catalogue import Catalogue
from voicebot.clinic.entries import Doctor
from voicebot.dialog import labels, placeholders
from voicebot.dialog.expressions import attribute
from voicebot.dialog.placeholders import Placeholder
from voicebot.russian.case import Case, Gender
from voicebot.russian.inflect import inflect, say_money
from voicebot.russian.names import PersonName, decline, gender_of
from voicebot.russian.numbers import say_number
from voicebot.russian.phones import say_phone
from voicebot.russian.spelling import say_dialog_id
from voicebot.russian.spoken_amounts import say_count, say_digits, say_duration, say_list, say_span
from voicebot.russian.spoken_when import say_birth_date, say_date, say_time, say_when_spoken
from voicebot.russian.spoken_wish import say_wish
from voicebot.russian.text import without_stress

_BY_TYPE = {"datetime": "wish", "offer": "when", "birth_date": "birth"}  # filters of field types not named like the type
_SENTENCE_START = re.compile(r"((?:^|[.?!] )\+?)([а-яё])")
_ORDINALS = ("первый", "второй", "третий", "четвёртый", "пятый")


class Renderer:
    """Speaks values of one clinic."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue

    def render(self, text: str, lookup: Callable[[str], Any], types: Mapping[str, str], now: datetime) -> str:
        """Fill a prompt's placeholders. `types`: field -> type, for placeholders without a filter."""

        def speak(holder: Placeholder) -> str:
            value = lookup(holder.root)
            for part in holder.path.split(".")[1:]:
                value = attribute(value, part)
            kind = holder.filter or (types.get(holder.root, "text") if "." not in holder.path else "text")
            return self._spoken(replace(holder, filter=_BY_TYPE.get(kind, kind)), value, now)

        return _tidy(placeholders.replace(text, speak))

    def spoken(self, kind: str, value: Any, now: datetime, case: Case = Case.NOMINATIVE) -> str:
        """Return a value in words by the name of its filter or its field's type; nothing for None."""
        has_case = case is not Case.NOMINATIVE
        return self._spoken(Placeholder("", _BY_TYPE.get(kind, kind), case, has_case), value, now)

    def _spoken(self, holder: Placeholder, value: Any, now: datetime) -> str:
        if value is None:
            return ""
        today, case = now.date(), holder.case
        match holder.filter:
            case "when" | "brief":
                return say_when_spoken(value, today, is_brief=holder.filter == "brief")
            case "date":
                return say_date(_day_of(value), today, case if holder.has_case else None)
            case "day":
                return say_date(_day_of(value), today, is_brief=True)
            case "time":
                return say_time(value.time() if isinstance(value, datetime) else value, case)
            case "wish":
                return say_wish(value, today)
            case "birth":
                return say_birth_date(value, case)
            case "phone":
                return say_phone(value)
            case "name":
                return decline(value, case) if isinstance(value, PersonName) else str(value)
            case "money":
                return say_money(int(value), case)
            case "number":
                return say_number(int(value), case)
            case "count":
                return say_count(int(value), holder.noun, case)
            case "span":
                low, high = (value, value) if isinstance(value, int) else (min(value), max(value))
                return say_span(low, high, holder.noun)
            case "ready":
                return say_span(value.least, value.most, "час" if value.unit == "hours" else "рабочий день")
            case "duration":
                return say_duration(int(value))
            case "digits":
                return say_digits(str(value))
            case "spelled":
                return say_dialog_id(str(value))
            case "offers":
                return self.offers(value, now)
            case "either" | "list":
                return say_list([str(part) for part in value], "и" if holder.filter == "list" else "или")
            case "gender":
                return self._by_gender(value, holder.noun)
        return self._entry(holder.filter, value, case)

    def _entry(self, kind: str, value: Any, case: Case) -> str:
        """A thing of the catalogue by its ID; a text of no kind as it is."""
        match kind:
            case "doctor":
                return self._doctor(value, case)
            case "surname":
                return self._surname(value, case)
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
            case "address":
                return self._of_branches(value, "spoken_address")
            case "hours":
                return self._of_branches(value, "spoken_hours")
            case "price":
                return self._price(value)
        return value if isinstance(value, str) else ""

    def label(self, kind: str, value: Any, now: datetime) -> str:
        """Return a value's display text by its type, for people who read."""
        del now
        return labels.label(self.catalogue, kind, value)

    def labels(self, slots: Mapping[str, Any], now: datetime) -> dict[str, str]:
        """Return the display texts of several values."""
        del now
        return labels.labels(self.catalogue, slots)

    def _by_gender(self, value: Any, forms: str) -> str:
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

    def _doctor(self, identifier: str, case: Case) -> str:
        doctor = self.catalogue.doctors[identifier]
        return doctor.spoken if case is Case.NOMINATIVE else with_stress_of(doctor.spoken, _doctor_in(doctor, case))

    def _surname(self, identifier: str, case: Case) -> str:
        doctor = self.catalogue.doctors[identifier]
        count = len(doctor.surname.split())
        return " ".join(self._doctor(identifier, case).split()[:count])

    def _polite(self, value: Any, case: Case) -> str:
        """Given name and patronymic, of a person as far as they are known."""
        if not isinstance(value, PersonName):
            doctor = self.catalogue.doctors[value]
            return " ".join(self._doctor(value, case).split()[len(doctor.surname.split()) :])
        called = replace(value, surname="")
        return decline(called if str(called) else value, case)

    def _of_branches(self, value: Any, part: str) -> str:
        if isinstance(value, str):
            return str(getattr(self.catalogue.branches[value], part))
        several = [self.catalogue.branches[identifier] for identifier in value]
        return ". ".join(f"{branch.spoken}: {getattr(branch, part)}" for branch in several)

    def _price(self, identifier: str) -> str:
        if identifier in self.catalogue.tests:
            return say_money(self.catalogue.tests[identifier].price_rub)
        service = self.catalogue.services.get(identifier)
        if service is None and identifier in self.catalogue.specialities:
            service = self.catalogue.visit_of(identifier)
        if service is None and identifier in self.catalogue.doctors:
            service = self.catalogue.default_service(self.catalogue.doctors[identifier])
        return "" if service is None else say_money(service.price_rub)

    def offers(self, offers: Sequence[Any], now: datetime) -> str:
        """Free times as a list that is short to hear: what they share is said once, before them."""
        if not offers:
            return ""
        today = now.date()
        shares_doctor = len({offer.doctor_id for offer in offers}) == 1
        shares_branch = len({offer.branch_id for offer in offers}) == 1
        shares_day = len({_day(offer) for offer in offers}) == 1
        common = []
        if shares_doctor:
            common.append(f"врач {self._doctor(offers[0].doctor_id, Case.NOMINATIVE)}")
        if shares_branch:
            common.append(self.catalogue.branches[offers[0].branch_id].spoken)
        head = _sentence(", ".join(common)) if common else ""
        times = []
        for offer in offers:
            moment = f"в {say_time(offer.start.time())}"
            if not shares_day:
                moment = f"{say_date(_day(offer), today, is_brief=True)} {moment}"
            own = [moment]
            if not shares_doctor:
                own.append(f"врач {self.catalogue.doctors[offer.doctor_id].short_spoken}")
            if not shares_branch:
                own.append(self.catalogue.branches[offer.branch_id].spoken)
            times.append(", ".join(own))
        day = say_date(_day(offers[0]), today, is_brief=True) if shares_day else ""
        if len(times) == 1:
            return f"{head} {_sentence(' '.join([day, times[0]]))}".strip()
        if shares_doctor and shares_branch and shares_day:
            return f"{head} {_sentence(', '.join([day, say_list(times, 'или')]))}".strip()
        numbered = [_sentence(f"{_ORDINALS[n]}{' вариант' if not n else ''}: {time}") for n, time in enumerate(times)]
        return " ".join(part for part in (head, _sentence(day), *numbered) if part)


def _day_of(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


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


def _day(offer: Any) -> date:
    day: date = offer.start.date()
    return day


def _sentence(text: str) -> str:
    text = text.strip()
    place = 1 if text.startswith("+") else 0
    return f"{text[:place]}{text[place : place + 1].upper()}{text[place + 1 :]}." if text else ""


def _tidy(text: str) -> str:
    """Close the gaps that empty values leave."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s+([,.?!:])", r"\1", text)
    text = re.sub(r"([,:])+(?=[.?!])", "", text)
    text = re.sub(r"\.{2,}", ".", text)
    return _SENTENCE_START.sub(lambda match: match.group(1) + match.group(2).upper(), text)
