"""What becomes of a place in the waiting list: (place, event, now) -> (place, what is to be done). Pure.

waiting -> to-offer (a time became free) -> offered (it is held, the patient is asked) -> closed. After a no, or no answer, the
time goes to the next and the place waits on.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never

from voicebot.clinic.tables import WaitingStatus


class Outcome(StrEnum):
    """Why a place is closed."""

    BOOKED = "booked"
    LEFT = "left"  # the patient does not want it any more
    SILENT = "silent"  # several offers were not answered
    HAS_VISIT = "has_visit"  # came to such a visit another way
    OVER = "over"  # the days that were wished for have passed


@dataclass(frozen=True, slots=True)
class Rules:
    """`answer`: how long a time is held for the patient. `least`: an offer that could hold no longer is not made.

    `lead`: how far ahead of its start a visit is booked at the latest. `first_hour`, `last_hour`: when patients are asked, on
    the branch's clock.
    """

    answer: timedelta = timedelta(hours=2)
    least: timedelta = timedelta(minutes=30)
    lead: timedelta = timedelta(hours=1)
    most_offers: int = 3
    first_hour: int = 9
    last_hour: int = 20


@dataclass(frozen=True, slots=True)
class Place:
    """`slot_id`, `start`: the time that was found (aware). `until`: of the offer that is open. `offers`: made so far."""

    status: WaitingStatus = WaitingStatus.WAITING
    slot_id: int | None = None
    start: datetime | None = None
    until: datetime | None = None
    offers: int = 0
    outcome: str = ""


# -- events -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Looked:
    """The clock is looked at. `local`: now on the branch's clock. `has_visit`: the patient has such a visit already."""

    local: datetime
    has_visit: bool = False
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """The time that was found cannot be held: somebody was quicker."""


@dataclass(frozen=True, slots=True)
class Yes:
    """The patient takes the time."""


@dataclass(frozen=True, slots=True)
class No:
    """The patient does not. `is_leaving`: and wants no other either."""

    is_leaving: bool = False


Event = Looked | Gone | Yes | No

# -- what is to be done -----------------------------------------------------------------------------------------------


class Do(StrEnum):
    """One thing at a time."""

    NOTHING = ""
    OFFER = "offer"  # hold the time until `until` and ask the patient
    BOOK = "book"
    NEXT = "next"  # the time is free: look for the next who waits for such a one


@dataclass(frozen=True, slots=True)
class Step:
    """The new place, what to do, and with which time."""

    place: Place
    do: Do = Do.NOTHING
    slot_id: int | None = None


class NoOffer(Exception):
    """There is no offer to answer: it ran out, or was answered."""


def step(place: Place, event: Event, now: datetime, rules: Rules) -> Step:
    """Return what an event makes of a place. Raises NoOffer for an answer to nothing."""
    match event:
        case Looked():
            return _looked(place, event, now, rules)
        case Gone():
            return Step(_waiting(place)) if place.status is WaitingStatus.TO_OFFER else Step(place)
        case Yes():
            if place.status is not WaitingStatus.OFFERED:
                raise NoOffer
            return Step(_closed(place, Outcome.BOOKED, place.slot_id), Do.BOOK, place.slot_id)
        case No(is_leaving=is_leaving):
            if place.status is WaitingStatus.CLOSED or (not is_leaving and place.status is not WaitingStatus.OFFERED):
                raise NoOffer
            left = _closed(place, Outcome.LEFT) if is_leaving else _waiting(place)
            return _passing(left, place.slot_id)
    assert_never(event)


def _looked(place: Place, event: Looked, now: datetime, rules: Rules) -> Step:
    if place.status is WaitingStatus.CLOSED:
        return Step(place)
    if event.has_visit or event.is_over:
        if place.status is WaitingStatus.OFFERED and not event.has_visit:
            return _expired(place, now, rules)  # an open offer may still be answered
        return _passing(_closed(place, Outcome.HAS_VISIT if event.has_visit else Outcome.OVER), place.slot_id)
    if place.status is WaitingStatus.OFFERED:
        return _expired(place, now, rules)
    if place.status is not WaitingStatus.TO_OFFER or place.start is None:
        return Step(place)
    until = min(now + rules.answer, place.start - rules.lead)
    if until - now < rules.least:
        return Step(_waiting(place))  # too near for anybody
    if not rules.first_hour <= event.local.hour < rules.last_hour:
        return Step(place)
    offered = replace(place, status=WaitingStatus.OFFERED, until=until, offers=place.offers + 1)
    return Step(offered, Do.OFFER, place.slot_id)


def _expired(place: Place, now: datetime, rules: Rules) -> Step:
    if place.until is not None and now < place.until:
        return Step(place)
    is_last = place.offers >= rules.most_offers
    return _passing(_closed(place, Outcome.SILENT) if is_last else _waiting(place), place.slot_id)


def _waiting(place: Place) -> Place:
    return replace(place, status=WaitingStatus.WAITING, slot_id=None, start=None, until=None)


def _closed(place: Place, outcome: Outcome, slot_id: int | None = None) -> Place:
    start = place.start if slot_id is not None else None
    return replace(place, status=WaitingStatus.CLOSED, outcome=outcome.value, slot_id=slot_id, start=start, until=None)


def _passing(place: Place, slot_id: int | None) -> Step:
    return Step(place) if slot_id is None else Step(place, Do.NEXT, slot_id)
