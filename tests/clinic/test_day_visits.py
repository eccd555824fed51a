"""The reception's day: who is expected, who came; marks that fit the clock, and that two people cannot mix up."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

import pytest
from small_clinic import MONDAY, PHONE, Name, catalogue, slot_at

from voicebot.clinic.appointments import Appointment
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.day_visits import MARKABLE_DAYS, DayVisits, VisitFilter, check_mark
from voicebot.clinic.failures import AppointmentClosed, ChangedMeanwhile, NotFound, ServiceFailure, TooEarly
from voicebot.clinic.tables import AppointmentStatus
from voicebot.clock import VirtualClock
from voicebot.storage.database import Database

TODAY = VisitFilter(MONDAY, MONDAY)
ARRIVED, NOSHOW, BOOKED = AppointmentStatus.ARRIVED, AppointmentStatus.NOSHOW, AppointmentStatus.BOOKED


@pytest.fixture
def visits(database: Database, clock: VirtualClock) -> DayVisits:
    return DayVisits(database, catalogue(), clock)


def booked(bookings: Bookings, doctor: str, hour: int, day: int = 23, name: Name | None = None) -> Appointment:
    slot = slot_at(bookings.database, doctor, hour, day=day)
    return bookings.book(slot, "D", name or Name(), PHONE, key=f"{doctor}{day}{hour}")


def test_a_day_is_listed_in_order_and_filtered(bookings: Bookings, visits: DayVisits) -> None:
    late, early = booked(bookings, "anna", 11), booked(bookings, "clara", 9)
    other = booked(bookings, "boris", 14, name=Name("Орлов", "Пётр"))
    tomorrow = booked(bookings, "anna", 9, day=24)
    gone = booked(bookings, "anna", 10)
    bookings.cancel(gone.id, "c", PHONE)
    assert [one.id for one in visits.list(TODAY)] == [early.id, gone.id, late.id, other.id]
    for wanted, expected in (
        (VisitFilter(MONDAY, MONDAY, status="booked"), [early, late, other]),
        (VisitFilter(MONDAY, MONDAY, branch="south"), [other]),
        (VisitFilter(MONDAY, MONDAY, doctor="clara"), [early]),
        (VisitFilter(MONDAY, MONDAY, name="орл"), [other]),
        (VisitFilter(MONDAY, MONDAY, name="%"), []),
        (VisitFilter(MONDAY, MONDAY + timedelta(days=1), doctor="anna", status="booked"), [late, tomorrow]),
        (VisitFilter(MONDAY, MONDAY, limit=1, offset=1, status="booked"), [late]),
        (VisitFilter(MONDAY, MONDAY, phone="+79160000099"), []),
    ):
        assert [one.id for one in visits.list(wanted)] == [one.id for one in expected], wanted


def test_a_patient_came_or_did_not(bookings: Bookings, visits: DayVisits, clock: VirtualClock) -> None:
    one = booked(bookings, "anna", 9)
    with pytest.raises(TooEarly):
        visits.mark(one.id, NOSHOW, "booked")
    assert visits.mark(one.id, ARRIVED, "booked").status == "arrived"
    assert visits.mark(one.id, ARRIVED, "booked").status == "arrived"  # the same click, twice
    clock.advance(2 * 3600)
    with pytest.raises(ChangedMeanwhile):
        visits.mark(one.id, NOSHOW, "booked")  # whoever saw it unmarked does not know that the patient came
    assert visits.mark(one.id, NOSHOW, "arrived").status == "noshow"
    assert visits.mark(one.id, BOOKED, "noshow").status == "booked"
    with pytest.raises(NotFound):
        visits.mark(4711, ARRIVED, "booked")


def test_what_is_not_markable(bookings: Bookings, visits: DayVisits, clock: VirtualClock) -> None:
    gone, tomorrow = booked(bookings, "anna", 9), booked(bookings, "anna", 9, day=24)
    bookings.cancel(gone.id, "c", PHONE)
    with pytest.raises(AppointmentClosed):
        visits.mark(gone.id, ARRIVED, "cancelled")
    with pytest.raises(TooEarly):
        visits.mark(tomorrow.id, ARRIVED, "booked")
    clock.advance((MARKABLE_DAYS + 2) * 86400)
    with pytest.raises(AppointmentClosed):
        visits.mark(tomorrow.id, ARRIVED, "booked")


def test_the_day_is_the_clinics_not_utcs() -> None:
    start = datetime(2026, 11, 23, 21, 30, tzinfo=UTC)  # 0:30 of the 24th in Moscow
    zone = catalogue().zone
    assert start.astimezone(zone).date() == date(2026, 11, 24)
    with pytest.raises(TooEarly):
        check_mark("booked", ARRIVED, start, datetime(2026, 11, 23, 20, 0, tzinfo=UTC), zone)
    check_mark("booked", ARRIVED, start, datetime(2026, 11, 23, 21, 5, tzinfo=UTC), zone)


def test_two_receptions_at_once_agree(bookings: Bookings, visits: DayVisits, clock: VirtualClock) -> None:
    one = booked(bookings, "anna", 9)
    clock.advance(2 * 3600)

    def mark(status: AppointmentStatus) -> str:
        try:
            return visits.mark(one.id, status, "booked").status
        except ServiceFailure as failure:
            return failure.code

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(mark, [ARRIVED, NOSHOW, ARRIVED, NOSHOW]))
    (now,) = visits.list(TODAY)
    assert sorted(answers) == sorted([now.status, now.status, "changed", "changed"])
    assert bookings.appointments_of(PHONE) == ()


def test_all_times_of_a_day_are_found_when_none_is_to_be_left_out(bookings: Bookings) -> None:
    found = bookings.find_slots(doctor="anna", limit=30, is_spread=False)
    hours = ("09:00", "09:30", "10:00", "10:30", "11:00", "11:30")
    assert [f"{one.start:%d %H:%M}" for one in found[:7]] == [*(f"23 {hour}" for hour in hours), "24 09:00"]
    assert len(bookings.find_slots(doctor="anna", limit=4, is_spread=False)) == 4
