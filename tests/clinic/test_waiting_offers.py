"""Offers to those who wait, on SQLite and PostgreSQL: a time is held for one at a time, and goes on until somebody takes it."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from small_clinic import PHONE, Name, assert_consistent, catalogue, diary, slot_at
from small_clinic import clock as new_clock
from sqlalchemy import select

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.failures import NotFound, ServiceFailure, SlotTaken
from voicebot.clinic.services import ClinicServices
from voicebot.clinic.tables import AppointmentRow, MessageRow, SlotRow, WaitingRow
from voicebot.clinic.waiting import WaitingList
from voicebot.clinic.waiting_machine import Rules
from voicebot.clinic.waiting_offers import WaitingOffers, is_over
from voicebot.clock import VirtualClock
from voicebot.russian.when import When
from voicebot.storage.database import Database

PHONES = [f"+791600001{number:02}" for number in range(10)]
HOUR = 3600.0


@pytest.fixture
def clock() -> VirtualClock:
    """Ten in the morning, when patients may be asked."""
    at = new_clock()
    at.advance(2 * HOUR)
    return at


def join(database: Database, clock: VirtualClock, number: int, **wish: str) -> int:
    name = Name(f"Ждан{number}", "Олег")
    waiting = WaitingList(database, catalogue(), clock)
    clock.advance(1)
    return waiting.join(f"w{number}", f"w{number}/join", name, PHONES[number], **(wish or {"doctor": "anna"})).id


def freed(bookings: Bookings, database: Database, hour: int = 10, day: int = 24) -> int:
    """A time that was booked and is free again; returns its slot."""
    slot = slot_at(database, "anna", hour, day=day)
    visit = bookings.book(slot, "d1", Name(), PHONE, None, f"d1/book/{slot}").id
    bookings.cancel(visit, f"d1/cancel/{visit}", PHONE)
    return slot


def messages(database: Database) -> list[MessageRow]:
    with database.session(is_readonly=True) as session:
        return list(session.scalars(select(MessageRow).order_by(MessageRow.id)))


def place(database: Database, waiting_id: int) -> WaitingRow:
    with database.session(is_readonly=True) as session:
        return session.get_one(WaitingRow, waiting_id)


def test_a_freed_time_is_held_asked_about_and_booked(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    offers = WaitingOffers(database, catalogue(), clock)
    one = join(database, clock, 0)
    slot = freed(bookings, database)
    assert offers.tick() == 1
    assert offers.tick() == 0
    (message,) = messages(database)
    assert (message.template, message.phone, message.branch_id) == ("waiting_offer", PHONES[0], "north")
    assert message.expires_at == clock.now() + timedelta(hours=2)
    assert message.values == {
        "waiting_id": one, "slot_id": slot, "start": "2026-11-24T10:00:00+03:00", "doctor": "anna", "branch": "north",
        "service": "visit", "given": "Олег", "price_rub": 1000,
        "until": (clock.now() + timedelta(hours=2)).astimezone(catalogue().zone).isoformat(),
    }  # fmt: skip
    with pytest.raises(SlotTaken):
        bookings.hold(slot, "other")
    assert slot not in [offer.slot_id for offer in bookings.find_slots(doctor="anna", limit=30, is_spread=False)]
    services = ClinicServices(bookings, catalogue(), clock)
    asked = {"waiting_id": one, "phone": PHONES[0]}
    assert services.call("offered_time", asked, "d9", "").slot_id == slot
    with pytest.raises(NotFound):
        services.call("offered_time", {**asked, "phone": PHONES[1]}, "d9", "")
    visit = services.call("accept_offer", asked, "d9", "d9/accept")
    assert services.call("accept_offer", asked, "d9", "d9/accept").id == visit.id, "the same step again"
    assert (visit.slot_id, visit.surname, visit.phone) == (slot, "Ждан0", PHONES[0])
    closed = place(database, one)
    assert (closed.status, closed.outcome, closed.appointment_id) == ("closed", "booked", visit.id)
    with pytest.raises(NotFound):
        services.call("decline_offer", asked, "d9", "d9/decline")
    assert_consistent(database)


def test_no_answer_and_a_no_go_on_to_the_next(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    offers = WaitingOffers(database, catalogue(), clock)
    first, second, third = (join(database, clock, number) for number in range(3))
    slot = freed(bookings, database)
    offers.tick()
    assert place(database, first).status == "offered"
    offers.decline(first, PHONES[0])
    assert offers.tick() == 1
    assert place(database, second).status == "offered"
    clock.advance(2 * HOUR)
    assert offers.tick() == 2, "no answer in time: to the next, at once"
    assert place(database, third).status == "offered", "not the first again: it has refused this time"
    assert [place(database, one).status for one in (first, second)] == ["waiting", "waiting"]
    offers.decline(third, PHONES[2], is_leaving=True)
    offers.tick()
    assert (place(database, third).status, place(database, third).outcome) == ("closed", "left")
    assert [message.phone for message in messages(database)] == PHONES[:3]
    assert bookings.hold(slot, "anybody").slot_id == slot, "nobody wanted it: it is everybody's"


def test_an_answer_that_comes_too_late(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    offers = WaitingOffers(database, catalogue(), clock)
    one = join(database, clock, 0)
    slot = freed(bookings, database)
    offers.tick()
    clock.advance(2 * HOUR + 1)
    bookings.book(slot, "d5", Name(), PHONE, None, "d5/book")
    with pytest.raises(SlotTaken):
        offers.accept(one, PHONES[0], "d9", "d9/accept")
    offers.tick()
    with pytest.raises(NotFound):
        offers.accept(one, PHONES[0], "d9", "d9/accept")
    assert place(database, one).status == "waiting"
    assert_consistent(database)


def test_late_but_nobody_else_came(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    offers = WaitingOffers(database, catalogue(), clock)
    one = join(database, clock, 0)
    slot = freed(bookings, database)
    offers.tick()
    clock.advance(2 * HOUR + 1)
    assert offers.accept(one, PHONES[0], "d9", "d9/accept").slot_id == slot


def test_somebody_was_quicker_than_the_offer(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    offers = WaitingOffers(database, catalogue(), clock)
    one = join(database, clock, 0)
    slot = freed(bookings, database)
    bookings.hold(slot, "caller")
    assert offers.tick() == 1
    assert place(database, one).status == "waiting"
    assert messages(database) == []


def test_who_has_such_a_visit_is_not_asked(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    offers = WaitingOffers(database, catalogue(), clock)
    one, other = join(database, clock, 0, speciality="therapist"), join(database, clock, 1)
    clock.advance(1)
    bookings.book(slot_at(database, "boris", 14, day=25), "d7", Name("Ждан0", "Олег"), PHONES[0], None, "d7/book")
    freed(bookings, database)
    offers.tick()
    assert (place(database, one).status, place(database, one).outcome) == ("closed", "has_visit")
    offers.tick()
    assert place(database, other).status == "offered"


def test_at_night_it_waits_for_the_morning(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    offers = WaitingOffers(database, catalogue(), clock)
    one = join(database, clock, 0)
    local = clock.now().astimezone(catalogue().zone)
    clock.advance((local.replace(hour=23, minute=0) - local).total_seconds())
    freed(bookings, database, hour=11)
    assert offers.tick() == 0
    clock.advance(9 * HOUR + 59 * 60)
    assert offers.tick() == 0
    clock.advance(60)
    assert offers.tick() == 1
    assert place(database, one).status == "offered"


def test_several_processes_offer_once(bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    for number in range(4):
        join(database, clock, number)
    for hour in (9, 10, 11):
        freed(bookings, database, hour=hour)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: WaitingOffers(database, catalogue(), clock).tick(), range(4)))
    asked = messages(database)
    assert sorted(message.phone for message in asked) == PHONES[:3]
    assert len({message.values["slot_id"] for message in asked}) == 3
    with ThreadPoolExecutor(4) as threads:
        one = asked[0].values["waiting_id"]
        jobs = [
            threads.submit(WaitingOffers(database, catalogue(), clock).accept, one, asked[0].phone, f"d{n}", f"d{n}/accept")
            for n in range(4)
        ]
        errors = [job.exception() for job in jobs]
    assert [type(error) for error in errors].count(type(None)) == 1
    assert_consistent(database)


def test_days_that_passed_are_waited_for_no_more() -> None:
    local = datetime(2026, 11, 24, 12)
    yesterday, today = When(dates=(local.date() - timedelta(days=1),)), When(dates=(local.date(),))
    assert is_over(yesterday, local)
    assert not is_over(today, local)
    assert not is_over(When(), local)
    assert is_over(When(date_to=local.date() - timedelta(days=1)), local)
    assert not is_over(When(alternatives=(yesterday, today)), local)


@pytest.mark.parametrize("seed", range(3))
def test_a_week_of_everything(sqlite: Database, clock: VirtualClock, seed: int) -> None:
    """Virtual time: visits come and go, patients answer or not, two processes tick. A time has one owner at any moment."""
    rng, database = random.Random(seed), sqlite
    bookings = diary(database, clock, days=8)
    processes = [WaitingOffers(database, catalogue(), clock, Rules(most_offers=2)) for _ in range(2)]
    wishes = ({"doctor": "anna"}, {"speciality": "therapist"})
    waiting = {join(database, clock, number, **wishes[number % 2]): PHONES[number] for number in range(10)}
    visits: dict[int, str] = {}
    for turn in range(160):
        clock.advance(rng.randrange(60, 2 * 3600))
        rng.choice(processes).tick()
        deed = rng.choice(["book", "cancel", "cancel", "yes", "no", "leave", "rest"])
        try:
            if deed == "book":
                slots = bookings.find_slots(speciality="therapist", limit=8)
                if slots:
                    visit = bookings.book(rng.choice(slots).slot_id, "d", Name(f"Другой{turn}"), PHONE, None, f"b{turn}")
                    visits[visit.id] = PHONE
            elif deed == "cancel" and visits:
                one = rng.choice(sorted(visits))
                bookings.cancel(one, f"c{turn}", visits.pop(one))
            elif deed in ("yes", "no", "leave"):
                one = rng.choice(sorted(waiting))
                if deed == "yes":
                    visits[processes[0].accept(one, waiting[one], "d", f"a{turn}").id] = waiting[one]
                else:
                    processes[1].decline(one, waiting[one], is_leaving=deed == "leave")
        except ServiceFailure:
            pass
        assert_consistent(database)
        with database.session(is_readonly=True) as session:
            rows = session.scalars(select(WaitingRow)).all()
            offered = [row.slot_id for row in rows if row.status == "offered"]
            assert len(offered) == len(set(offered)), "a time is offered to one at a time"
            for row in rows:
                if row.status == "offered" and row.offer_until > clock.now():
                    slot = session.get_one(SlotRow, row.slot_id)
                    assert (slot.status, slot.held_by) == ("busy-tentative", f"waiting-{row.id}")
                assert (row.status == "closed") == bool(row.outcome)
                if row.outcome == "booked":
                    visit = session.get_one(AppointmentRow, row.appointment_id)
                    assert visit.phone == row.phone
    hours = {message.created_at.astimezone(catalogue().zone).hour for message in messages(database)}
    assert hours, "the week has offers"
    assert hours <= set(range(9, 20))
