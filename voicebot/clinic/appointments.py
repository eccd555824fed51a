"""What a visit is, as it is told to people and passed between the clinic's services."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol


class Name(Protocol):
    """A patient's name: voicebot.russian.names.PersonName."""

    @property
    def surname(self) -> str: ...
    @property
    def given(self) -> str: ...
    @property
    def patronymic(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Hold:
    """A time kept for one dialog until `expires_at` (aware, clinic's zone)."""

    slot_id: int
    dialog_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Appointment:
    """A booking as it is told to people. `start` is aware, in the clinic's zone; `phone` is E.164."""

    id: int
    slot_id: int
    start: datetime
    duration_minutes: int
    doctor_id: str
    branch_id: str
    service_id: str | None
    price_rub: int | None
    status: str
    phone: str
    surname: str
    given: str
    patronymic: str
    replaces_id: int | None = None
    speciality_id: str = ""
    birth_date: date | None = None
    reason: str = ""  # why it was cancelled


@dataclass(frozen=True, slots=True)
class Visits:
    """A patient's coming visits, in order of time."""

    entries: tuple[Appointment, ...]

    @property
    def only(self) -> Appointment | None:
        """The visit, when there is exactly one."""
        return self.entries[0] if len(self.entries) == 1 else None

    @property
    def is_of_several(self) -> bool:
        """Whether they are of several people: a family's with one surname and one phone."""
        return len({one.given for one in self.entries}) > 1


@dataclass(frozen=True, slots=True)
class LastDoctor:
    """Whom a patient saw last, or is to see; None: nobody who still works here."""

    doctor: str | None
