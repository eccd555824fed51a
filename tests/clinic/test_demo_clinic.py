"""The fictional clinic in dialplans/demo: whole, and fit to be spoken."""

import re
from pathlib import Path

import pytest
from small_clinic import clock

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue, load_catalogue
from voicebot.clinic.setup import prepare
from voicebot.clinic.weekly import parse_days, parse_hours
from voicebot.russian.case import Case
from voicebot.storage.database import Database

FOLDER = Path(__file__).parents[2] / "dialplans" / "demo" / "clinic"
VOWELS = re.compile(r"[аеёиоуыэюя]", re.IGNORECASE)


@pytest.fixture(scope="module")
def demo() -> Catalogue:
    return load_catalogue(FOLDER)


def test_size(demo: Catalogue) -> None:
    assert (len(demo.branches), len(demo.specialities), len(demo.doctors)) == (3, 15, 40)
    assert len(demo.services) >= 120
    assert len(demo.tests) >= 150
    assert len(demo.faq) >= 40
    assert {d.gender for d in demo.doctors.values()} == {"male", "female"}
    assert all(len(demo.doctors_of(speciality)) >= 2 for speciality in demo.specialities)


def test_names_carry_their_stress(demo: Catalogue) -> None:
    spoken = [d.spoken for d in demo.doctors.values()]
    spoken += [s.spoken for s in (*demo.specialities.values(), *demo.services.values(), *demo.branches.values())]
    spoken += [t.spoken for t in demo.tests.values()]
    for text in spoken:
        for word in text.split():
            if len(VOWELS.findall(word)) > 1 and "ё" not in word.lower():
                assert word.count("+") == 1, f"{word!r} in {text!r}"


def test_specialities_decline(demo: Catalogue) -> None:
    for speciality in demo.specialities.values():
        forms = {case: speciality.declined(case) for case in Case}
        assert forms[Case.DATIVE] != forms[Case.NOMINATIVE] != forms[Case.GENITIVE], forms


def test_doctors_work_while_their_branch_is_open(demo: Catalogue) -> None:
    for doctor in demo.doctors.values():
        for shift in doctor.schedule:
            for day in parse_days(shift.days):
                open_spans = [
                    span
                    for days, hours in demo.branches[shift.branch].hours.items()
                    if day in parse_days(days)
                    for span in parse_hours(hours)
                ]
                for start, end in parse_hours(shift.hours):
                    assert any(a <= start and end <= b for a, b in open_spans), f"{doctor.id}: {shift}"


def test_every_wish_finds_a_time(demo: Catalogue, sqlite: Database) -> None:
    at = clock()
    prepared = prepare(sqlite, demo, at)
    assert prepared.added > 20_000
    bookings = Bookings(sqlite, demo, at)
    for speciality in demo.specialities:
        offers = bookings.find_slots(speciality=speciality)
        assert len(offers) == 3, speciality
        assert all(offer.price_rub for offer in offers)
    for service in demo.services:
        assert bookings.find_slots(service=service), service
    for doctor in demo.doctors:
        assert bookings.find_slots(doctor=doctor), doctor
