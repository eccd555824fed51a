"""Looks for free times that fit a caller's wishes."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, String, and_, bindparam, cast, func, or_, select
from sqlalchemy.orm import Session

from voicebot.clinic.entries import Catalogue, Service
from voicebot.clinic.failures import NotFound
from voicebot.clinic.offers import Offer, When, spread
from voicebot.clinic.tables import SlotRow, SlotStatus

# Near days are looked at first; most callers are served from the first window.
_WINDOWS_DAYS = ((0, 7), (7, 21), (21, 120))
_ENOUGH = 4  # times the limit: so many candidates give a choice
_SLOT_END, _FIELD_END = "\n", "\t"  # in no ID of a catalogue


class _Free(NamedTuple):
    start: datetime
    end: datetime
    minutes: int
    id: int
    branch_id: str


@dataclass(frozen=True, slots=True)
class _Visit:
    """What a doctor would do for this caller."""

    speciality_id: str
    service: Service | None


def is_free(now: Any, dialog_id: Any) -> Any:
    """The condition that a slot is free, or that its hold ran out or is that dialog's own ("": of no dialog)."""
    is_over = or_(SlotRow.hold_expires_at <= now, SlotRow.held_by == dialog_id)
    return or_(SlotRow.status == SlotStatus.FREE.value, and_(SlotRow.status == SlotStatus.BUSY_TENTATIVE.value, is_over))


def _one_text() -> Any:
    """All free slots of a doctor as one text: a search reads hundreds, and a row each costs the driver a hand-over of the
    interpreter's lock, for which the other threads of a busy process let it wait.
    """
    fields = (SlotRow.id, SlotRow.duration_minutes, SlotRow.start, SlotRow.branch_id)
    joined: ColumnElement[str] = cast(fields[0], String)
    for one in fields[1:]:
        joined = joined.concat(_FIELD_END).concat(cast(one, String))
    return func.aggregate_strings(joined, _SLOT_END)


# Made once: building a statement costs more than carrying it out.
_FREE_SLOTS = (
    select(SlotRow.doctor_id, _one_text())
    .where(
        SlotRow.doctor_id.in_(bindparam("doctors", expanding=True)),
        SlotRow.start >= bindparam("first"),
        SlotRow.start < bindparam("end"),
        is_free(bindparam("now"), bindparam("dialog")),
    )
    .group_by(SlotRow.doctor_id)
    .order_by(SlotRow.doctor_id)
)


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
    not_doctors: Collection[str] = (),
    not_branches: Collection[str] = (),
) -> tuple[Offer, ...]:
    """Return up to `limit` offers; see Bookings.find_slots."""
    visits = {one: visit for one, visit in visits_of(catalogue, speciality, service, doctor).items() if one not in not_doctors}
    if branch is not None and branch not in catalogue.branches:
        raise NotFound("No such branch.")
    if not visits or limit < 1:
        return ()
    session.flush()
    found: list[Offer] = []
    for first_day, last_day in _WINDOWS_DAYS:
        window_end = earliest + timedelta(days=last_day)
        asked = {
            "doctors": list(visits),
            "first": earliest + timedelta(days=first_day),
            "end": window_end + timedelta(hours=8),  # a long service may need slots beyond the window's end
            "now": now,
            "dialog": dialog_id,
        }
        for doctor_id, text in session.connection().execute(_FREE_SLOTS, asked):
            slots = [slot for slot in _read(text) if slot.branch_id not in not_branches]
            found += _offers(slots, doctor_id, visits[doctor_id], catalogue, branch, when, window_end)
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


def _read(text: str) -> list[_Free]:
    """The slots of one doctor in order of time. SQLite keeps UTC without saying so, PostgreSQL says so."""
    slots = []
    for one in text.split(_SLOT_END):
        identifier, minutes, start, branch_id = one.split(_FIELD_END)
        at = datetime.fromisoformat(start)
        if at.tzinfo is not UTC:
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        length = int(minutes)
        slots.append(_Free(at, at + timedelta(minutes=length), length, int(identifier), branch_id))
    slots.sort()
    return slots


def _offers(
    slots: Sequence[_Free],
    doctor_id: str,
    visit: _Visit,
    catalogue: Catalogue,
    branch: str | None,
    when: When | None,
    window_end: datetime,
) -> Iterator[Offer]:
    service, zone = visit.service, catalogue.zone
    branches = () if service is None else service.branches
    shortest = 0 if service is None else service.duration_minutes
    for index, slot in enumerate(slots):
        if slot.start >= window_end:
            return
        if (branch is not None and slot.branch_id != branch) or (branches and slot.branch_id not in branches):
            continue
        minutes = max(slot.minutes, shortest)
        if minutes > slot.minutes and not _reaches(slots, index, slot.start + timedelta(minutes=minutes)):
            continue
        local = slot.start.astimezone(zone)
        if when is None or when.allows(local):
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
