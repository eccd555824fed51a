"""Is the caller the patient? A phone number alone never tells: a surname or a birth date must agree with it. Pure."""

from datetime import date
from typing import Protocol

from voicebot.clinic.appointments import Name
from voicebot.russian.fuzzy import similarity
from voicebot.russian.text import normalise

#: A name comes through a telephone: endings are lost, "Петров" sounds like "Петрова". Who calls from the patient's own
#: number is known by more than the name; a number that was only dictated proves little, so the name must be exact.
OWN_NUMBER_FLOOR = 0.84
DICTATED_FLOOR = 0.95


class Known(Name, Protocol):
    """A patient in the diary."""

    @property
    def birth_date(self) -> date | None: ...


def is_patient(known: Known, name: Name | None, birth_date: date | None, *, is_own_number: bool) -> bool:
    """Whether what the caller told fits a patient of the same phone number. All that was told must agree.

    From the patient's own number a surname or the birth date is enough; a dictated number needs surname and given name,
    or a surname and the birth date.
    """
    if birth_date is not None and known.birth_date is not None:
        if birth_date != known.birth_date:
            return False
        if is_own_number and (name is None or not name.surname):
            return True
    if name is None or not name.surname:
        return False
    floor = OWN_NUMBER_FLOOR if is_own_number else DICTATED_FLOOR
    if not _alike(known.surname, name.surname, floor):
        return False
    if name.given and known.given and not _alike(known.given, name.given, floor):
        return False
    has_second_proof = bool(name.given) or (birth_date is not None and known.birth_date is not None)
    return is_own_number or has_second_proof


def _alike(known: str, said: str, floor: float) -> bool:
    ours, theirs = normalise(known), normalise(said)
    return ours == theirs or _stem(ours) == _stem(theirs) or similarity(ours, theirs) >= floor


def _stem(surname: str) -> str:
    """Without the ending that only tells man from woman: "иванова" and "иванов" are one family."""
    for ending, other in (("ова", "ов"), ("ева", "ев"), ("ина", "ин"), ("ына", "ын"), ("ская", "ский"), ("цкая", "цкий")):
        if surname.endswith(ending):
            return surname.removesuffix(ending) + other
    return surname
