"""A clinic small enough to count: two therapists, one dentist, two branches, half-hour slots."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise

from sqlalchemy import func, select

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Branch, Catalogue, ClinicInfo, Doctor, Service, Shift, Speciality
from voicebot.clinic.setup import prepare
from voicebot.clinic.tables import AppointmentRow, OccupiedRow, SlotRow
from voicebot.clock import Clock, VirtualClock
from voicebot.storage.database import Database

MONDAY = date(2026, 11, 23)
PHONE = "+79160000001"


@dataclass(frozen=True)
class Name:
    surname: str = "Ветрова"
    given: str = "Анна"
    patronymic: str = ""


def branch(identifier: str) -> Branch:
    return Branch(id=identifier, name=identifier, spoken="фили+ал", address="дом 1", spoken_address="дом од+ин")


def doctor(identifier: str, speciality: str, *shifts: Shift, slot_minutes: int = 30, **more: object) -> Doctor:
    return Doctor(
        id=identifier,
        surname="Петров",
        given="Иван",
        gender="male",
        spoken="Петр+ов Ив+ан",
        specialities=(speciality,),
        slot_minutes=slot_minutes,
        schedule=shifts,
        **more,
    )


def catalogue(*doctors: Doctor, zone: str = "Europe/Moscow", **info: object) -> Catalogue:
    if not doctors:
        doctors = (
            doctor("anna", "therapist", Shift(branch="north", days="mon-fri", hours="09:00-12:00")),
            doctor("boris", "therapist", Shift(branch="south", days="mon-fri", hours="14:00-16:00")),
            doctor("clara", "dentist", Shift(branch="north", days="mon-fri", hours="09:00-12:00, 13:00-14:00")),
        )
    services = (
        Service(id="visit", title="приём", specialities=("therapist",), duration_minutes=30, price_rub=1000, is_visit=True),
        Service(id="look", title="осмотр", specialities=("dentist",), duration_minutes=30, price_rub=500, is_visit=True),
        Service(id="filling", title="пломба", specialities=("dentist",), duration_minutes=60, price_rub=5000),
        Service(id="shot", title="укол", specialities=("therapist",), branches=("south",), duration_minutes=10, price_rub=300),
    )
    return Catalogue(
        clinic=ClinicInfo(name="Клиника", spoken="кл+иника", zone=zone, **info),
        branches={name: branch(name) for name in ("north", "south")},
        specialities={
            name: Speciality(id=name, title=title) for name, title in (("therapist", "терапевт"), ("dentist", "стоматолог"))
        },
        doctors={entry.id: entry for entry in doctors},
        services={entry.id: entry for entry in services},
    )


def clock() -> VirtualClock:
    """Monday, 08:00 in Moscow."""
    return VirtualClock(datetime(2026, 11, 23, 5, 0, tzinfo=UTC))


def diary(database: Database, at: Clock, days: int = 5) -> Bookings:
    known = catalogue()
    prepare(database, known, at, days=days)
    return Bookings(database, known, at)


def slot_at(database: Database, doctor_id: str, hour: int, minute: int = 0, day: int = 23) -> int:
    """The ID of the slot at a Moscow time in November 2026."""
    start = datetime(2026, 11, day, hour - 3, minute, tzinfo=UTC)
    with database.session(is_readonly=True) as session:
        return session.scalars(select(SlotRow.id).where(SlotRow.doctor_id == doctor_id, SlotRow.start == start)).one()


def assert_consistent(database: Database) -> None:
    """What must hold whatever happened: no overlap, and slots, appointments and occupied time tell the same."""
    with database.session(is_readonly=True) as session:
        live = session.scalars(
            select(AppointmentRow)
            .where(AppointmentRow.status == "booked")
            .order_by(AppointmentRow.doctor_id, AppointmentRow.start)
        ).all()
        for first, second in pairwise(live):
            if first.doctor_id == second.doctor_id:
                assert (second.start - first.start).total_seconds() / 60 >= first.duration_minutes
        slots = {row.id: row for row in session.scalars(select(SlotRow))}
        for appointment in live:
            taken = [row for row in slots.values() if row.appointment_id == appointment.id]
            assert sum(row.duration_minutes for row in taken) == appointment.duration_minutes
            assert {row.status for row in taken} == {"busy"}
            assert appointment.slot_id in {row.id for row in taken}
        assert {row.appointment_id for row in slots.values()} - {None} == {appointment.id for appointment in live}
        cells = session.scalar(select(func.count()).select_from(OccupiedRow))
        assert cells == sum(appointment.duration_minutes for appointment in live) // 5
        for row in slots.values():
            assert (row.status == "busy-tentative") == (row.held_by is not None)
