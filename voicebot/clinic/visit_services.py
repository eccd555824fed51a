"""Services around visits that exist already: hearing of them, cancelling, moving; doctors' hours, messages, lab orders."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from pydantic import Field

from voicebot.clinic.appointments import Appointment, LastDoctor, Visits
from voicebot.clinic.arguments import Arguments, Calls
from voicebot.clinic.attempts import Attempts
from voicebot.clinic.bookings import Bookings, e164
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import NotIdentified
from voicebot.clinic.lab_orders import LabOrders, OrderStatus
from voicebot.clinic.outbox import Message, Outbox
from voicebot.clinic.working_days import WorkDays, work_days
from voicebot.clock import Clock
from voicebot.russian.phones import parse_phone_digits
from voicebot.russian.when import When


class AppointmentsOf(Arguments):
    """Coming visits of who proves to be the patient: Visits, perhaps none; else `not_identified`.

    `caller_phone` is the number the call comes from; it proves more than a number that is only dictated. `when`, `doctor`,
    `speciality`, `branch` tell which of the visits is meant; where none fits, all are returned.
    """

    phone: str
    patient: Any = Field(None, description="surname, given, patronymic")
    birth_date: date | None = None
    caller_phone: str | None = None
    when: Any = None
    doctor: str | None = None
    speciality: str | None = None
    branch: str | None = None


class LastDoctorOf(Arguments):
    """Whom the patient saw last, or is to see ("к тому же врачу"). Returns LastDoctor; `not_identified` as above."""

    phone: str
    patient: Any = Field(None, description="surname, given, patronymic")
    birth_date: date | None = None
    caller_phone: str | None = None


class CancelAppointment(Arguments):
    """Cancel a visit of that phone number. Returns the cancelled Appointment."""

    appointment_id: int
    phone: str
    reason: str | None = Field(None, max_length=32)


class RescheduleAppointment(Arguments):
    """Move a visit of that phone number to another slot: both change or neither. Returns the new Appointment."""

    appointment_id: int
    slot_id: int
    phone: str


class DoctorHours(Arguments):
    """When a doctor works, free or not. Returns WorkDays."""

    doctor: str
    when: Any = None
    branch: str | None = None
    limit: int = Field(3, ge=1, le=10)


class QueueMessage(Arguments):
    """Have a message sent. The template's values are the IDs given here. Returns Message."""

    template: str = Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)
    phone: str
    caller_phone: str | None = Field(None, description="a message to it may tell what was asked for")
    appointment: Any = Field(None, description="Appointment")
    branch: str | None = None
    doctor: str | None = None
    service: str | None = None
    test: str | None = None
    values: Mapping[str, Any] | None = None


class OrderReady(Arguments):
    """Whether a laboratory order is ready: by its number, or by phone and birth date. Returns OrderStatus."""

    number: str | None = None
    phone: str | None = None
    birth_date: date | None = None
    caller_phone: str | None = None


VISIT_SERVICES: Mapping[str, type[Arguments]] = {
    "appointments_of": AppointmentsOf,
    "last_doctor": LastDoctorOf,
    "cancel": CancelAppointment,
    "reschedule": RescheduleAppointment,
    "doctor_hours": DoctorHours,
    "queue_message": QueueMessage,
    "order_ready": OrderReady,
}


