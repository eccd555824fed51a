"""The clinic as the desk knows it: catalogue, diary and dialogs, read at the first use and shared by all pages."""

import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog
from fastapi import Request
from sqlalchemy import select

from voicebot.clinic.bookings import Bookings
from voicebot.clinic.catalogue import Catalogue, load_catalogue
from voicebot.clinic.day_visits import DayVisits
from voicebot.clinic.entries import Kind
from voicebot.clinic.services import SERVICES, ClinicServices
from voicebot.clinic.tables import PatientRow, SlotRow, SlotStatus
from voicebot.clock import Clock
from voicebot.dialog.labels import label
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.schema import Form
from voicebot.errors import ConfigurationError
from voicebot.russian.names import PersonName
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

#: What may be wished of a visit, by the names of the dialplans' types.
WISHED: tuple[Kind, ...] = ("speciality", "doctor", "service", "branch")
_MOST_PATIENTS = 6  # of one phone number
_READ_ONCE = ("catalogue", "forms", "bookings", "services", "visits", "ids", "choices")


class Clinic:
    """One a process; safe to use from many threads. Raises ConfigurationError where the clinic's files are wrong."""

    def __init__(self, folder: Path, database: Database, clock: Clock) -> None:
        """`folder`: of the dialogs, with clinic/ and dialplans/."""
        self._folder = folder
        self._database = database
        self._clock = clock
        self._lock = threading.RLock()
        self._renewing = threading.Lock()

    @cached_property
    def catalogue(self) -> Catalogue:
        with self._lock:
            return load_catalogue(self._folder / "clinic")

    @cached_property
    def forms(self) -> Mapping[str, Form]:
        """The dialogs by name; none where they cannot be read: an operator works all the same."""
        try:
            with self._lock:
                return load_dialplans(self._folder / "dialplans", SERVICES).forms
        except ConfigurationError as error:
            log.warning("desk_without_dialplans", cure=error.cure)
            return {}

    @cached_property
    def bookings(self) -> Bookings:
        return Bookings(self._database, self.catalogue, self._clock)

    @cached_property
    def services(self) -> ClinicServices:
        """The services that the robot calls, too."""
        return ClinicServices(self.bookings, self.catalogue, self._clock)

    @cached_property
    def visits(self) -> DayVisits:
        return DayVisits(self._database, self.catalogue, self._clock)

    @cached_property
    def ids(self) -> Mapping[tuple[str, str], str]:
        """(kind, text as an operator sees it) -> ID; a text that two entries share is left out."""
        found: dict[tuple[str, str], str] = {}
        shared: set[tuple[str, str]] = set()
        for kind in WISHED:
            for identifier in self.catalogue.entries(kind):
                key = (kind, label(self.catalogue, kind, identifier))
                if key in found:
                    shared.add(key)
                found[key] = identifier
        return {key: identifier for key, identifier in found.items() if key not in shared}

    @cached_property
    def choices(self) -> Mapping[str, list[tuple[str, str]]]:
        """What the lists of a form offer: kind -> (ID, text) in the order of the alphabet."""
        return {
            kind: sorted(((one, label(self.catalogue, kind, one)) for one in self.catalogue.entries(kind)), key=lambda e: e[1])
            for kind in WISHED
        }

    def warm(self) -> None:
        """Read everything now, so that the first page does not wait; complain in the log only."""
        try:
            _ = self.ids, self.choices, self.forms, self.services, self.visits
        except ConfigurationError as error:
            log.error("desk_without_clinic", problem=error.message, cure=error.cure)

    def renew(self) -> None:
        """Read the clinic's files anew; pages that are asked for from now on show them.

        Raises ConfigurationError with file and line; everything stays as it was then.
        """
        with self._renewing:  # who is told last reads last
            fresh = Clinic(self._folder, self._database, self._clock)
            load_dialplans(self._folder / "dialplans", SERVICES)  # `forms` would only complain
            read = {name: getattr(fresh, name) for name in _READ_ONCE}
            with self._lock:
                self.__dict__.update(read)

    def name(self, kind: str, identifier: str | None) -> str:
        """An entry's name for people; what has left the catalogue is named by its ID."""
        return label(self.catalogue, kind, identifier) or (identifier or "")

    def patients(self, phone: str) -> tuple[tuple[PersonName, Any], ...]:
        """Return (name, birth date or None) of the patients of a phone number (E.164), the latest first."""
        query = select(PatientRow).where(PatientRow.phone == phone).order_by(PatientRow.id.desc()).limit(_MOST_PATIENTS)
        return self._database.run(
            lambda session: tuple(
                (PersonName(row.surname, row.given, row.patronymic), row.birth_date) for row in session.scalars(query)
            ),
            is_readonly=True,
        )

    def doctor_of(self, slot_id: int) -> str | None:
        """Return whose time a slot is; None if there is no such slot."""
        query = select(SlotRow.doctor_id).where(SlotRow.id == slot_id)
        return self._database.run(lambda session: session.scalar(query), is_readonly=True)

    def held(self, dialog_id: str) -> tuple[int, Any] | None:
        """Return (slot ID, until when) of the time that is held for a dialog; None if there is none."""
        query = (
            select(SlotRow.id, SlotRow.hold_expires_at)
            .where(SlotRow.held_by == dialog_id, SlotRow.status == SlotStatus.BUSY_TENTATIVE.value)
            .where(SlotRow.hold_expires_at > self._clock.now())
            .order_by(SlotRow.start)
            .limit(1)
        )
        row = self._database.run(lambda session: session.execute(query).one_or_none(), is_readonly=True)
        return None if row is None else (row[0], row[1])


def clinic_of(request: Request) -> Clinic:
    """Return the process's one Clinic, made at the first use."""
    return clinic_in(request.app.state)


def clinic_in(state: Any) -> Clinic:
    """The same, of an application's state."""
    if not hasattr(state, "clinic"):
        desk = state.desk
        state.clinic = Clinic(desk.settings.dialog.folder, desk.database, desk.clock)
    clinic: Clinic = state.clinic
    return clinic
