"""Looks for free times that fit a caller's wishes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from voicebot.clinic.entries import Catalogue, Service
from voicebot.clinic.failures import NotFound
from voicebot.clinic.offers import Offer, When, spread
from voicebot.clinic.tables import SlotRow, SlotStatus

# Near days are looked at first; most callers are served from the first window.
_WINDOWS_DAYS = ((0, 7), (7, 21), (21, 120))
_ENOUGH = 4  # times the limit: so many candidates give a choice


@dataclass(frozen=True, slots=True)
class _Free:
    id: int
    doctor_id: str
    branch_id: str
    start: datetime
    duration_minutes: int

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.duration_minutes)


@dataclass(frozen=True, slots=True)
class _Visit:
    """What a doctor would do for this caller."""

    speciality_id: str
    service: Service | None


def is_free(now: datetime, dialog_id: str = "") -> Any:
    """The condition that a slot is free, or that its hold ran out or is that dialog's own."""
    lapsed = SlotRow.hold_expires_at <= now
    holds = or_(lapsed, SlotRow.held_by == dialog_id) if dialog_id else lapsed
    return or_(SlotRow.status == SlotStatus.FREE.value, and_(SlotRow.status == SlotStatus.BUSY_TENTATIVE.value, holds))


def find_offers(
    session: Session,
    catalogue: Catalogue,
    *,
    now: datetime,
    earliest: datetime,
    speciality: str | None,
    service: str | None,
    doctor: str | None,
    branch: str | None,
    when: When | None,
    limit: int,
    dialog_id: str,
    is_spread: bool = True,
) -> tuple[Offer, ...]:
    """Return up to `limit` offers; see Bookings.find_slots."""
    visits = visits_of(catalogue, speciality, service, doctor)
    if branch is not None and branch not in catalogue.branches:
        raise NotFound("No such branch.")
    if not visits or limit < 1:
        return ()
    found: list[Offer] = []
    for first_day, last_day in _WINDOWS_DAYS:
        conditions = [
            SlotRow.doctor_id.in_(visits),
            SlotRow.start >= earliest + timedelta(days=first_day),
            # a long service may need slots beyond the window's end
            SlotRow.start < earliest + timedelta(days=last_day, hours=8),
            is_free(now, dialog_id),
        ]
        if branch is not None:
            conditions.append(SlotRow.branch_id == branch)
        columns = (SlotRow.id, SlotRow.doctor_id, SlotRow.branch_id, SlotRow.start, SlotRow.duration_minutes)
        query = select(*columns).where(*conditions).order_by(SlotRow.doctor_id, SlotRow.start)
        rows = [_Free(*row) for row in session.execute(query)]
        window_end = earliest + timedelta(days=last_day)
        found += [offer for offer in _offers(rows, visits, catalogue, when) if offer.start < window_end]
        if len(found) >= limit * _ENOUGH:
            break
    if not is_spread:
        return tuple(_soonest(found, limit)[:limit])
    return spread(_soonest(found, limit), limit)


def visits_of(catalogue: Catalogue, speciality: str | None, service: str | None, doctor: str | None) -> Mapping[str, _Visit]:
    """Return doctor ID -> what that doctor would do; raise NotFound for an unknown ID."""
    if speciality is not None and speciality not in catalogue.specialities:
        raise NotFound("No such speciality.")
    if service is not None and service not in catalogue.services:
        raise NotFound("No such service.")
    if doctor is not None and doctor not in catalogue.doctors:
        raise NotFound("No such doctor.")
    wanted = None if service is None else catalogue.services[service]
    visits: dict[str, _Visit] = {}
    for candidate in (catalogue.doctors[doctor],) if doctor is not None else catalogue.doctors.values():
        if speciality is not None and speciality not in candidate.specialities:
            continue
        if wanted is not None and not catalogue.can_do(candidate, wanted):
            continue
        as_what = speciality or next(
            (s for s in candidate.specialities if wanted is not None and s in wanted.specialities), candidate.specialities[0]
        )
        visits[candidate.id] = _Visit(as_what, wanted or catalogue.default_service(candidate, as_what))
    return visits


def _offers(rows: Sequence[_Free], visits: Mapping[str, _Visit], catalogue: Catalogue, when: When | None) -> Iterator[Offer]:
    for doctor_id, group in groupby(rows, key=lambda row: row.doctor_id):
        visit = visits[doctor_id]
        service = visit.service
        slots = list(group)
        for index, slot in enumerate(slots):
            if service is not None and service.branches and slot.branch_id not in service.branches:
                continue
            minutes = slot.duration_minutes if service is None else max(slot.duration_minutes, service.duration_minutes)
            if not _reaches(slots, index, slot.start + timedelta(minutes=minutes)):
                continue
            local = slot.start.astimezone(catalogue.zone)
            if when is not None and not when.allows(local):
                continue
            yield Offer(
                slot_id=slot.id,
                start=local,
                duration_minutes=minutes,
                doctor_id=doctor_id,
                branch_id=slot.branch_id,
                speciality_id=visit.speciality_id,
                service_id=None if service is None else service.id,
                price_rub=None if service is None else service.price_rub,
            )


def _reaches(slots: Sequence[_Free], index: int, end: datetime) -> bool:
    """Tell whether free slots without a gap, at one branch, go on from `index` until `end`."""
    reached = slots[index].end
    for following in slots[index + 1 :]:
        if reached >= end:
            break
        if following.start != reached or following.branch_id != slots[index].branch_id:
            return False
        reached = following.end
    return reached >= end


def _soonest(offers: Sequence[Offer], limit: int) -> Sequence[Offer]:
    """The earliest offers, enough for a good spread: spreading compares all with all."""
    return sorted(offers, key=lambda offer: (offer.start, offer.doctor_id))[: max(120, limit * 40)]
