"""Services of the waiting list's offers: what is offered, yes, no."""

from collections.abc import Mapping

from voicebot.clinic.appointments import Appointment
from voicebot.clinic.arguments import Arguments, Calls
from voicebot.clinic.bookings import Bookings
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.waiting_offers import WaitingOffer, WaitingOffers
from voicebot.clock import Clock


class OfferedTime(Arguments):
    """The time that is held for a place in the waiting list. Returns WaitingOffer; `not_found` when none is any more."""

    waiting_id: int
    phone: str


class AcceptOffer(Arguments):
    """Book it. Returns Appointment; `not_found`, `slot_taken`."""

    waiting_id: int
    phone: str


class DeclineOffer(Arguments):
    """Refuse it and wait on, or leave the list. Returns nothing; `not_found` when there is nothing to refuse."""

    waiting_id: int
    phone: str
    is_leaving: bool = False


WAITING_SERVICES: Mapping[str, type[Arguments]] = {
    "offered_time": OfferedTime,
    "accept_offer": AcceptOffer,
    "decline_offer": DeclineOffer,
}


class WaitingServices:
    """Carries out what an answer to an offer asks for."""

    def __init__(self, bookings: Bookings, catalogue: Catalogue, clock: Clock) -> None:
        self._offers = WaitingOffers(bookings.database, catalogue, clock)
        self.calls: Calls = {
            "offered_time": self._offered_time,
            "accept_offer": self._accept_offer,
            "decline_offer": self._decline_offer,
        }

    def _offered_time(self, asked: OfferedTime, _dialog_id: str, _key: str) -> WaitingOffer:
        return self._offers.offer(asked.waiting_id, asked.phone)

    def _accept_offer(self, asked: AcceptOffer, dialog_id: str, key: str) -> Appointment:
        return self._offers.accept(asked.waiting_id, asked.phone, dialog_id, key)

    def _decline_offer(self, asked: DeclineOffer, _dialog_id: str, _key: str) -> bool:
        self._offers.decline(asked.waiting_id, asked.phone, is_leaving=asked.is_leaving)
        return True
