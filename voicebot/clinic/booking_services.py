"""Services around visits: free times, holding, booking, cancelling, moving."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import Field

from voicebot.clinic.arguments import Arguments, Calls
from voicebot.clinic.bookings import Appointment, Bookings, Hold
from voicebot.clinic.offers import Offer


class FindSlots(Arguments):
    """Free times; all wishes may be left open. Returns a tuple of Offer, perhaps empty."""

    speciality: str | None = None
    service: str | None = None
    doctor: str | None = None
    branch: str | None = None
    when: Any = Field(None, description="a wish: anything with allows(local time)")
    limit: int = Field(3, ge=1, le=30)
    not_before: datetime | None = None


class HoldSlot(Arguments):
    """Keep a time while it is confirmed. Returns Hold."""

    slot_id: int
    seconds: float = Field(180, gt=0, le=900)
    service: str | None = None


class ReleaseSlot(Arguments):
    """Give back what this dialog holds. Returns how many slots became free."""

    slot_id: int | None = None


class BookSlot(Arguments):
    """Book a time. `patient` has surname, given, patronymic. Returns Appointment."""

    slot_id: int
    patient: Any
    phone: str
    service: str | None = None


class CancelAppointment(Arguments):
    """Cancel; with `phone` only that caller's. Returns the cancelled Appointment."""

    appointment_id: int
    phone: str | None = None


class RescheduleAppointment(Arguments):
    """Move to another slot. Returns the new Appointment."""

    appointment_id: int
    slot_id: int
    phone: str | None = None


class AppointmentsOf(Arguments):
    """Coming appointments of a phone number. Returns a tuple of Appointment."""

    phone: str


BOOKING_SERVICES: Mapping[str, type[Arguments]] = {
    "find_slots": FindSlots,
    "hold": HoldSlot,
    "release": ReleaseSlot,
    "book": BookSlot,
    "cancel": CancelAppointment,
    "reschedule": RescheduleAppointment,
    "appointments_of": AppointmentsOf,
}


class BookingServices:
    """Carries out what changes or reads the diary."""

    def __init__(self, bookings: Bookings) -> None:
        self._bookings = bookings
        self.calls: Calls = {
            "find_slots": self._find_slots,
            "hold": self._hold,
            "release": self._release,
            "book": self._book,
            "cancel": self._cancel,
            "reschedule": self._reschedule,
            "appointments_of": self._appointments_of,
        }

    def _find_slots(self, asked: FindSlots, dialog_id: str, _key: str) -> tuple[Offer, ...]:
        return self._bookings.find_slots(
            speciality=asked.speciality,
            service=asked.service,
            doctor=asked.doctor,
            branch=asked.branch,
            when=asked.when,
            limit=asked.limit,
            not_before=asked.not_before,
            dialog_id=dialog_id,
        )

    def _hold(self, asked: HoldSlot, dialog_id: str, _key: str) -> Hold:
        return self._bookings.hold(asked.slot_id, dialog_id, asked.seconds, asked.service)

    def _release(self, asked: ReleaseSlot, dialog_id: str, _key: str) -> int:
        return self._bookings.release(dialog_id, asked.slot_id)

    def _book(self, asked: BookSlot, dialog_id: str, key: str) -> Appointment:
        return self._bookings.book(asked.slot_id, dialog_id, asked.patient, asked.phone, asked.service, key)

    def _cancel(self, asked: CancelAppointment, _dialog_id: str, key: str) -> Appointment:
        return self._bookings.cancel(asked.appointment_id, key, asked.phone)

    def _reschedule(self, asked: RescheduleAppointment, dialog_id: str, key: str) -> Appointment:
        return self._bookings.reschedule(asked.appointment_id, asked.slot_id, key, dialog_id, asked.phone)

    def _appointments_of(self, asked: AppointmentsOf, _dialog_id: str, _key: str) -> tuple[Appointment, ...]:
        return self._bookings.appointments_of(asked.phone)
