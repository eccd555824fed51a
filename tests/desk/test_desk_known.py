"""What a dialog tells the operator: filled, open, and what a booking begins with."""

from datetime import date, datetime

import pytest
from demo_clinic import MONDAY_NINE
from desk_clinic import KNOWN, PHONE, demo

from voicebot.desk.booking_form import BookingForm, FormProblem, birth_date_of, form_of, patient_of, when_of
from voicebot.desk.clinic import Clinic
from voicebot.desk.known import known_of, open_fields, phones_of, wished_of
from voicebot.records.dialogs import Dialog, Turn, Who
from voicebot.russian.names import PersonName


@pytest.fixture
def clinic() -> Clinic:
    return demo()


@pytest.fixture
def now(clinic: Clinic) -> datetime:
    return MONDAY_NINE.astimezone(clinic.catalogue.zone)


def talking(*slots: dict[str, str], intent: str = "book", phone: str = "") -> Dialog:
    turns = tuple(Turn(n, Who.CALLER, "...", intent=intent, slots=known) for n, known in enumerate(slots, 1))
    return Dialog(id="7A3KM05X", caller_phone=phone, turns=turns)


def test_fields_that_nobody_told_are_open(clinic: Clinic) -> None:
    asked = ["врач, услуга или специальность", "пожелание по времени", "время приёма", "пациент", "телефон"]
    assert open_fields(Dialog(id="x", summary={"request": "запись на приём"}), clinic.forms) == asked
    assert open_fields(Dialog(id="x", summary=KNOWN, caller_phone=PHONE), clinic.forms) == ["время приёма"]
    assert open_fields(Dialog(id="x", summary=KNOWN), clinic.forms) == ["время приёма", "телефон"]
    assert open_fields(talking({"doctor": "Орлов"}, {"datetime": "24 ноября"}, phone=PHONE), clinic.forms) == [
        "время приёма",
        "пациент",
    ]
    assert open_fields(talking({}, intent="none"), clinic.forms) == []
    assert open_fields(Dialog(id="x", summary={"request": "чего нет"}), clinic.forms) == []
    assert open_fields(Dialog(id="x", summary=KNOWN), {}) == []


def test_the_newest_value_counts_and_answers_are_no_fields() -> None:
    dialog = talking({"speciality": "терапевт", "yes_no": "да"}, {"speciality": "кардиолог", "ordinal": "1"})
    assert known_of(dialog) == {"специальность": "кардиолог"}


def test_texts_are_read_back_into_values(clinic: Clinic, now: datetime) -> None:
    summary = {
        **KNOWN, "врач": clinic.name("doctor", "orlov"), "филиал": clinic.choices["branch"][0][1],
        "дата рождения": "01.02.1980", "телефон": "8 916 000-00-01", "услуга": "чего нет",
    }  # fmt: skip
    wished = wished_of(Dialog(id="x", summary=summary, caller_phone=PHONE), clinic, now)
    assert (wished.speciality, wished.doctor, wished.service) == ("cardiologist", "orlov", "")
    assert wished.branch == clinic.choices["branch"][0][0]
    assert (wished.when, wished.patient, wished.birth_date) == (
        "24 ноября, с 12:00",
        PersonName("Ветрова", "Анна"),
        date(1980, 2, 1),
    )
    assert wished.phone == "+79160000001"
    form = form_of(wished)
    assert (form.surname, form.birth_date, form.when) == ("Ветрова", "01.02.1980", "24 ноября, с 12:00")
    assert form.key != form_of(wished).key
    assert phones_of(Dialog(id="x", summary=summary, caller_phone=PHONE)) == (PHONE, "+79160000001")


def test_nothing_is_known_of_who_says_nothing(clinic: Clinic, now: datetime) -> None:
    wished = wished_of(Dialog(id="x", caller_phone="anonymous"), clinic, now)
    assert (wished.phone, wished.when, wished.patient) == ("", "", PersonName())
    assert phones_of(Dialog(id="x", caller_phone="anonymous")) == ()


def test_a_form_is_read_strictly(now: datetime) -> None:
    form = BookingForm(
        surname=" Ветрова ", given="Анна  Мария", phone="8 (916) 123-45-67", birth_date="1.2.80", when="пт после обеда"
    )
    patient = patient_of(form, now.date())
    assert (patient.name, patient.phone, patient.birth_date) == (PersonName("Ветрова", "Анна Мария"), PHONE, date(1980, 2, 1))
    when = when_of(form, now)
    assert when is not None
    assert when.dates == (date(2026, 11, 27),)
    assert patient_of(form.model_copy(update={"phone": ""}), now.date(), "+79160000001").phone == "+79160000001"
    for wrong in ({"given": " "}, {"surname": ""}, {"phone": "123"}, {"birth_date": "32.13.1999"}):
        with pytest.raises(FormProblem):
            patient_of(form.model_copy(update=wrong), now.date())
    with pytest.raises(FormProblem):
        when_of(form.model_copy(update={"when": "абракадабра"}), now)
    assert birth_date_of(form.model_copy(update={"birth_date": ""}), now.date()) is None
