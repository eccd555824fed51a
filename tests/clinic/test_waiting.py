"""The waiting list: a cancelled or moved visit finds who waits for such a time. On SQLite and PostgreSQL."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from small_clinic import PHONE, Name, assert_consistent, catalogue, slot_at

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.failures import BadPhone, KeyReused, NotFound
from voicebot.clinic.setup import prepare
from voicebot.clinic.waiting import Waiting, WaitingList
from voicebot.clock import VirtualClock
from voicebot.russian.when import When
from voicebot.storage.database import Database

OTHER_PHONE = "+79160000002"


@pytest.fixture
def waiting(bookings: Bookings, database: Database, clock: VirtualClock) -> WaitingList:
    return WaitingList(database, catalogue(), clock)


def join(waiting: WaitingList, key: str, when: When | None = None, **wish: str) -> Waiting:
    return waiting.join(key.partition("/")[0], key, Name("Ждан", "Олег"), OTHER_PHONE, when=when, **wish)


def book(bookings: Bookings, slot: int, key: str = "d1/book", service: str | None = None) -> int:
    return bookings.book(slot, key.partition("/")[0], Name(), PHONE, service, key).id


def test_joining(waiting: WaitingList) -> None:
    wish = When(dates=(date(2026, 11, 24),), time_from=time(10))
    joined = join(waiting, "w1/join", wish, speciality="therapist")
    assert (joined.status, joined.surname, joined.speciality_id, joined.wish) == ("waiting", "Ждан", "therapist", wish)
    assert join(waiting, "w1/join", wish, speciality="therapist") == joined, "the same step again"
    assert waiting.to_offer() == ()


@pytest.mark.parametrize(
    ("wish", "failure"),
    [({}, NotFound), ({"doctor": "absent"}, NotFound), ({"speciality": "dentist", "branch": "absent"}, NotFound)],
)
def test_nothing_to_wait_for(waiting: WaitingList, wish: dict[str, str], failure: type[Exception]) -> None:
    with pytest.raises(failure):
        join(waiting, "w1/join", **wish)


def test_key_of_another_dialog_and_bad_phone(waiting: WaitingList) -> None:
    join(waiting, "w1/join", doctor="anna")
    with pytest.raises(KeyReused):
        waiting.join("w2", "w1/join", Name(), OTHER_PHONE, doctor="anna")
    with pytest.raises(BadPhone):
        waiting.join("w2", "w2/join", Name(), "12", doctor="anna")


def test_cancelling_finds_the_longest_waiting(
    bookings: Bookings, waiting: WaitingList, database: Database, clock: VirtualClock
) -> None:
    slot = slot_at(database, "anna", 10)
    visit = book(bookings, slot)
    first = join(waiting, "w1/join", speciality="therapist")
    clock.advance(60)
    second = join(waiting, "w2/join", doctor="anna")
    bookings.cancel(visit, "d1/cancel", PHONE)
    found = waiting.to_offer()
    assert [one.id for one in found] == [first.id], "one slot is given to one of them"
    assert found[0].slot_id == slot
    assert found[0].found == datetime(2026, 11, 23, 7, tzinfo=UTC)
    again = book(bookings, slot, "d2/book")
    bookings.cancel(again, "d2/cancel", PHONE)
    assert [one.id for one in waiting.to_offer()] == [first.id, second.id]
    assert_consistent(database)


@pytest.mark.parametrize(
    ("wish", "when"),
    [
        ({"doctor": "boris"}, None),
        ({"speciality": "dentist"}, None),
        ({"speciality": "therapist", "branch": "south"}, None),
        ({"doctor": "anna"}, When(dates=(date(2026, 11, 24),))),
        ({"doctor": "anna"}, When(time_from=time(11))),
        ({"service": "filling"}, None),
    ],
)
def test_other_wishes_wait_on(
    bookings: Bookings, waiting: WaitingList, database: Database, wish: dict[str, str], when: When | None
) -> None:
    visit = book(bookings, slot_at(database, "anna", 10))
    join(waiting, "w1/join", when, **wish)
    bookings.cancel(visit, "d1/cancel", PHONE)
    assert waiting.to_offer() == ()


def test_a_long_service_needs_enough_time(bookings: Bookings, waiting: WaitingList, database: Database) -> None:
    short = book(bookings, slot_at(database, "clara", 10))
    long = book(bookings, slot_at(database, "clara", 11), "d2/book", "filling")
    book(bookings, slot_at(database, "clara", 10, 30), "d3/book")
    join(waiting, "w1/join", service="filling")
    bookings.cancel(short, "d1/cancel", PHONE)
    assert waiting.to_offer() == (), "half an hour between two visits is no hour"
    bookings.cancel(long, "d2/cancel", PHONE)
    assert [one.slot_id for one in waiting.to_offer()] == [slot_at(database, "clara", 11)]


def test_a_day_that_opens_finds_who_waits_for_it(
    bookings: Bookings, waiting: WaitingList, database: Database, clock: VirtualClock
) -> None:
    far = bookings.open_until() + timedelta(days=3)  # the Monday after the Friday
    joined = join(waiting, "w1/join", When(dates=(far,)), doctor="anna")
    prepare(database, catalogue(), clock, days=5)
    assert waiting.to_offer() == ()
    prepare(database, catalogue(), clock, days=8)
    (found,) = waiting.to_offer()
    assert (found.id, found.found.date()) == (joined.id, far)


def test_moving_frees_the_old_time(bookings: Bookings, waiting: WaitingList, database: Database) -> None:
    old, new = slot_at(database, "anna", 10), slot_at(database, "anna", 9, 30, day=24)
    visit = book(bookings, old)
    join(waiting, "w1/join", When(dates=(date(2026, 11, 23),)), doctor="anna")
    bookings.reschedule(visit, new, "d1/move", "d1", PHONE)
    assert [one.slot_id for one in waiting.to_offer()] == [old]


def test_too_near_to_be_told(bookings: Bookings, waiting: WaitingList, database: Database, clock: VirtualClock) -> None:
    visit = book(bookings, slot_at(database, "anna", 9))
    join(waiting, "w1/join", doctor="anna")
    clock.advance(50 * 60)
    bookings.cancel(visit, "d1/cancel", PHONE)
    assert waiting.to_offer() == (), "nobody gets there in ten minutes"
