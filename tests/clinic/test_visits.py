"""Hearing of visits, cancelling and moving them, as dialogs call it; messages and laboratory orders. On both databases."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from small_clinic import PHONE, Name, assert_consistent, catalogue, doctor, slot_at
from sqlalchemy import select

from voicebot.clinic.appointments import Appointment, Visits
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Shift
from voicebot.clinic.entries import Away, DemoOrder
from voicebot.clinic.failures import BadPhone, KeyReused, NotFound, NotIdentified, SlotTaken
from voicebot.clinic.lab_orders import LabOrder, LabOrders
from voicebot.clinic.outbox import Outbox
from voicebot.clinic.services import ClinicServices
from voicebot.clinic.setup import prepare
from voicebot.clinic.tables import AppointmentRow, MessageRow, PatientRow, SlotRow
from voicebot.clinic.visit_services import speaks_of
from voicebot.clinic.working_days import work_days
from voicebot.clock import VirtualClock
from voicebot.errors import ConfigurationError
from voicebot.russian.when import When
from voicebot.storage.database import Database

OTHER_PHONE = "+79160000002"
BORN = date(1985, 3, 25)


@pytest.fixture
def services(bookings: Bookings, clock: VirtualClock) -> ClinicServices:
    return ClinicServices(bookings, catalogue(), clock)


def book(bookings: Bookings, slot: int, key: str, name: Name | None = None, birth_date: date | None = None) -> Appointment:
    return bookings.book(slot, "d0", name or Name(), PHONE, None, key, birth_date)


def visits(services: ClinicServices, **arguments: Any) -> Visits:
    found = services.call("appointments_of", {"phone": PHONE, **arguments}, "d1", "")
    assert isinstance(found, Visits)
    return found


def test_own_number_and_surname(services: ClinicServices, bookings: Bookings, database: Database) -> None:
    first = book(bookings, slot_at(database, "anna", 10), "1")
    second = book(bookings, slot_at(database, "boris", 15), "2")
    found = visits(services, patient=Name(given=""), caller_phone=PHONE)
    assert found.entries == (first, second)
    assert found.only is None
    assert (first.speciality_id, first.birth_date) == ("therapist", None)


@pytest.mark.parametrize(
    "arguments",
    [
        {"caller_phone": PHONE},
        {"caller_phone": PHONE, "patient": Name("Чужой", "Анна")},
        {"caller_phone": PHONE, "birth_date": BORN},
        {"caller_phone": OTHER_PHONE, "patient": Name(given="")},
        {"patient": Name(given="")},
    ],
)
def test_not_the_patient(
    services: ClinicServices, bookings: Bookings, database: Database, arguments: Mapping[str, Any]
) -> None:
    book(bookings, slot_at(database, "anna", 10), "1")
    with pytest.raises(NotIdentified) as caught:
        visits(services, **arguments)
    assert caught.value.code == "not_identified"


def test_an_unknown_number_fails_alike(services: ClinicServices) -> None:
    with pytest.raises(NotIdentified):
        visits(services, patient=Name(), caller_phone=PHONE)


def test_family_on_one_number(services: ClinicServices, bookings: Bookings, database: Database) -> None:
    mother = book(bookings, slot_at(database, "anna", 10), "1", Name("Ветрова", "Анна"))
    daughter = book(bookings, slot_at(database, "anna", 11), "2", Name("Ветрова", "Зоя"), BORN)
    assert visits(services, patient=Name("Ветрова", ""), caller_phone=PHONE).entries == (mother, daughter)
    assert visits(services, patient=Name("Ветрова", "Зоя"), caller_phone=PHONE).only == daughter
    assert visits(services, birth_date=BORN, caller_phone=PHONE).only == daughter


def test_hints_narrow_but_never_hide(services: ClinicServices, bookings: Bookings, database: Database) -> None:
    first = book(bookings, slot_at(database, "anna", 10), "1")
    second = book(bookings, slot_at(database, "clara", 10, day=24), "2")
    who = {"patient": Name(), "caller_phone": PHONE}
    assert visits(services, **who, doctor="clara").only == second
    assert visits(services, **who, speciality="therapist").only == first
    assert visits(services, **who, when=When(dates=(date(2026, 11, 24),))).only == second
    assert visits(services, **who, when=When(excluded_dates=frozenset({date(2026, 11, 23)}))).only == first
    assert len(visits(services, **who, doctor="boris").entries) == 2


def test_what_a_wish_points_at() -> None:
    tuesday = datetime(2026, 11, 24, 10, tzinfo=UTC)
    assert speaks_of(When(weekdays=frozenset({1})), tuesday)
    assert speaks_of(When(excluded_weekdays=frozenset({1})), tuesday), "«во вторник не смогу» speaks of Tuesday's visit"
    assert not speaks_of(When(excluded_weekdays=frozenset({2})), tuesday)
    assert not speaks_of(When(weekdays=frozenset({2}), excluded_weekdays=frozenset({1})), tuesday)


def test_birth_date_completes_the_patient(bookings: Bookings, database: Database) -> None:
    book(bookings, slot_at(database, "anna", 10), "1")
    book(bookings, slot_at(database, "anna", 11), "2", birth_date=BORN)
    with database.session(is_readonly=True) as session:
        assert [row.birth_date for row in session.scalars(select(PatientRow))] == [BORN]


def test_cancelled_with_its_reason(services: ClinicServices, bookings: Bookings, database: Database) -> None:
    visit = book(bookings, slot_at(database, "anna", 10), "1")
    arguments = {"appointment_id": visit.id, "phone": PHONE, "reason": "ill"}
    cancelled = services.call("cancel", arguments, "d1", "d1/cancel")
    assert (cancelled.status, cancelled.reason) == ("cancelled", "ill")
    assert services.call("cancel", arguments, "d1", "d1/cancel") == cancelled
    with database.session(is_readonly=True) as session:
        assert session.get_one(SlotRow, visit.slot_id).status == "free"
    with pytest.raises(NotFound):
        services.call("cancel", {"appointment_id": visit.id, "phone": OTHER_PHONE}, "d2", "d2/cancel")
    with pytest.raises(ConfigurationError, match="phone"):
        services.call("cancel", {"appointment_id": visit.id}, "d1", "d1/again")


def test_the_old_time_is_kept_when_the_new_one_is_taken(
    services: ClinicServices, bookings: Bookings, database: Database
) -> None:
    visit = book(bookings, slot_at(database, "anna", 10), "1")
    taken = book(bookings, slot_at(database, "boris", 15), "2", Name("Чужой", "Ян"))
    with pytest.raises(SlotTaken):
        services.call("reschedule", {"appointment_id": visit.id, "slot_id": taken.slot_id, "phone": PHONE}, "d1", "d1/move")
    assert visits(services, patient=Name(), caller_phone=PHONE).only == visit
    with database.session(is_readonly=True) as session:
        assert session.get_one(SlotRow, visit.slot_id).status == "busy"
        assert [row.status for row in session.scalars(select(AppointmentRow))] == ["booked", "booked"]
    assert_consistent(database)


def test_earlier_than_offered(services: ClinicServices) -> None:
    wednesday = When(dates=(date(2026, 11, 25),))
    offered = services.call("find_slots", {"doctor": "anna", "when": wednesday, "limit": 1}, "d1", "")[0]
    assert offered.start.date() == date(2026, 11, 25)
    earlier = services.call("find_slots", {"doctor": "anna", "when": wednesday, "before": offered.start}, "d1", "")
    assert earlier, "the wish gives way when its day has nothing earlier"
    assert all(one.start < offered.start for one in earlier)
    noon = offered.start.replace(hour=11, minute=30)
    same_day = services.call("find_slots", {"doctor": "anna", "when": wednesday, "before": noon}, "d1", "")
    assert {one.start.date() for one in same_day} == {date(2026, 11, 25)}
    first = services.call("find_slots", {"doctor": "anna", "limit": 1}, "d1", "")[0]
    assert services.call("find_slots", {"doctor": "anna", "before": first.start}, "d1", "") == ()


def test_message_is_queued_once(services: ClinicServices, bookings: Bookings, database: Database) -> None:
    visit = book(bookings, slot_at(database, "anna", 10), "1")
    arguments = {"template": "visit", "phone": PHONE, "appointment": visit, "values": {"note": "x"}}
    message = services.call("queue_message", arguments, "d1", "d1/sms")
    assert services.call("queue_message", arguments, "d1", "d1/sms") == message
    with database.session(is_readonly=True) as session:
        rows = session.scalars(select(MessageRow)).all()
    assert [(row.template, row.phone, row.status, row.dialog_id) for row in rows] == [("visit", PHONE, "queued", "d1")]
    assert rows[0].values == {
        "note": "x",
        "appointment_id": visit.id,
        "start": visit.start.isoformat(),
        "doctor": "anna",
        "branch": "north",
        "service": "visit",
    }


def test_message_needs_a_phone_and_its_own_key(database: Database, clock: VirtualClock) -> None:
    outbox = Outbox(database, clock)
    outbox.put("address", PHONE, {"branch": "north"}, "d1", "d1/sms")
    with pytest.raises(KeyReused):
        outbox.put("visit", PHONE, {}, "d1", "d1/sms")
    with pytest.raises(BadPhone):
        outbox.put("address", "twelve", {}, "d1", "d1/sms2")


def test_lab_orders(services: ClinicServices, bookings: Bookings, database: Database, clock: VirtualClock) -> None:
    orders = LabOrders(database, catalogue(), clock)
    now = clock.now()
    orders.put([LabOrder("104", PHONE, BORN, "north", now - timedelta(hours=1)), LabOrder("105", OTHER_PHONE, BORN)])
    ready = services.call("order_ready", {"number": "1 0 4"}, "d1", "")
    assert (ready.is_ready, ready.branch_id) == (True, "north")
    assert services.call("order_ready", {"phone": PHONE, "birth_date": BORN}, "d1", "") == ready
    waiting = services.call("order_ready", {"number": "105"}, "d1", "")
    assert (waiting.is_ready, waiting.ready_at) == (False, None)
    orders.put([LabOrder("105", OTHER_PHONE, BORN, "", now + timedelta(hours=2))])
    assert not services.call("order_ready", {"number": "105"}, "d1", "").is_ready
    clock.advance(2 * 3600)
    assert services.call("order_ready", {"number": "105"}, "d1", "").is_ready
    for unknown in ({"number": "999"}, {"phone": PHONE}, {"phone": PHONE, "birth_date": date(1985, 3, 26)}, {}):
        with pytest.raises(NotFound):
            services.call("order_ready", unknown, "d1", "")


def test_demo_orders_are_put_in_once(database: Database, clock: VirtualClock) -> None:
    demo = DemoOrder(number="1234", phone=PHONE, birth_date=BORN, branch="north", ready_in_hours=-2)
    shown = catalogue(demo_orders=(demo,))
    for _ in range(2):
        prepare(database, shown, clock, days=1)
        clock.advance(3600)
    status = LabOrders(database, shown, clock).status("1234", None, None)
    assert status.is_ready
    assert status.ready_at == datetime(2026, 11, 23, 3, tzinfo=UTC), "the first start counts"


def test_doctors_hours(clock: VirtualClock) -> None:
    known = catalogue(
        doctor(
            "anna",
            "therapist",
            Shift(branch="north", days="mon,wed", hours="09:00-12:00"),
            Shift(branch="south", days="wed", hours="14:00-16:00"),
            away=(Away(first=date(2026, 11, 30), last=date(2026, 12, 1)),),
        )
    )
    found = work_days(known, "anna", clock.now())
    assert [(day.day.day, day.branch_id, day.start.hour, day.end.hour) for day in found.days] == [
        (23, "north", 9, 12),
        (25, "north", 9, 12),
        (25, "south", 14, 16),
    ]
    assert (found.first, found.second, found.third) == found.days
    friday = work_days(known, "anna", clock.now(), When(weekdays=frozenset({4})))
    assert not friday.is_as_wished
    assert friday.days == found.days
    monday = work_days(known, "anna", clock.now(), When(dates=(date(2026, 11, 30), date(2026, 12, 7))))
    assert [day.day for day in monday.days] == [date(2026, 12, 7)], "on 30 November she is away"
    south = work_days(known, "anna", clock.now(), branch="south")
    assert south.is_there
    assert {day.branch_id for day in south.days} == {"south"}
    assert not work_days(known, "anna", clock.now(), branch="west").is_there
    clock.advance(5 * 3600)  # 13:00: today's hours are over
    assert work_days(known, "anna", clock.now()).days[0].day == date(2026, 11, 25)
    with pytest.raises(NotFound):
        work_days(known, "absent", clock.now())
