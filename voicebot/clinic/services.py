"""The clinic as a dialplan sees it: named services with typed arguments.

`SERVICES` is what dialplans are checked against when they are loaded; `ClinicServices.call` carries one out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from voicebot.clinic.bookings import Appointment, Bookings, Hold
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import NotFound, ServiceFailure, Unavailable
from voicebot.clinic.offers import Offer
from voicebot.clock import Clock
from voicebot.errors import ConfigurationError, StorageError

log = structlog.get_logger(__name__)


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class FindSlots(_Arguments):
    """Free times; all wishes may be left open. Returns a tuple of Offer, perhaps empty."""

    speciality: str | None = None
    service: str | None = None
    doctor: str | None = None
    branch: str | None = None
    when: Any = Field(None, description="a wish: anything with allows(local time)")
    limit: int = Field(3, ge=1, le=30)
    not_before: datetime | None = None


class HoldSlot(_Arguments):
    """Keep a time while it is confirmed. Returns Hold."""

    slot_id: int
    seconds: float = Field(180, gt=0, le=900)
    service: str | None = None


class ReleaseSlot(_Arguments):
    """Give back what this dialog holds. Returns how many slots became free."""

    slot_id: int | None = None


class BookSlot(_Arguments):
    """Book a time. `patient` has surname, given, patronymic. Returns Appointment."""

    slot_id: int
    patient: Any
    phone: str
    service: str | None = None


class CancelAppointment(_Arguments):
    """Cancel; with `phone` only that caller's. Returns the cancelled Appointment."""

    appointment_id: int
    phone: str | None = None


class RescheduleAppointment(_Arguments):
    """Move to another slot. Returns the new Appointment."""

    appointment_id: int
    slot_id: int
    phone: str | None = None


class AppointmentsOf(_Arguments):
    """Coming appointments of a phone number. Returns a tuple of Appointment."""

    phone: str


class PriceOf(_Arguments):
    """The price of a service, or of a visit to a speciality or doctor. Returns Price."""

    service: str | None = None
    speciality: str | None = None
    doctor: str | None = None


class AddressOf(_Arguments):
    """Where a branch is; without one: all branches. Returns a tuple of Address."""

    branch: str | None = None


SERVICES: Mapping[str, type[BaseModel]] = {
    "find_slots": FindSlots,
    "hold": HoldSlot,
    "release": ReleaseSlot,
    "book": BookSlot,
    "cancel": CancelAppointment,
    "reschedule": RescheduleAppointment,
    "appointments_of": AppointmentsOf,
    "price_of": PriceOf,
    "address_of": AddressOf,
}


@dataclass(frozen=True, slots=True)
class Price:
    """What a service costs and how to prepare; `title` and `preparation` may carry stress marks."""

    service_id: str
    title: str
    price_rub: int
    duration_minutes: int
    preparation: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A branch in spoken words, with stress marks."""

    branch_id: str
    title: str
    address: str
    directions: str
    hours: str


def check_call(service: str, arguments: Mapping[str, Any] | frozenset[str]) -> None:
    """Raise ConfigurationError if there is no such service or it does not take these arguments (names only)."""
    model = SERVICES.get(service)
    if model is None:
        raise ConfigurationError(f"There is no service {service!r}.", _nearest(service, SERVICES))
    for name in arguments:
        if name not in model.model_fields:
            raise ConfigurationError(f"{service} takes no argument {name!r}.", _nearest(name, model.model_fields))
    for name, field in model.model_fields.items():
        if field.is_required() and name not in arguments:
            raise ConfigurationError(f"{service} needs the argument {name!r}.", "Add it.")


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known: {', '.join(known)}."


class ClinicServices:
    """Carries services out. Blocking: call it from a thread of its own."""

    def __init__(self, bookings: Bookings, catalogue: Catalogue, clock: Clock) -> None:
        self._bookings = bookings
        self._catalogue = catalogue
        self._clock = clock
        self._calls: Mapping[str, Callable[[Any, str, str], Any]] = {
            "find_slots": self._find_slots,
            "hold": self._hold,
            "release": self._release,
            "book": self._book,
            "cancel": self._cancel,
            "reschedule": self._reschedule,
            "appointments_of": self._appointments_of,
            "price_of": self._price_of,
            "address_of": self._address_of,
        }

    def call(self, name: str, arguments: Mapping[str, Any], dialog_id: str, key: str) -> Any:
        """Carry a service out. Raises ServiceFailure (its `code` is for the dialplan), ConfigurationError for a wrong call.

        `key` is the idempotency key of the step; services that change nothing ignore it.
        """
        check_call(name, arguments)
        try:
            checked = SERVICES[name].model_validate(dict(arguments))
        except ValidationError as error:
            wrong = ", ".join(".".join(str(part) for part in e["loc"]) for e in error.errors(include_input=False))
            # The values stay out of the message: they may be personal.
            raise ConfigurationError(f"{name} was called with unfit values for: {wrong}.", "Correct the dialplan.") from None
        started = self._clock.monotonic_seconds()
        try:
            return self._calls[name](checked, dialog_id, key)
        except StorageError as error:
            log.error("clinic_unavailable", service=name, dialog_id=dialog_id, reason=error.message, cure=error.cure)
            raise Unavailable from error
        except ServiceFailure as failure:
            log.info("clinic_refused", service=name, dialog_id=dialog_id, code=failure.code)
            raise
        finally:
            seconds = self._clock.monotonic_seconds() - started
            log.debug("clinic_called", service=name, dialog_id=dialog_id, seconds=round(seconds, 3))

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

    def _price_of(self, asked: PriceOf, _dialog_id: str, _key: str) -> Price:
        catalogue = self._catalogue
        try:
            if asked.service is not None:
                service = catalogue.services[asked.service]
            else:
                found = (
                    catalogue.default_service(catalogue.doctors[asked.doctor], asked.speciality)
                    if asked.doctor is not None
                    else catalogue.visit_of(asked.speciality or "")
                )
                if found is None:
                    raise NotFound
                service = found
        except KeyError:
            raise NotFound from None
        return Price(
            service.id, service.spoken or service.title, service.price_rub, service.duration_minutes, service.preparation
        )

    def _address_of(self, asked: AddressOf, _dialog_id: str, _key: str) -> tuple[Address, ...]:
        branches = self._catalogue.branches
        if asked.branch is not None and asked.branch not in branches:
            raise NotFound("No such branch.")
        wanted = branches.values() if asked.branch is None else [branches[asked.branch]]
        return tuple(Address(b.id, b.spoken, b.spoken_address, b.directions, b.spoken_hours) for b in wanted)
