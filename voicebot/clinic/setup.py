"""Fills the diary: slots of the coming days from the doctors' schedules. Run at every start and once a day."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from voicebot.clinic.entries import Catalogue, Doctor
from voicebot.clinic.lab_orders import add_demo_orders
from voicebot.clinic.schedule import Piece, is_taken_in_demo, pieces
from voicebot.clinic.tables import SlotRow, SlotStatus
from voicebot.clinic.waiting import mark_waiting
from voicebot.clock import Clock
from voicebot.storage.database import Database, insert_missing

log = structlog.get_logger(__name__)

#: A visit that begins sooner is offered to nobody who waits.
_LEAD = timedelta(hours=1)
_FREE, _UNAVAILABLE = SlotStatus.FREE.value, SlotStatus.BUSY_UNAVAILABLE.value


@dataclass(frozen=True, slots=True)
class Prepared:
    """What changed: slots added, withdrawn (the schedule has them no longer), put back."""

    added: int = 0
    withdrawn: int = 0
    restored: int = 0


def prepare(
    database: Database,
    catalogue: Catalogue,
    clock: Clock,
    days: int = 60,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Make the diary agree with the schedules for `days` local dates from today; doing it again changes nothing.

    Booked and held slots are never touched: what a patient was promised stays. One short transaction a doctor, so that
    calls go on meanwhile. `progress` is told (doctors done, doctors in all).
    """
    now = clock.now()
    total = Prepared()
    for number, doctor in enumerate(catalogue.doctors.values(), start=1):
        done = database.run(_OneDoctor(catalogue, doctor, now, days))
        total = Prepared(total.added + done.added, total.withdrawn + done.withdrawn, total.restored + done.restored)
        if progress is not None:
            progress(number, len(catalogue.doctors))
    gone = database.run(lambda session: _withdraw_others(session, catalogue.doctors, now))
    total = Prepared(total.added, total.withdrawn + gone, total.restored)
    database.run(lambda session: add_demo_orders(session, catalogue, now))
    log.info("diary_prepared", added=total.added, withdrawn=total.withdrawn, restored=total.restored)
    return total


@dataclass(frozen=True, slots=True)
class _OneDoctor:
    catalogue: Catalogue
    doctor: Doctor
    now: datetime
    days: int

    def __call__(self, session: Session) -> Prepared:
        existing = session.scalars(
            select(SlotRow).where(SlotRow.doctor_id == self.doctor.id, SlotRow.start > self.now).with_for_update()
        ).all()
        wanted = {piece.start: piece for piece in self._pieces()}
        kept = [row for row in existing if row.status not in (_FREE, _UNAVAILABLE)]
        starts = sorted(wanted)
        for row in kept:  # promised time stays as it was cut, and nothing is cut across it
            first = bisect_right(starts, row.start - timedelta(minutes=self.doctor.slot_minutes))
            for start in starts[first : bisect_left(starts, row.end)]:
                wanted.pop(start, None)
        withdrawn = restored = 0
        for row in existing:
            if row.status not in (_FREE, _UNAVAILABLE):
                continue
            piece = wanted.pop(row.start, None)
            if piece is None:
                withdrawn += row.status == _FREE
                row.status = _UNAVAILABLE
            else:
                restored += row.status == _UNAVAILABLE
                row.status, row.branch_id, row.duration_minutes = _FREE, piece.branch_id, piece.duration_minutes
        added = insert_missing(session, SlotRow, [self._row(piece) for piece in wanted.values()])
        if added:
            self._tell_waiting(session, wanted)
        return Prepared(added, withdrawn, restored)

    def _tell_waiting(self, session: Session, opened: Collection[datetime]) -> None:
        """Mark who waits for days that were not open yet."""
        length = timedelta(minutes=self.doctor.slot_minutes)
        mark_waiting(
            session,
            self.catalogue,
            doctor_id=self.doctor.id,
            start=min(opened),
            end=max(opened) + length,
            now=self.now,
            lead=_LEAD,
        )

    def _pieces(self) -> Iterator[Piece]:
        today = self.now.astimezone(self.catalogue.zone).date()
        for day in range(self.days):
            yield from (
                piece
                for piece in pieces(self.doctor, today + timedelta(days=day), self.catalogue.zone)
                if piece.start > self.now
            )

    def _row(self, piece: Piece) -> dict[str, object]:
        clinic = self.catalogue.clinic
        is_taken = is_taken_in_demo(piece, (piece.start - self.now).days, clinic.demo_busy_share, clinic.demo_seed)
        return {
            "doctor_id": piece.doctor_id,
            "branch_id": piece.branch_id,
            "start": piece.start,
            "duration_minutes": piece.duration_minutes,
            "status": SlotStatus.BUSY.value if is_taken else _FREE,
        }


def _end(piece: Piece) -> datetime:
    return piece.start + timedelta(minutes=piece.duration_minutes)


def _withdraw_others(session: Session, doctors: Iterable[str], now: datetime) -> int:
    """Slots of doctors who left the catalogue are offered no longer."""
    left = SlotRow.doctor_id.not_in(list(doctors))
    result = session.execute(
        update(SlotRow).where(left, SlotRow.start > now, SlotRow.status == _FREE).values(status=_UNAVAILABLE)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]
