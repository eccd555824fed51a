"""One caller at a time: finding, holding, booking, cancelling, moving."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from small_clinic import PHONE, Name, assert_consistent, catalogue, slot_at
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.failures import (
    AppointmentClosed,
    BadPhone,
    HoldExpired,
    KeyReused,
    NotFound,
    NotOffered,
    SlotTaken,
    TooLate,
)
from voicebot.clinic.tables import AppointmentRow, OccupiedRow, PatientRow, SlotRow
from voicebot.clock import VirtualClock
from voicebot.storage.database import Database

LARGE = 30


@dataclass(frozen=True)
class Afternoon:
    def allows(self, at: datetime) -> bool:
        return at.hour >= 12


def times(offers) -> list[str]:
    return [f"{offer.doctor_id} {offer.start:%d %H:%M}" for offer in offers]


def test_offer_tells_all_that_is_said(bookings: Bookings) -> None:
    offer = bookings.find_slots(doctor="anna", limit=1)[0]
    assert offer.start.isoformat() == "2026-11-23T09:00:00+03:00"
    assert (offer.doctor_id, offer.branch_id, offer.speciality_id) == ("anna", "north", "therapist")
    assert (offer.service_id, offer.price_rub, offer.duration_minutes) == ("visit", 1000, 30)


def test_wishes_narrow_the_search(bookings: Bookings) -> None:
    assert {o.doctor_id for o in bookings.find_slots(speciality="therapist", limit=LARGE)} == {"anna", "boris"}
    assert {o.doctor_id for o in bookings.find_slots(speciality="therapist", branch="south", limit=LARGE)} == {"boris"}
    assert {o.doctor_id for o in bookings.find_slots(service="filling", limit=LARGE)} == {"clara"}
    assert bookings.find_slots(doctor="anna", when=Afternoon()) == ()
    assert all(o.start.hour >= 12 for o in bookings.find_slots(when=Afternoon(), limit=LARGE))
    assert bookings.find_slots(doctor="anna", speciality="dentist") == ()
    late = bookings.find_slots(doctor="anna", not_before=datetime(2026, 11, 25, 8, 0, tzinfo=UTC), limit=LARGE)
    assert min(o.start for o in late) == datetime(2026, 11, 25, 8, 0, tzinfo=UTC)


def test_what_is_ruled_out_is_not_offered(bookings: Bookings) -> None:
    offers = bookings.find_slots(limit=LARGE, is_spread=False)
    doctor, branch = offers[0].doctor_id, offers[0].branch_id
    assert doctor not in {one.doctor_id for one in bookings.find_slots(limit=LARGE, not_doctors=(doctor,))}
    assert branch not in {one.branch_id for one in bookings.find_slots(limit=LARGE, not_branches=(branch,))}
    assert bookings.find_slots(doctor=doctor, not_doctors=(doctor,)) == ()


def test_service_of_one_branch_is_offered_there_only(bookings: Bookings, database: Database) -> None:
    assert {o.branch_id for o in bookings.find_slots(service="shot", limit=LARGE)} == {"south"}
    with pytest.raises(NotOffered):
        bookings.hold(slot_at(database, "anna", 10), "d1", service_id="shot")


def test_offers_keep_an_hour_of_lead(bookings: Bookings, clock: VirtualClock) -> None:
    clock.advance(30 * 60)  # 08:30: nine o'clock is too near
    assert times(bookings.find_slots(doctor="anna", limit=1)) == ["anna 23 09:30"]


def test_unknown_wishes(bookings: Bookings) -> None:
    for wish in ("speciality", "service", "doctor", "branch"):
        with pytest.raises(NotFound):
            bookings.find_slots(**{wish: "absent"})


def test_held_time_is_not_offered_to_others(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    slot = slot_at(database, "anna", 11)
    hold = bookings.hold(slot, "d1", seconds=180)
    assert hold.expires_at == clock.now() + timedelta(seconds=180)
    assert slot not in {o.slot_id for o in bookings.find_slots(doctor="anna", limit=LARGE)}
    assert slot in {o.slot_id for o in bookings.find_slots(doctor="anna", limit=LARGE, dialog_id="d1")}
    with pytest.raises(SlotTaken) as caught:
        bookings.hold(slot, "d2")
    assert caught.value.code == "slot_taken"
    clock.advance(181)
    assert slot in {o.slot_id for o in bookings.find_slots(doctor="anna", limit=LARGE)}
    bookings.hold(slot, "d2")


def test_dialog_holds_one_offer_at_a_time(bookings: Bookings, database: Database) -> None:
    first, second = slot_at(database, "anna", 9), slot_at(database, "anna", 10)
    bookings.hold(first, "d1")
    bookings.hold(second, "d1")
    bookings.hold(first, "d2")
    with pytest.raises(SlotTaken):
        bookings.hold(second, "d2")
    assert_consistent(database)


def test_release_gives_back_own_holds_only(bookings: Bookings, database: Database) -> None:
    slot = slot_at(database, "clara", 9)
    bookings.hold(slot, "d1", service_id="filling")
    assert bookings.release("d2") == 0
    assert bookings.release("d1", slot_at(database, "anna", 9)) == 0
    assert bookings.release("d1", slot) == 2
    bookings.hold(slot, "d2")


def test_expire_holds_counts_what_ran_out(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    bookings.hold(slot_at(database, "clara", 9), "d1", seconds=60, service_id="filling")
    bookings.hold(slot_at(database, "anna", 9), "d2", seconds=600)
    clock.advance(60)
    assert bookings.expire_holds() == 2
    assert bookings.expire_holds() == 0
    assert_consistent(database)


def test_booking(bookings: Bookings, database: Database) -> None:
    slot = slot_at(database, "anna", 9)
    bookings.hold(slot, "d1")
    booked = bookings.book(slot, "d1", Name(), "8 916 000-00-01", None, "d1/book")
    assert booked.start.isoformat() == "2026-11-23T09:00:00+03:00"
    assert (booked.phone, booked.surname, booked.status) == (PHONE, "Ветрова", "booked")
    assert (booked.service_id, booked.price_rub) == ("visit", 1000)
    assert slot not in {o.slot_id for o in bookings.find_slots(doctor="anna", limit=LARGE)}
    for dialog in ("d1", "d2"):
        with pytest.raises(SlotTaken):
            bookings.hold(slot, dialog)
    assert_consistent(database)


def test_same_key_books_once(bookings: Bookings, database: Database) -> None:
    slot = slot_at(database, "anna", 9)
    first = bookings.book(slot, "d1", Name(), PHONE, None, "d1/book")
    assert bookings.book(slot, "d1", Name(), PHONE, None, "d1/book") == first
    with pytest.raises(KeyReused):
        bookings.book(slot_at(database, "anna", 10), "d1", Name(), PHONE, None, "d1/book")
    with pytest.raises(KeyReused):
        bookings.cancel(first.id, "d1/book")
    assert len(bookings.appointments_of(PHONE)) == 1
    assert_consistent(database)


def test_orders_need_a_key(bookings: Bookings, database: Database) -> None:
    with pytest.raises(ValueError, match="key"):
        bookings.book(slot_at(database, "anna", 9), "d1", Name(), PHONE)


def test_expired_hold_is_booked_while_nobody_else_took_it(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    slot = slot_at(database, "anna", 11)
    bookings.hold(slot, "d1", seconds=60)
    clock.advance(600)
    bookings.expire_holds()
    assert bookings.book(slot, "d1", Name(), PHONE, None, "k").slot_id == slot


@pytest.mark.parametrize("is_swept", [False, True])
def test_expired_hold_taken_by_another(bookings: Bookings, database: Database, clock: VirtualClock, is_swept: bool) -> None:
    slot = slot_at(database, "anna", 11)
    bookings.hold(slot, "d1", seconds=60)
    clock.advance(61)
    if is_swept:
        bookings.expire_holds()
    bookings.hold(slot, "d2")
    with pytest.raises(HoldExpired) as caught:
        bookings.book(slot, "d1", Name(), PHONE, None, "k")
    assert caught.value.code == "hold_expired"
    bookings.book(slot, "d2", Name(), PHONE, None, "k2")
    assert_consistent(database)


def test_long_service_takes_neighbouring_slots(bookings: Bookings, database: Database) -> None:
    bookings.book(slot_at(database, "clara", 10), "d1", Name(), PHONE, "look", "k1")
    monday = [t for t in times(bookings.find_slots(service="filling", limit=LARGE)) if " 23 " in t]
    assert monday == ["clara 23 09:00", "clara 23 10:30", "clara 23 11:00", "clara 23 13:00"]
    with pytest.raises(SlotTaken):  # half of it is booked
        bookings.hold(slot_at(database, "clara", 9, 30), "d2", service_id="filling")
    with pytest.raises(SlotTaken):  # lunch begins in the middle
        bookings.hold(slot_at(database, "clara", 11, 30), "d2", service_id="filling")
    booked = bookings.book(slot_at(database, "clara", 9), "d2", Name(), PHONE, "filling", "k2")
    assert (booked.duration_minutes, booked.price_rub) == (60, 5000)
    with pytest.raises(SlotTaken):
        bookings.hold(slot_at(database, "clara", 9, 30), "d3")
    assert_consistent(database)


def test_what_cannot_be_booked(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    slot = slot_at(database, "anna", 9)
    with pytest.raises(NotFound):
        bookings.book(999_999, "d1", Name(), PHONE, None, "k")
    with pytest.raises(NotFound):
        bookings.book(slot, "d1", Name(), PHONE, "absent", "k")
    with pytest.raises(NotOffered):
        bookings.book(slot, "d1", Name(), PHONE, "filling", "k")
    with pytest.raises(BadPhone):
        bookings.book(slot, "d1", Name(), "12", None, "k")
    clock.advance(2 * 3600)
    with pytest.raises(TooLate):
        bookings.book(slot, "d1", Name(), PHONE, None, "k")
    assert_consistent(database)


def test_cancelling_frees_the_time(bookings: Bookings, database: Database) -> None:
    slot = slot_at(database, "clara", 9)
    booked = bookings.book(slot, "d1", Name(), PHONE, "filling", "k1")
    with pytest.raises(NotFound):
        bookings.cancel(booked.id, "k2", phone="+79160000002")
    cancelled = bookings.cancel(booked.id, "k2", phone=PHONE)
    assert cancelled == replace(booked, status="cancelled")
    assert bookings.cancel(booked.id, "k2", phone=PHONE) == cancelled
    with pytest.raises(AppointmentClosed):
        bookings.cancel(booked.id, "k3")
    again = bookings.book(slot, "d2", Name("Громов", "Пётр", "Ильич"), PHONE, "filling", "k4")
    assert again.id != booked.id
    assert_consistent(database)


def test_past_appointments_are_closed(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    booked = bookings.book(slot_at(database, "anna", 9), "d1", Name(), PHONE, None, "k1")
    clock.advance(3 * 3600)
    assert bookings.appointments_of(PHONE) == ()
    with pytest.raises(AppointmentClosed):
        bookings.cancel(booked.id, "k2")
    with pytest.raises(AppointmentClosed):
        bookings.reschedule(booked.id, slot_at(database, "anna", 11, 30), "k3")


def test_moving(bookings: Bookings, database: Database) -> None:
    old = bookings.book(slot_at(database, "anna", 9), "d1", Name(), PHONE, None, "k1")
    target = slot_at(database, "boris", 14, day=24)
    moved = bookings.reschedule(old.id, target, "k2", "d2", phone=PHONE)
    assert (moved.slot_id, moved.doctor_id, moved.replaces_id) == (target, "boris", old.id)
    assert bookings.reschedule(old.id, target, "k2", "d2") == moved
    assert bookings.appointments_of(PHONE) == (moved,)
    assert slot_at(database, "anna", 9) in {o.slot_id for o in bookings.find_slots(doctor="anna", limit=LARGE)}
    assert_consistent(database)


def test_moving_to_a_taken_time_changes_nothing(bookings: Bookings, database: Database) -> None:
    old = bookings.book(slot_at(database, "anna", 9), "d1", Name(), PHONE, None, "k1")
    taken = slot_at(database, "anna", 10)
    bookings.book(taken, "d2", Name(), "+79160000002", None, "k2")
    with pytest.raises(SlotTaken):
        bookings.reschedule(old.id, taken, "k3")
    with pytest.raises(NotOffered):
        bookings.reschedule(old.id, slot_at(database, "clara", 9), "k4")
    assert bookings.appointments_of(PHONE) == (old,)
    assert_consistent(database)


def test_long_visit_moves_by_less_than_its_length(bookings: Bookings, database: Database) -> None:
    old = bookings.book(slot_at(database, "clara", 9), "d1", Name(), PHONE, "filling", "k1")
    moved = bookings.reschedule(old.id, slot_at(database, "clara", 9, 30), "k2")
    assert moved.duration_minutes == 60
    assert_consistent(database)


def test_appointments_of_a_phone(bookings: Bookings, database: Database) -> None:
    later = bookings.book(slot_at(database, "anna", 9, day=25), "d1", Name(), "89160000001", None, "k1")
    sooner = bookings.book(slot_at(database, "clara", 9), "d1", Name("Ветров", "Олег"), "9160000001", None, "k2")
    bookings.book(slot_at(database, "boris", 14), "d1", Name(), "+79160000002", None, "k3")
    assert bookings.appointments_of("8 (916) 000 00 01") == (sooner, later)


def test_patient_is_written_down_once(bookings: Bookings, database: Database) -> None:
    bookings.book(slot_at(database, "anna", 9), "d1", Name(), PHONE, None, "k1")
    bookings.book(slot_at(database, "anna", 10), "d1", Name(), PHONE, None, "k2")
    bookings.book(slot_at(database, "anna", 11), "d1", Name(given="Ольга" + "а" * 200), PHONE, None, "k3")
    with database.session(is_readonly=True) as session:
        assert len(session.scalars(select(PatientRow)).all()) == 2


def test_constraints_refuse_what_checks_would_miss(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    """Straight into the tables: the database itself forbids both kinds of double booking."""
    booked = bookings.book(slot_at(database, "anna", 9), "d1", Name(), PHONE, None, "k1")
    values = {
        "slot_id": booked.slot_id, "patient_id": 1, "doctor_id": "anna", "branch_id": "north", "start": booked.start,
        "duration_minutes": 30, "status": "booked", "phone": PHONE, "dialog_id": "d2", "created_at": clock.now(),
    }  # fmt: skip
    with pytest.raises(IntegrityError):
        database.run(lambda session: session.execute(insert(AppointmentRow).values(**values)))
    cell = {"doctor_id": "anna", "start": booked.start + timedelta(minutes=25), "appointment_id": booked.id}
    with pytest.raises(IntegrityError):
        database.run(lambda session: session.execute(insert(OccupiedRow).values(**cell)))
    database.run(lambda session: session.execute(insert(AppointmentRow).values(**{**values, "status": "cancelled"})))


def test_slot_cut_across_a_booking_cannot_be_booked(bookings: Bookings, database: Database) -> None:
    """As after a change of the schedule: 09:00-09:30 is booked, a slot 09:15-09:45 appears."""
    booked = bookings.book(slot_at(database, "anna", 9), "d1", Name(), PHONE, None, "k1")
    start = booked.start + timedelta(minutes=15)
    row = {"doctor_id": "anna", "branch_id": "north", "start": start, "duration_minutes": 30, "status": "free"}
    database.run(lambda session: session.execute(insert(SlotRow).values(**row)))
    with pytest.raises(SlotTaken):
        bookings.book(slot_at(database, "anna", 9, 15), "d2", Name(), PHONE, None, "k2")
    assert bookings.appointments_of(PHONE) == (booked,)


def test_doctor_who_left_the_catalogue(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    slot = slot_at(database, "clara", 9)
    smaller = catalogue(*[d for d in catalogue().doctors.values() if d.id != "clara"])
    with pytest.raises(NotFound):
        Bookings(database, smaller, clock).hold(slot, "d1")
