"""Services of a reminder: which visit it is about, that the patient comes, that nobody is to be bothered there again."""

import contextlib
from collections.abc import Mapping
from typing import Literal

import structlog
from pydantic import Field
from sqlalchemy.orm import Session

from voicebot.clinic.appointments import Appointment, Visits
from voicebot.clinic.arguments import Arguments, Calls
from voicebot.clinic.bookings import Bookings, e164
from voicebot.clinic.contact_points import BY_NUMBER, ContactPoints
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import AppointmentClosed, NotFound
from voicebot.clinic.ledger import Ledger
from voicebot.clock import Clock

log = structlog.get_logger(__name__)

#: What a channel of a conversation is called among the contact points, where the names differ.
_SYSTEMS: Mapping[str, str] = {"phone": "call"}


class RemindedVisit(Arguments):
    """The coming visit that a reminder is about. Returns Appointment; `not_found`, `appointment_closed`."""

    appointment_id: int
    phone: str = Field(description="whom the reminder went to; a visit of another number is not told")


class ConfirmVisit(Arguments):
    """The patient says that he comes. Returns Appointment; `not_found`, `appointment_closed`."""

    appointment_id: int
    phone: str


class RemindedVisits(Arguments):
    """The coming visits that one reminder is about, without those that are off meanwhile. Returns Visits; `not_found`."""

    appointment_ids: list[int] = Field(max_length=20)
    phone: str


class ConfirmVisits(RemindedVisits):
    """They all come. Returns Visits; `not_found`."""


class StopContacting(Arguments):
    """No reminders there any more: the owner of the number or chat does not want them, or is not the patient.

    `refused` closes the channel that it was said in; `wrong_number` all that reach whoever has this number.
    Returns how many addresses that were.
    """

    phone: str
    channel: str
    reason: Literal["refused", "wrong_number"]


REMINDER_SERVICES: Mapping[str, type[Arguments]] = {
    "reminded_visit": RemindedVisit,
    "confirm_visit": ConfirmVisit,
    "reminded_visits": RemindedVisits,
    "confirm_visits": ConfirmVisits,
    "stop_contacting": StopContacting,
}


class ReminderServices:
    """Carries out what an answer to a reminder asks for."""

    def __init__(self, bookings: Bookings, catalogue: Catalogue, clock: Clock) -> None:
        self._database = bookings.database
        self._ledger = Ledger(catalogue)
        self._clock = clock
        self._points = ContactPoints(bookings.database, clock)
        self.calls: Calls = {
            "reminded_visit": self._reminded_visit,
            "confirm_visit": self._confirm_visit,
            "reminded_visits": self._reminded_visits,
            "confirm_visits": self._confirm_visits,
            "stop_contacting": self._stop_contacting,
        }

    def _reminded_visit(self, asked: RemindedVisit, _dialog_id: str, _key: str) -> Appointment:
        return self._open(asked.appointment_id, asked.phone, is_confirmed=False)

    def _confirm_visit(self, asked: ConfirmVisit, dialog_id: str, _key: str) -> Appointment:
        visit = self._open(asked.appointment_id, asked.phone, is_confirmed=True)
        log.info("visit_confirmed", appointment_id=visit.id, dialog_id=dialog_id)
        return visit

    def _reminded_visits(self, asked: RemindedVisits, _dialog_id: str, _key: str) -> Visits:
        return self._all_open(asked, is_confirmed=False)

    def _confirm_visits(self, asked: RemindedVisits, dialog_id: str, _key: str) -> Visits:
        visits = self._all_open(asked, is_confirmed=True)
        log.info("visits_confirmed", count=len(visits.entries), dialog_id=dialog_id)
        return visits

    def _all_open(self, asked: RemindedVisits, *, is_confirmed: bool) -> Visits:
        found = []
        for one in asked.appointment_ids:
            with contextlib.suppress(NotFound, AppointmentClosed):  # cancelled or moved since
                found.append(self._open(one, asked.phone, is_confirmed=is_confirmed))
        if not found:
            raise NotFound("None of these visits is ahead.")
        return Visits(tuple(sorted(found, key=lambda visit: (visit.start, visit.id))))

    def _open(self, appointment_id: int, phone: str, *, is_confirmed: bool) -> Appointment:
        """The coming visit of that number; confirmed, when it is: the first time counts, so saying it twice is no harm."""
        number = e164(phone)

        def work(session: Session) -> Appointment:
            now = self._clock.now()
            row = self._ledger.open_row(session, appointment_id, number, now)
            if is_confirmed:
                row.confirmed_at = row.confirmed_at or now
            return self._ledger.read(session, appointment_id)

        return self._database.run(work)

    def _stop_contacting(self, asked: StopContacting, dialog_id: str, _key: str) -> int:
        number = e164(asked.phone)
        system = _SYSTEMS.get(asked.channel, asked.channel)
        systems = sorted(BY_NUMBER) if asked.reason == "wrong_number" else [system]
        addresses = [(one, number) for one in systems if one in BY_NUMBER]
        addresses += [(point.system, point.value) for point in self._points.of(number) if point.system == system != "call"]
        for one, value in dict.fromkeys(addresses):
            self._points.withdraw(number, one, value, source=dialog_id)
        return len(set(addresses))
