"""The clinic as dialplans call it."""

import sqlite3
from collections.abc import Mapping
from typing import Any

import pytest
from small_clinic import PHONE, Name, catalogue, diary, slot_at

from voicebot.clinic.appointments import Appointment, Hold
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.failures import NotFound, ServiceFailure, SlotTaken, Unavailable
from voicebot.clinic.offers import Offer
from voicebot.clinic.services import SERVICES, ClinicServices, check_call
from voicebot.clock import VirtualClock
from voicebot.errors import ConfigurationError
from voicebot.storage.database import Database, open_database


@pytest.fixture
def services(sqlite: Database, clock: VirtualClock) -> ClinicServices:
    return ClinicServices(diary(sqlite, clock), catalogue(), clock)


def test_a_whole_booking(services: ClinicServices, sqlite: Database) -> None:
    offers = services.call("find_slots", {"speciality": "therapist", "when": None, "limit": 2}, "d1", "")
    assert [type(offer) for offer in offers] == [Offer, Offer]
    hold = services.call("hold", {"slot_id": offers[0].slot_id}, "d1", "")
    assert isinstance(hold, Hold)
    arguments = {"slot_id": offers[0].slot_id, "patient": Name(), "phone": PHONE, "service": "visit"}
    booked = services.call("book", arguments, "d1", "d1/book")
    assert isinstance(booked, Appointment)
    assert services.call("book", arguments, "d1", "d1/book") == booked
    who = {"phone": PHONE, "patient": Name(), "caller_phone": PHONE}
    assert services.call("appointments_of", who, "d2", "").entries == (booked,)
    target = slot_at(sqlite, "boris", 15)
    moved = services.call("reschedule", {"appointment_id": booked.id, "slot_id": target, "phone": PHONE}, "d2", "d2/move")
    assert moved.slot_id == target
    assert services.call("cancel", {"appointment_id": moved.id, "phone": PHONE}, "d2", "d2/cancel").status == "cancelled"
    assert services.call("release", {}, "d2", "") == 0


def test_prices_and_addresses(services: ClinicServices) -> None:
    assert services.call("price_of", {"service": "filling"}, "d", "").price_rub == 5000
    assert services.call("price_of", {"speciality": "dentist"}, "d", "").entry_id == "look"
    assert services.call("price_of", {"doctor": "anna"}, "d", "").entry_id == "visit"
    assert [a.branch_id for a in services.call("address_of", {}, "d", "")] == ["north", "south"]
    assert [a.branch_id for a in services.call("address_of", {"branch": "south"}, "d", "")] == ["south"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("price_of", {"service": "absent"}),
        ("price_of", {"speciality": "absent"}),
        ("price_of", {"doctor": "absent"}),
        ("price_of", {}),
        ("address_of", {"branch": "absent"}),
        ("find_slots", {"doctor": "absent"}),
    ],
)
def test_unknown_things(services: ClinicServices, name: str, arguments: Mapping[str, Any]) -> None:
    with pytest.raises(NotFound):
        services.call(name, arguments, "d", "")


def test_failures_have_codes(services: ClinicServices, sqlite: Database) -> None:
    slot = slot_at(sqlite, "anna", 10)
    services.call("hold", {"slot_id": slot}, "d1", "")
    with pytest.raises(SlotTaken) as caught:
        services.call("hold", {"slot_id": slot}, "d2", "")
    assert caught.value.code == "slot_taken"
    assert isinstance(caught.value, ServiceFailure)


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("find_slot", {}, "Did you mean 'find_slots'?"),
        ("pay", {}, "Known: find_slots"),
        ("find_slots", {"specialty": "therapist"}, "Did you mean 'speciality'?"),
        ("book", {"slot_id": 1, "phone": PHONE}, "needs the argument 'patient'"),
    ],
)
def test_wrong_calls_are_found_at_load(name: str, arguments: Mapping[str, Any], told: str, services: ClinicServices) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_call(name, frozenset(arguments))
    assert told in str(caught.value)
    with pytest.raises(ConfigurationError):
        services.call(name, arguments, "d", "k")


def test_unfit_values_are_not_repeated(services: ClinicServices) -> None:
    with pytest.raises(ConfigurationError, match="slot_id") as caught:
        services.call("hold", {"slot_id": "+79161234567"[:9] + "xx"}, "d", "")
    assert "7916" not in str(caught.value)


def test_every_service_is_carried_out(services: ClinicServices) -> None:
    assert set(services._calls) == set(SERVICES)


def test_locked_database_is_unavailable_and_passes(sqlite: Database, clock: VirtualClock) -> None:
    diary(sqlite, clock)
    path = sqlite.url.database
    assert path is not None
    impatient = open_database(f"sqlite:///{path}", busy_seconds=0.05, retry_seconds=0.2)
    services = ClinicServices(Bookings(impatient, catalogue(), clock), catalogue(), clock)
    slot = slot_at(sqlite, "anna", 10)
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as caught:
        services.call("hold", {"slot_id": slot}, "d1", "")
    assert caught.value.code == "unavailable"
    assert services.call("find_slots", {}, "d1", ""), "reading goes on while another writes"
    blocker.execute("ROLLBACK")
    assert services.call("hold", {"slot_id": slot}, "d1", "").slot_id == slot
    blocker.close()
    impatient.close()
