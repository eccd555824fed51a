"""Times to offer a caller, and which few of many to say. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class When(Protocol):
    """A caller's wish: voicebot.russian.when.When, or anything that can say yes or no to a local time."""

    def allows(self, at: datetime, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class Offer:
    """A time that can be booked. `start` is aware, in the clinic's zone; `price_rub` is None when no service is known."""

    slot_id: int
    start: datetime
    duration_minutes: int
    doctor_id: str
    branch_id: str
    speciality_id: str
    service_id: str | None = None
    price_rub: int | None = None


_NEAR_MINUTES = 90


def spread(offers: Iterable[Offer], limit: int) -> tuple[Offer, ...]:
    """Choose up to `limit` offers in order of time: the earliest, then early ones that differ from those chosen.

    Two times a quarter of an hour apart are one choice to a caller; morning, afternoon and another day are three.
    """
    left = sorted(offers, key=lambda offer: (offer.start, offer.doctor_id, offer.slot_id))
    chosen: list[Offer] = []
    while left and len(chosen) < limit:
        best = min(left, key=lambda offer: (_cost(offer, left[0].start, chosen), offer.start, offer.doctor_id))
        chosen.append(best)
        left.remove(best)
    return tuple(sorted(chosen, key=lambda offer: (offer.start, offer.doctor_id)))


def _cost(offer: Offer, first: datetime, chosen: Sequence[Offer]) -> float:
    """Days of waiting, plus how much an offer is like what is chosen already."""
    cost = (offer.start - first).total_seconds() / 86400
    for other in chosen:
        minutes = abs((offer.start - other.start).total_seconds()) / 60
        if minutes < _NEAR_MINUTES:
            cost += 6 if minutes else 12
        elif offer.start.date() == other.start.date() and _part(offer.start) == _part(other.start):
            cost += 2
        if offer.doctor_id == other.doctor_id:
            cost += 0.4
        if offer.branch_id == other.branch_id:
            cost += 0.2
    return cost


def _part(at: datetime) -> int:
    """Morning, afternoon, evening."""
    return 0 if at.hour < 12 else 1 if at.hour < 17 else 2
