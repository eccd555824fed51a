"""A message's values as its texts see them: a JSON value and its type -> words for every use, and the longest there can be."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime
from functools import cache

from voicebot.clinic.entries import Branch, Catalogue, Doctor
from voicebot.clinic.knowledge_entries import LabTest
from voicebot.dialog_id import ALPHABET, LENGTH
from voicebot.dialog_id import parse as parse_dialog_id
from voicebot.errors import VoicebotError
from voicebot.messages.sms_text import Alphabet, alphabet_of, weight
from voicebot.messages.template_schema import FieldSpec
from voicebot.russian.calendar_words import MONTHS_GENITIVE, WEEKDAYS
from voicebot.russian.case import Case
from voicebot.russian.inflect import inflect
from voicebot.russian.person import PersonName, decline
from voicebot.russian.phones import parse_phone_digits
from voicebot.russian.text import without_stress
from voicebot.russian.written import write_amounts, write_hours, write_money, write_phone, write_span, write_time

NAME_LETTERS = 40
URL_LETTERS = 120
NUMBER_DIGITS = 9
CODE_DIGITS = 12  # of a laboratory order too
MOST_VISITS = 4

_NAME = re.compile(r"[A-Za-zА-Яа-яЁё][A-Za-zА-Яа-яЁё'’ -]*")


class BadValues(VoicebotError):
    """A message's values do not fit its template. Names the field, never the value."""


class Words:
    """What a field may be in a text: `{{ start }}` is its plain form, `{{ start.time }}` one of its parts."""

    __slots__ = ("_parts", "_text")

    def __init__(self, text: str, parts: Mapping[str, str] | None = None) -> None:
        self._text = text
        self._parts = dict(parts or {})

    def __str__(self) -> str:
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __getitem__(self, part: str) -> str:
        return self._parts[part]

    def all(self) -> Iterator[tuple[str, str]]:
        """Its plain form under "", and every part."""
        yield "", self._text
        yield from self._parts.items()

    def part_names(self) -> tuple[str, ...]:
        return tuple(self._parts)


#: Makes the address of the page on which a visit is confirmed, moved or cancelled; "" where there is no public page.
LinkOf = Callable[[int], str]


