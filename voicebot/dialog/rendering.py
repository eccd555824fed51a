"""Typed values into spoken Russian: stress where it is known, words instead of digits."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog import labels, placeholders
from voicebot.dialog.expressions import attribute
from voicebot.dialog.placeholders import Placeholder
from voicebot.russian.inflect import Case, say_money
from voicebot.russian.names import PersonName, decline
from voicebot.russian.phones import say_phone
from voicebot.russian.spelling import say_dialog_id
from voicebot.russian.when import say_date, say_time, say_when_spoken

_CASES = {case.name.lower(): case for case in Case}
_BY_TYPE = {"datetime": "text", "offer": "when"}  # filters of field types that are not named like the type
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
            return self.spoken(kind, value, now, _CASES.get(holder.argument, Case.NOMINATIVE))

        return _tidy(placeholders.replace(text, speak))

    def spoken(self, kind: str, value: Any, now: datetime, case: Case = Case.NOMINATIVE) -> str:
        """Return a value in words; nothing for None."""
        if value is None:
            return ""
        match _BY_TYPE.get(kind, kind):
            case "when":
                return say_when_spoken(value, now.date())
            case "date":
                return say_date(value.date() if isinstance(value, datetime) else value, now.date())
            case "time":
                return say_time(value.time() if isinstance(value, datetime) else value)
            case "doctor":
                return self._doctor(value, case)
            case "speciality":
                return self._speciality(value, case)
            case "service":
                service = self.catalogue.services[value]
                return service.spoken or service.title
            case "branch":
                return self.catalogue.branches[value].spoken
            case "address":
                return self._of_branches(value, "spoken_address")
            case "hours":
                return self._of_branches(value, "spoken_hours")
            case "phone":
                return say_phone(value)
            case "name":
                return decline(value, case) if isinstance(value, PersonName) else str(value)
            case "money":
                return say_money(int(value))
            case "price":
                return self._price(value)
            case "spelled":
                return say_dialog_id(str(value))
            case "offers":
                return self.offers(value, now)
            case "either":
                return either([str(part) for part in value])
        return str(value) if isinstance(value, str) else ""

    def label(self, kind: str, value: Any, now: datetime) -> str:
        del now
        return labels.label(self.catalogue, kind, value)

    def labels(self, slots: Mapping[str, Any], now: datetime) -> dict[str, str]:
        del now
        return labels.labels(self.catalogue, slots)

    def _doctor(self, identifier: str, case: Case) -> str:
        doctor = self.catalogue.doctors[identifier]
        if case is Case.NOMINATIVE:
            return doctor.spoken
        overrides = {
            getattr(doctor, part): forms for part, forms in doctor.cases.items() if getattr(doctor, part)
        }  # fmt: skip
        declined = decline(PersonName(doctor.surname, doctor.given, doctor.patronymic), case, overrides)
        return with_stress_of(doctor.spoken, declined)

    def _speciality(self, identifier: str, case: Case) -> str:
        speciality = self.catalogue.specialities[identifier]
        spoken = speciality.spoken or speciality.title
        return spoken if case is Case.NOMINATIVE else with_stress_of(spoken, speciality.declined(case))

    def _of_branches(self, value: Any, part: str) -> str:
        if isinstance(value, str):
            return str(getattr(self.catalogue.branches[value], part))
        several = [self.catalogue.branches[identifier] for identifier in value]
        return ". ".join(f"{branch.spoken}: {getattr(branch, part)}" for branch in several)

    def _price(self, identifier: str) -> str:
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
            return f"{head} {_sentence(f'{day}, {either(times)}')}".strip()
        numbered = [_sentence(f"{_ORDINALS[n]}{' вариант' if not n else ''}: {time}") for n, time in enumerate(times)]
        return " ".join(part for part in (head, _sentence(day), *numbered) if part)


def either(parts: Sequence[str]) -> str:
    """ "а, б или в"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} или {parts[-1]}"


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
