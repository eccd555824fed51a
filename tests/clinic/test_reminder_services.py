"""What an answer to a reminder asks of the clinic. On both databases."""

import pytest
from small_clinic import PHONE, Name, catalogue, slot_at

from voicebot.clinic.appointments import Appointment
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.contact_points import ContactPoints, address_for
from voicebot.clinic.failures import AppointmentClosed, NotFound
from voicebot.clinic.services import ClinicServices
from voicebot.clinic.tables import AppointmentRow
from voicebot.clock import VirtualClock
from voicebot.storage.database import Database

STRANGER = "+79160000002"


@pytest.fixture
def services(bookings: Bookings, clock: VirtualClock) -> ClinicServices:
    return ClinicServices(bookings, catalogue(), clock)


@pytest.fixture
def visit(bookings: Bookings, database: Database) -> Appointment:
    return bookings.book(slot_at(database, "anna", 10), "d0", Name(), PHONE, None, "booked")


def about(visit: Appointment, phone: str = PHONE) -> dict[str, object]:
    return {"appointment_id": visit.id, "phone": phone}


def test_the_visit_is_told_to_its_own_number_only(services: ClinicServices, visit: Appointment) -> None:
    assert services.call("reminded_visit", about(visit), "d1", "") == visit
    with pytest.raises(NotFound):
        services.call("reminded_visit", about(visit, STRANGER), "d1", "")


def test_it_is_confirmed_once_whoever_says_it_twice(
    services: ClinicServices, visit: Appointment, database: Database, clock: VirtualClock
) -> None:
    services.call("confirm_visit", about(visit), "d1", "k1")
    first = clock.now()
    clock.advance(600)
    assert services.call("confirm_visit", about(visit), "d2", "k2").id == visit.id
    with database.session(is_readonly=True) as session:
        assert session.get_one(AppointmentRow, visit.id).confirmed_at == first


def test_a_stranger_confirms_nothing(services: ClinicServices, visit: Appointment, database: Database) -> None:
    with pytest.raises(NotFound):
        services.call("confirm_visit", about(visit, STRANGER), "d1", "k1")
    with database.session(is_readonly=True) as session:
        assert session.get_one(AppointmentRow, visit.id).confirmed_at is None


def test_what_was_cancelled_or_has_begun_is_closed(
    services: ClinicServices, bookings: Bookings, visit: Appointment, clock: VirtualClock, database: Database
) -> None:
    later = bookings.book(slot_at(database, "boris", 15), "d0", Name(), PHONE, None, "later")
    bookings.cancel(visit.id, "cancelled")
    clock.advance(8 * 3600)
    for one in (visit, later):
        for service in ("reminded_visit", "confirm_visit"):
            with pytest.raises(AppointmentClosed):
                services.call(service, about(one), "d1", service)


def test_a_refusal_closes_the_channel_it_was_said_in(services: ClinicServices, database: Database, clock: VirtualClock) -> None:
    points = ContactPoints(database, clock)
    points.link(PHONE, "call", has_consent=True)
    points.link(PHONE, "telegram", "4711", is_verified=True)
    asked = {"phone": PHONE, "channel": "phone", "reason": "refused"}
    assert services.call("stop_contacting", asked, "d1", "k1") == 1
    assert reachable(points, PHONE) == {"sms", "viber", "telegram"}
    services.call("stop_contacting", asked | {"channel": "telegram"}, "d1", "k2")
    assert reachable(points, PHONE) == {"sms", "viber"}


def test_who_is_not_the_patient_is_bothered_in_no_way_that_goes_by_number(
    services: ClinicServices, database: Database, clock: VirtualClock
) -> None:
    points = ContactPoints(database, clock)
    points.link(PHONE, "call", has_consent=True)
    points.link(PHONE, "telegram", "4711", is_verified=True)  # the patient's still, wherever his number went
    services.call("stop_contacting", {"phone": PHONE, "channel": "phone", "reason": "wrong_number"}, "d1", "k1")
    assert reachable(points, PHONE) == {"telegram"}


def reachable(points: ContactPoints, phone: str) -> set[str]:
    known = points.of(phone)
    systems = ("sms", "viber", "call", "telegram", "max")
    return {system for system in systems if address_for(known, system, phone) is not None}
