"""The clinic as a dialplan sees it: named services with typed arguments.

`SERVICES` is what dialplans are checked against when they are loaded; `ClinicServices.call` carries one out. Each room
brings its own: a mapping of names to arguments, and a class whose `calls` carry them out.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import structlog
from pydantic import ValidationError

from voicebot.clinic.arguments import Arguments, Calls
from voicebot.clinic.booking_services import BOOKING_SERVICES, BookingServices
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import ServiceFailure, Unavailable
from voicebot.clinic.knowledge import KNOWLEDGE_SERVICES, KnowledgeServices
from voicebot.clinic.pin_services import PIN_SERVICES, PinServices
from voicebot.clinic.pins import PinLimits
from voicebot.clinic.reminder_services import REMINDER_SERVICES, ReminderServices
from voicebot.clinic.visit_services import VISIT_SERVICES, VisitServices
from voicebot.clinic.waiting_services import WAITING_SERVICES, WaitingServices
from voicebot.clock import Clock
from voicebot.errors import ConfigurationError, StorageError

log = structlog.get_logger(__name__)

SERVICES: Mapping[str, type[Arguments]] = {
    **BOOKING_SERVICES,
    **VISIT_SERVICES,
    **REMINDER_SERVICES,
    **WAITING_SERVICES,
    **KNOWLEDGE_SERVICES,
    **PIN_SERVICES,
}


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

    def __init__(self, bookings: Bookings, catalogue: Catalogue, clock: Clock, pins: PinLimits | None = None) -> None:
        self._clock = clock
        self._calls: Calls = {
            **BookingServices(bookings, catalogue, clock).calls,
            **VisitServices(bookings, catalogue, clock).calls,
            **ReminderServices(bookings, catalogue, clock).calls,
            **WaitingServices(bookings, catalogue, clock).calls,
            **KnowledgeServices(catalogue, clock).calls,
            **PinServices(bookings, clock, pins).calls,
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