class Wording:
    """Words of one clinic's values."""

    def __init__(self, catalogue: Catalogue, link_of: LinkOf, link_letters: int) -> None:
        self._catalogue = catalogue
        self._link_of = link_of
        self._link_letters = link_letters
        self._longest: dict[tuple[str, int | None], Words] = {}
        self.clinic = Words(
            catalogue.clinic.name, {"name": catalogue.clinic.name, "phone": _shown_phone(catalogue.clinic.phone)}
        )

    def of(self, name: str, spec: FieldSpec, value: object) -> Words:
        """Raise BadValues."""
        words = self._of(spec, value)
        if words is None:
            raise BadValues(f"The value of {name!r} is no {spec.type}.", "Correct what queues the message.")
        return words

    def _of(self, spec: FieldSpec, value: object) -> Words | None:
        match spec.type:
            case "when":
                return self._when(value)
            case "branch":
                found = self._catalogue.branches.get(str(value))
                return None if found is None else self._branch(found)
            case "doctor":
                doctor = self._catalogue.doctors.get(str(value))
                return None if doctor is None else self._doctor(doctor)
            case "speciality":
                speciality = self._catalogue.specialities.get(str(value))
                return Words(speciality.title, {"to": speciality.declined(Case.DATIVE)}) if speciality else None
            case "service":
                service = self._catalogue.services.get(str(value))
                return Words(service.title, {"price": write_money(service.price_rub)}) if service else None
            case "test":
                test = self._catalogue.tests.get(str(value))
                return None if test is None else self._test(test)
            case "visit":
                is_id = isinstance(value, int) and not isinstance(value, bool) and value > 0
                return Words(str(value), {"link": self._link_of(int(str(value)))}) if is_id else None
            case "visits":
                return self._visits(value)
        return _simple(spec, value)

    def longest(self, spec: FieldSpec) -> Words:
        """Return words of which each form is as long as it can be for any valid value, in the costlier alphabet."""
        known = (spec.type, spec.max)
        if known not in self._longest:
            self._longest[known] = self._find_longest(spec)
        return self._longest[known]

    def _find_longest(self, spec: FieldSpec) -> Words:
        match spec.type:
            case "when":
                return longest_of(self._when(day.isoformat() + "T10:30:00+03:00") for day in _every_month_and_weekday())
            case "branch":
                return longest_of(self._branch(branch) for branch in self._catalogue.branches.values())
            case "doctor":
                return longest_of(self._doctor(doctor) for doctor in self._catalogue.doctors.values())
            case "speciality" | "service" | "test":
                return longest_of(self._of(spec, known) for known in self._catalogue.entries(spec.type))
            case "visit":
                return Words("9" * NUMBER_DIGITS, {"link": "x" * self._link_letters})
            case "visits":
                when, where = self.longest(FieldSpec(type="when")), self.longest(FieldSpec(type="branch"))
                return Words("; ".join([str(when)] * MOST_VISITS), {"address": "; ".join([where["address"]] * MOST_VISITS)})
            case "name":
                return Words("ж" * NAME_LETTERS)
            case "text":
                return Words("ж" * (spec.max or 1))
            case "phone":
                return Words("+7 912 345-67-89 000", {"digits": "+" + "9" * 15})
            case "number":
                return Words("9" * NUMBER_DIGITS)
            case "code":
                return Words("9" * CODE_DIGITS)
            case "url":
                return Words("x" * URL_LETTERS)
            case "dialog_id":
                return Words(_halves(ALPHABET[0] * LENGTH))

    def _when(self, value: object) -> Words | None:
        try:
            at = datetime.fromisoformat(str(value))
        except ValueError:
            return None
        if at.tzinfo is None:
            return None
        at = at.astimezone(self._catalogue.zone)
        # Never "tomorrow": nobody knows on which day a message is read.
        day = f"{at.day} {MONTHS_GENITIVE[at.month - 1]}"
        weekday = WEEKDAYS[at.weekday()]
        on_weekday = f"{'во' if weekday.startswith('вт') else 'в'} {inflect(weekday, Case.ACCUSATIVE)}"
        parts = {
            "day": day,
            "weekday": weekday,
            "on_weekday": on_weekday,
            "time": write_time(at),
            "digits": f"{at:%d.%m %H:%M}",
        }
        return Words(f"{on_weekday}, {day}, в {write_time(at)}", parts)

    def _visits(self, value: object) -> Words | None:
        """Several visits of one family: "в среду, 25 ноября, в 10:30; в 11:00", the addresses once each."""
        if not isinstance(value, list) or not 1 <= len(value) <= MOST_VISITS:
            return None
        found = []
        for one in value:
            if not isinstance(one, dict):
                return None
            start, branch = one.get("start"), self._catalogue.branches.get(str(one.get("branch")))
            words = self._when(start)
            if words is None or branch is None:
                return None
            found.append((datetime.fromisoformat(str(start)), words, branch.address))
        found.sort(key=lambda one: one[0])
        told, last_day = [], ""
        for _, words, _ in found:
            told.append(f"в {words['time']}" if words["day"] == last_day else str(words))
            last_day = words["day"]
        return Words("; ".join(told), {"address": "; ".join(dict.fromkeys(address for _, _, address in found))})

    def _branch(self, branch: Branch) -> Words:
        return Words(
            branch.name,
            {
                "address": branch.address,
                "metro": branch.metro,
                "phone": _shown_phone(branch.phone or self._catalogue.clinic.phone),
                "where": without_stress(branch.where),
                "hours": write_hours(branch.hours),
                "lab_hours": write_hours(branch.lab),
            },
        )

    def _test(self, test: LabTest) -> Words:
        noun = "час" if test.ready.unit == "hours" else "рабочий день"
        parts = {
            "price": write_money(test.price_rub),
            "preparation": write_amounts(test.preparation),
            "ready": write_span(test.ready.least, test.ready.most, noun),
        }
        return Words(test.title, parts)

    def _doctor(self, doctor: Doctor) -> Words:
        name = PersonName(doctor.surname, doctor.given, doctor.patronymic)
        own = {getattr(name, part): forms for part, forms in doctor.cases.items() if getattr(name, part)}
        initials = " ".join(f"{part[0]}." for part in (doctor.given, doctor.patronymic) if part)
        surname_to = decline(name, Case.DATIVE, own).removesuffix(
            decline(PersonName("", doctor.given, doctor.patronymic), Case.DATIVE, own)
        )
        return Words(
            doctor.full_name,
            {
                "short": f"{doctor.surname} {initials}".strip(),
                "to": decline(name, Case.DATIVE, own),
                "to_short": f"{surname_to.strip()} {initials}".strip(),
                "speciality": self._catalogue.specialities[doctor.specialities[0]].title,
            },
        )

    def addresses(self) -> str:
        """All branches with their addresses, for who asked for "the addresses"."""
        return "; ".join(f"{branch.name}: {branch.address}" for branch in self._catalogue.branches.values())


