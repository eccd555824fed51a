"""The diary follows the schedules; what was promised stays."""

from small_clinic import PHONE, Name, assert_consistent, catalogue, diary, doctor, slot_at
from sqlalchemy import func, select

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Shift
from voicebot.clinic.setup import Prepared, prepare
from voicebot.clinic.tables import SlotRow
from voicebot.clock import VirtualClock
from voicebot.storage.database import Database


def counts(database: Database) -> dict[str, int]:
    with database.session(is_readonly=True) as session:
        return dict(session.execute(select(SlotRow.status, func.count()).group_by(SlotRow.status)).all())


def one(hours: str, slot_minutes: int = 30, **info):
    return catalogue(
        doctor("anna", "therapist", Shift(branch="north", days="mon-sun", hours=hours), slot_minutes=slot_minutes), **info
    )


def test_again_changes_nothing(database: Database, clock: VirtualClock) -> None:
    told = []
    assert prepare(database, catalogue(), clock, days=5, progress=lambda n, total: told.append((n, total))) == Prepared(5 * 18)
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert prepare(database, catalogue(), clock, days=5) == Prepared()
    assert counts(database) == {"free": 90}


def test_next_day_adds_a_day(sqlite: Database, clock: VirtualClock) -> None:
    prepare(sqlite, one("09:00-12:00"), clock, days=5)
    clock.advance(86400)
    assert prepare(sqlite, one("09:00-12:00"), clock, days=5) == Prepared(added=6)


def test_past_times_of_today_are_left_out(sqlite: Database, clock: VirtualClock) -> None:
    clock.advance(2 * 3600)  # ten o'clock
    assert prepare(sqlite, one("09:00-12:00"), clock, days=1) == Prepared(added=3)


def test_changed_hours_withdraw_and_restore(database: Database, clock: VirtualClock) -> None:
    prepare(database, one("09:00-12:00"), clock, days=1)
    bookings = Bookings(database, one("09:00-12:00"), clock)
    booked = bookings.book(slot_at(database, "anna", 11), "d1", Name(), PHONE, None, "k")
    bookings.hold(slot_at(database, "anna", 11, 30), "d2")
    assert prepare(database, one("09:00-10:30"), clock, days=1) == Prepared(withdrawn=1)
    assert counts(database) == {"free": 3, "busy": 1, "busy-tentative": 1, "busy-unavailable": 1}
    assert bookings.appointments_of(PHONE) == (booked,)
    assert prepare(database, one("09:00-12:00"), clock, days=1) == Prepared(restored=1)
    assert_consistent(database)


def test_new_cut_goes_around_what_is_booked(database: Database, clock: VirtualClock) -> None:
    prepare(database, one("09:00-12:00"), clock, days=1)
    bookings = Bookings(database, one("09:00-12:00"), clock)
    bookings.book(slot_at(database, "anna", 10, 30), "d1", Name(), PHONE, None, "k")
    prepare(database, one("09:00-12:00", slot_minutes=20), clock, days=1)
    with database.session(is_readonly=True) as session:
        rows = session.scalars(select(SlotRow).where(SlotRow.status != "busy-unavailable").order_by(SlotRow.start)).all()
    cut = [(f"{row.start.hour + 3}:{row.start.minute:02}", row.duration_minutes) for row in rows]
    assert cut == [
        ("9:00", 20), ("9:20", 20), ("9:40", 20), ("10:00", 20), ("10:30", 30), ("11:00", 20), ("11:20", 20), ("11:40", 20)
    ]  # fmt: skip
    assert_consistent(database)


def test_doctor_who_left_is_offered_no_longer(database: Database, clock: VirtualClock) -> None:
    bookings = diary(database, clock)
    smaller = catalogue(*[d for d in catalogue().doctors.values() if d.id != "clara"])
    assert prepare(database, smaller, clock, days=5) == Prepared(withdrawn=40)
    assert bookings.find_slots(doctor="clara") == ()


def test_cancelled_time_that_is_gone_from_the_schedule_is_withdrawn_next_time(sqlite: Database, clock: VirtualClock) -> None:
    prepare(sqlite, one("09:00-12:00"), clock, days=1)
    bookings = Bookings(sqlite, one("09:00-12:00"), clock)
    booked = bookings.book(slot_at(sqlite, "anna", 11), "d1", Name(), PHONE, None, "k")
    prepare(sqlite, one("09:00-10:00"), clock, days=1)
    bookings.cancel(booked.id, "k2")
    assert prepare(sqlite, one("09:00-10:00"), clock, days=1) == Prepared(withdrawn=1)
    assert counts(sqlite) == {"free": 2, "busy-unavailable": 4}


def test_demo_share(sqlite: Database, clock: VirtualClock) -> None:
    prepare(sqlite, one("08:00-20:00", demo_busy_share=0.5), clock, days=30)
    found = counts(sqlite)
    assert 0.3 < found["busy"] / sum(found.values()) < 0.7
    assert prepare(sqlite, one("08:00-20:00", demo_busy_share=0.5), clock, days=30) == Prepared()