class VisitServices:
    """Carries out what concerns visits that exist."""

    def __init__(self, bookings: Bookings, catalogue: Catalogue, clock: Clock) -> None:
        self._bookings = bookings
        self._catalogue = catalogue
        self._clock = clock
        self._outbox = Outbox(bookings.database, clock)
        self._orders = LabOrders(bookings.database, catalogue, clock)
        self._attempts = Attempts(bookings.database, clock)
        self.calls: Calls = {
            "appointments_of": self._appointments_of,
            "last_doctor": self._last_doctor,
            "cancel": self._cancel,
            "reschedule": self._reschedule,
            "doctor_hours": self._doctor_hours,
            "queue_message": self._queue_message,
            "order_ready": self._order_ready,
        }

    def _appointments_of(self, asked: AppointmentsOf, _dialog_id: str, _key: str) -> Visits:
        if asked.patient is None and asked.birth_date is None:
            raise NotIdentified
        is_own = _is_own_number(asked)
        found = self._attempts.guard(
            (asked.phone, asked.caller_phone),
            lambda: self._bookings.appointments_of_patient(asked.phone, asked.patient, asked.birth_date, is_own_number=is_own),
        )
        return Visits(narrowed(found, _hints(asked)))

    def _last_doctor(self, asked: LastDoctorOf, _dialog_id: str, _key: str) -> LastDoctor:
        if asked.patient is None and asked.birth_date is None:
            raise NotIdentified
        is_own = _is_own_number(asked)
        return LastDoctor(
            self._attempts.guard(
                (asked.phone, asked.caller_phone),
                lambda: self._bookings.last_doctor(asked.phone, asked.patient, asked.birth_date, is_own_number=is_own),
            )
        )

    def _cancel(self, asked: CancelAppointment, _dialog_id: str, key: str) -> Appointment:
        return self._bookings.cancel(asked.appointment_id, key, asked.phone, asked.reason or "")

    def _reschedule(self, asked: RescheduleAppointment, dialog_id: str, key: str) -> Appointment:
        return self._bookings.reschedule(asked.appointment_id, asked.slot_id, key, dialog_id, asked.phone)

    def _doctor_hours(self, asked: DoctorHours, _dialog_id: str, _key: str) -> WorkDays:
        return work_days(self._catalogue, asked.doctor, self._clock.now(), asked.when, asked.limit, asked.branch)

    def _queue_message(self, asked: QueueMessage, dialog_id: str, key: str) -> Message:
        number = parse_phone_digits(asked.phone)
        is_own = number is not None and number == parse_phone_digits(asked.caller_phone or "")
        values = {
            **(asked.values or {}),
            **({"is_own_number": True} if is_own else {}),
            **_of_appointment(asked.appointment),
            **{name: value for name in ("branch", "doctor", "service", "test") if (value := getattr(asked, name)) is not None},
        }
        return self._outbox.put(asked.template, asked.phone, values, dialog_id, key)

    def _order_ready(self, asked: OrderReady, _dialog_id: str, _key: str) -> OrderStatus:
        return self._attempts.guard(
            (asked.phone, asked.caller_phone, asked.number),
            lambda: self._orders.status(asked.number, asked.phone, asked.birth_date),
        )


def _is_own_number(asked: AppointmentsOf | LastDoctorOf) -> bool:
    return asked.caller_phone is not None and e164(asked.caller_phone) == e164(asked.phone)


Fits = Callable[[Appointment], bool]


def narrowed(found: tuple[Appointment, ...], hints: tuple[Fits, ...]) -> tuple[Appointment, ...]:
    """Return the visits that all hints point at; where there is no such visit, all of them: the hint was misheard."""
    fitting = tuple(one for one in found if all(fits(one) for fits in hints))
    return fitting or found


def _hints(asked: AppointmentsOf) -> tuple[Fits, ...]:
    hints: list[Fits] = []
    if asked.when is not None:
        hints.append(lambda one: speaks_of(asked.when, one.start))
    for attribute, wanted in (
        ("doctor_id", asked.doctor),
        ("speciality_id", asked.speciality),
        ("branch_id", asked.branch),
    ):
        if wanted is not None:
            hints.append(lambda one, attribute=attribute, wanted=wanted: getattr(one, attribute) == wanted)  # type: ignore[misc]
    return tuple(hints)


def speaks_of(when: When, at: datetime) -> bool:
    """Whether a wish points at a visit: "в пятницу" does, and so does "не смогу завтра", which only excludes the day."""
    if (when.excluded_dates or when.excluded_weekdays) and not (when.dates or when.weekdays or when.date_from or when.date_to):
        return at.date() in when.excluded_dates or at.weekday() in when.excluded_weekdays
    return when.allows(at)


def _of_appointment(appointment: Any) -> dict[str, Any]:
    """What a template needs of a visit, as JSON."""
    if appointment is None:
        return {}
    start: datetime = appointment.start
    return {
        "appointment_id": appointment.id,
        "start": start.isoformat(),
        "doctor": appointment.doctor_id,
        "branch": appointment.branch_id,
        "service": appointment.service_id,
    }