def longest_of(all_words: Iterable[Words | None]) -> Words:
    """Return words each form of which stands for the longest of that form; no words at all: empty ones."""
    seen: dict[str, tuple[int, int, bool]] = {}
    for words in all_words:
        if words is None:
            continue
        for part, text in words.all():
            septets, units, is_gsm = seen.get(part, (0, 0, True))
            fits = alphabet_of(text) is Alphabet.GSM
            if fits:
                septets = max(septets, sum(weight(character, Alphabet.GSM) for character in text))
            units = max(units, sum(weight(character, Alphabet.UCS2) for character in text))
            seen[part] = septets, units, is_gsm and fits
    stand_ins = {part: "x" * max(septets, units) if is_gsm else "ж" * units for part, (septets, units, is_gsm) in seen.items()}
    return Words(stand_ins.pop("", ""), stand_ins)


def _simple(spec: FieldSpec, value: object) -> Words | None:
    """What needs no catalogue."""
    text = value if isinstance(value, str) else ""
    match spec.type:
        case "name":
            # Typed or dictated by anybody, so letters only: nobody sends links in the clinic's name.
            trimmed = " ".join(text.split())
            return Words(trimmed[:NAME_LETTERS].rstrip() if _NAME.fullmatch(trimmed) else "")
        case "text":
            return Words(cut(text, spec.max or 1)) if isinstance(value, str) else None
        case "phone":
            number = parse_phone_digits(text)
            return None if number is None else Words(write_phone(number), {"digits": number})
        case "number":
            is_number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**NUMBER_DIGITS
            return Words(str(value)) if is_number else None
        case "code":
            return Words(text) if text.isascii() and text.isdigit() and len(text) <= CODE_DIGITS else None
        case "url":
            is_url = text.startswith("https://") and len(text) <= URL_LETTERS and text.isascii() and " " not in text
            return Words(text) if is_url else None
        case "dialog_id":
            found = parse_dialog_id(text)
            return None if found is None else Words(_halves(found))
    return None


def cut(text: str, units: int) -> str:
    """One line of at most `units` UTF-16 units; what was cut off shows as three dots."""
    line = " ".join("".join(" " if ord(character) < 32 or ord(character) == 127 else character for character in text).split())
    if sum(weight(character, Alphabet.UCS2) for character in line) <= units:
        return line
    kept, used = "", 0
    for character in line:
        used += weight(character, Alphabet.UCS2)
        if used > units - 3:
            break
        kept += character
    return (kept.rstrip() + "...")[:units]


@cache
def _on_weekday(number: int) -> str:
    weekday = WEEKDAYS[number]
    return f"{'во' if weekday.startswith('вт') else 'в'} {inflect(weekday, Case.ACCUSATIVE)}"


def _halves(dialog_id: str) -> str:
    """ "3F7K 2QW8": as it is read aloud; whoever types it may leave the space out."""
    return f"{dialog_id[:4]} {dialog_id[4:]}"


def _shown_phone(typed: str) -> str:
    number = parse_phone_digits(typed)
    return write_phone(number) if number else typed


def _every_month_and_weekday() -> Iterator[date]:
    """Seven days of two digits in each month: the longest of each part is among them."""
    return (date(2024, month, day) for month in range(1, 13) for day in range(22, 29))
