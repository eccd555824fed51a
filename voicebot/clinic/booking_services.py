"""Services for a new visit: free times, holding, booking, who sees children, the waiting list."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pydantic import Field

from voicebot.clinic.ages import AgeRule, age_rule
from voicebot.clinic.appointments import Appointment, Hold
from voicebot.clinic.arguments import Arguments, Calls
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.offers import Offer
from voicebot.clinic.waiting import Waiting, WaitingList
from voicebot.clock import Clock


class FindSlots(Arguments):
    """Free times; all wishes may be left open. Returns a tuple of Offer, perhaps empty."""

    speciality: str | None = None
    service: str | None = None
    doctor: str | None = None
    branch: str | None = None
    not_doctors: tuple[str, ...] = Field((), description="IDs of those ruled out")
    not_branches: tuple[str, ...] = ()
    when: Any = Field(None, description="a wish: anything with allows(local time)")
    limit: int = Field(3, ge=1, le=30)
    not_before: datetime | None = None
    before: datetime | None = Field(None, description="only what starts earlier; the wish gives way")
    is_spread: bool = Field(True, description="times unlike each other, for the ear; False: the earliest, none left out")


class OpenUntil(Arguments):
    """Until when the diary is filled. Returns the last date, or None where it is empty."""


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
    birth_date: date | None = None


class AgeRuleOf(Arguments):
    """Who sees children. Returns AgeRule; `is_fit` only when a birth date is given."""

    doctor: str | None = None
    service: str | None = None
    speciality: str | None = None
    birth_date: date | None = None


class JoinWaitingList(Arguments):
    """Be told when such a time becomes free. Returns Waiting."""

    patient: Any
    phone: str
    doctor: str | None = None
    speciality: str | None = None
    service: str | None = None
    branch: str | None = None
    when: Any = None
    birth_date: date | None = None


BOOKING_SERVICES: Mapping[str, type[Arguments]] = {
    "find_slots": FindSlots,
    "open_until": OpenUntil,
    "hold": HoldSlot,
    "release": ReleaseSlot,
    "book": BookSlot,
    "age_rule": AgeRuleOf,
    "join_waiting_list": JoinWaitingList,
}


class BookingServices:
    """Carries out what changes or reads the diary."""

    def __init__(self, bookings: Bookings, catalogue: Catalogue, clock: Clock) -> None:
        self._bookings = bookings
        self._catalogue = catalogue
        self._clock = clock
        self._waiting = WaitingList(bookings.database, catalogue, clock)
        self.calls: Calls = {
            "find_slots": self._find_slots,
            "open_until": self._open_until,
            "hold": self._hold,
            "release": self._release,
            "book": self._book,
            "age_rule": self._age_rule,
            "join_waiting_list": self._join_waiting_list,
        }

    def _find_slots(self, asked: FindSlots, dialog_id: str, _key: str) -> tuple[Offer, ...]:
        return self._bookings.find_slots(
            speciality=asked.speciality,
            service=asked.service,
            doctor=asked.doctor,
            branch=asked.branch,
            not_doctors=asked.not_doctors,
            not_branches=asked.not_branches,
            when=asked.when,
            limit=asked.limit,
            not_before=asked.not_before,
            dialog_id=dialog_id,
            before=asked.before,
            is_spread=asked.is_spread,
        )

    def _open_until(self, _asked: OpenUntil, _dialog_id: str, _key: str) -> date | None:
        return self._bookings.open_until()

    def _hold(self, asked: HoldSlot, dialog_id: str, _key: str) -> Hold:
        return self._bookings.hold(asked.slot_id, dialog_id, asked.seconds, asked.service)

    def _release(self, asked: ReleaseSlot, dialog_id: str, _key: str) -> int:
        return self._bookings.release(dialog_id, asked.slot_id)

    def _book(self, asked: BookSlot, dialog_id: str, key: str) -> Appointment:
        return self._bookings.book(asked.slot_id, dialog_id, asked.patient, asked.phone, asked.service, key, asked.birth_date)

    def _age_rule(self, asked: AgeRuleOf, _dialog_id: str, _key: str) -> AgeRule:
        return age_rule(
            self._catalogue,
            self._clock.now().astimezone(self._catalogue.zone).date(),
            doctor=asked.doctor,
            service=asked.service,
            speciality=asked.speciality,
            birth_date=asked.birth_date,
        )

    def _join_waiting_list(self, asked: JoinWaitingList, dialog_id: str, key: str) -> Waiting:
        return self._waiting.join(
            dialog_id,
            key,
            asked.patient,
            asked.phone,
            doctor=asked.doctor,
            speciality=asked.speciality,
            service=asked.service,
            branch=asked.branch,
            when=asked.when,
            birth_date=asked.birth_date,
        )
