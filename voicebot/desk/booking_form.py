"""The operator's booking form: what it sends, what is read out of it, and the free times it shows."""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from voicebot.clinic.appointments import Appointment
from voicebot.clinic.failures import NotFound
from voicebot.clinic.offers import Offer
from voicebot.desk import operator_words
from voicebot.desk.clinic import Clinic
from voicebot.desk.known import Wished
from voicebot.dialog.labels import wish
from voicebot.russian.birth import parse_birth_date
from voicebot.russian.names import PersonName
from voicebot.russian.phones import parse_phone_digits
from voicebot.russian.when import When, parse_when

OFFERED = 24  # free times a list
HOLD_SECONDS = 300
OptionalInt = Annotated[int | None, BeforeValidator(lambda value: None if value == "" else value)]

_NO_NAME = "Впишите фамилию и имя пациента."
_NO_PHONE = "Впишите телефон пациента."
_NO_DATE = "Дата рождения непонятна. Например: 01.02.1980."
_NO_WHEN = "Непонятно, когда. Например: «пт после обеда», «27.11 с 14:00», «ближайшее»."
_NO_SUBJECT = "Выберите врача, специальность или услугу."


class BookingForm(BaseModel):
    """As it is sent. `key` is drawn with each form, so that a form sent twice books once."""

    speciality: str = Field("", max_length=64)
    doctor: str = Field("", max_length=64)
    service: str = Field("", max_length=64)
    branch: str = Field("", max_length=64)
    when: str = Field("", max_length=200)
    surname: str = Field("", max_length=100)
    given: str = Field("", max_length=100)
    patronymic: str = Field("", max_length=100)
    phone: str = Field("", max_length=30)
    birth_date: str = Field("", max_length=30)
    anyway: bool = False  # in spite of the age
    moving: OptionalInt = None  # the visit that is moved
    after: str = Field("", max_length=40)  # the list goes on from this time
    slot_id: OptionalInt = None
    appointment_id: OptionalInt = None
    reason: str = Field("", max_length=32)
    number: str = Field("", max_length=30)  # whose consent to calls is noted
    is_allowed: bool = False
    key: str = Field("", max_length=40, pattern=r"^[A-Za-z0-9_-]*$")

    @property
    def name(self) -> PersonName:
        return PersonName(*(" ".join(part.split()) for part in (self.surname, self.given, self.patronymic)))

    @property
    def has_subject(self) -> bool:
        return bool(self.speciality or self.doctor or self.service)

    def wishes(self) -> dict[str, str]:
        """What is wished, as the clinic's services take it."""
        found = {"speciality": self.speciality, "doctor": self.doctor, "service": self.service, "branch": self.branch}
        return {name: value for name, value in found.items() if value}

    def renewed(self, **changes: Any) -> "BookingForm":
        """The form to show next: what was typed stays, the key is a new one."""
        fresh = {"key": new_key(), "slot_id": None, "appointment_id": None, "after": "", "anyway": False, "number": ""}
        return self.model_copy(update={**fresh, **changes})


@dataclass(frozen=True, slots=True)
class Patient:
    """Whom a visit is for; checked."""

    name: PersonName
    phone: str
    birth_date: date | None


@dataclass(frozen=True, slots=True)
class Slots:
    """A list of free times. `days`: (day in words, its times by doctor and branch). `problem`: why there are none."""

    days: Sequence[tuple[str, Sequence[Sequence[Offer]]]] = ()
    problem: str = ""
    understood: str = ""  # the wish for a time, as it was read
    is_other: bool = False  # nothing fits the wish: these are other times
    more_after: str = ""


class FormProblem(ValueError):
    """What is missing or wrong in the form, in words for the operator."""


def new_key() -> str:
    return secrets.token_urlsafe(12)


def form_of(wished: Wished) -> BookingForm:
    """The form that a dialog begins with."""
    return BookingForm(
        speciality=wished.speciality,
        doctor=wished.doctor,
        service=wished.service,
        branch=wished.branch,
        when=wished.when,
        surname=wished.patient.surname,
        given=wished.patient.given,
        patronymic=wished.patient.patronymic,
        phone=wished.phone,
        birth_date="" if wished.birth_date is None else f"{wished.birth_date:%d.%m.%Y}",
        key=new_key(),
    )


def form_to_move(form: BookingForm, visit: Appointment) -> BookingForm:
    """The form that looks for another time of a visit: the same doctor and service at first."""
    return form.renewed(
        speciality="", doctor=visit.doctor_id, service=visit.service_id or "", branch="", when="",
        moving=visit.id,
    )  # fmt: skip


def patient_of(form: BookingForm, today: date, known_phone: str = "") -> Patient:
    """Raise FormProblem if the patient is not told well enough to be booked. `known_phone`: the dialog's, if none is typed."""
    if not form.name.is_full:
        raise FormProblem(_NO_NAME)
    phone = parse_phone_digits(form.phone.strip() or known_phone)
    if phone is None:
        raise FormProblem(_NO_PHONE)
    return Patient(form.name, phone, birth_date_of(form, today))


def birth_date_of(form: BookingForm, today: date) -> date | None:
    """Raise FormProblem if something is there that is no birth date."""
    if not form.birth_date.strip():
        return None
    found = parse_birth_date(form.birth_date, today)
    if found is None:
        raise FormProblem(_NO_DATE)
    return found


def when_of(form: BookingForm, now: datetime) -> When | None:
    """Raise FormProblem if something is there that is no wish for a time."""
    if not form.when.strip():
        return None
    found = parse_when(form.when, now)
    if found is None:
        raise FormProblem(_NO_WHEN)
    return found


def slots_of(form: BookingForm, clinic: Clinic, dialog_id: str, now: datetime) -> Slots:
    """The free times that fit the form; where none does, those that fit all but the wish for a time."""
    if not form.has_subject:
        return Slots(problem=_NO_SUBJECT)
    try:
        when = when_of(form, now)
    except FormProblem as problem:
        return Slots(problem=str(problem))

    def find(wanted: When | None) -> tuple[Offer, ...]:
        arguments = {**form.wishes(), "limit": OFFERED, "is_spread": False, "when": wanted, "not_before": _moment(form.after)}
        found: tuple[Offer, ...] = clinic.services.call("find_slots", arguments, dialog_id, "")
        return found

    try:
        offers = find(when)
        is_other = not offers and when is not None
        if is_other:
            offers = find(None)
    except NotFound:
        return Slots(problem=_NO_SUBJECT)
    return Slots(
        days=tuple(_by_day(offers)),
        understood="" if when is None else wish(when),
        is_other=is_other,
        more_after=offers[-1].start.isoformat() if len(offers) == OFFERED and offers[0].start != offers[-1].start else "",
    )


def _by_day(offers: Iterable[Offer]) -> Iterable[tuple[str, Sequence[Sequence[Offer]]]]:
    for day, group in groupby(offers, key=lambda offer: offer.start.date()):
        places: dict[tuple[str, str], list[Offer]] = {}
        for offer in group:
            places.setdefault((offer.doctor_id, offer.branch_id), []).append(offer)
        yield operator_words.day(day), list(places.values())


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
