"""Puts what is due into the outbox: once a visit, step and start, by a unique constraint, however many processes plan."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from voicebot.clinic.failures import BadPhone
from voicebot.clinic.outbox import enqueue
from voicebot.clinic.tables import AppointmentRow, AppointmentStatus, PatientRow
from voicebot.clock import Clock
from voicebot.reminders.planning import LeftOut, Planned, Rules, Visit, plan
from voicebot.reminders.tables import ReminderRow
from voicebot.storage.database import Database, insert_missing
from voicebot.storage.failures import DatabaseLockedError

log = structlog.get_logger(__name__)

_BATCH = 20  # reminders a transaction

Key = tuple[int, str, datetime]  # visit, step, start


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is planned for one step of one visit; `is_done`: it went into the outbox."""

    visit: Visit
    branch_id: str
    planned: Planned | LeftOut
    is_done: bool

    @property
    def key(self) -> Key:
        return (self.visit.id, self.planned.step.name, self.visit.start)


class Planner:
    """Not thread-safe; several at once, in many processes, do no harm. Raises StorageError.

    `zone_of`: the name of a branch's time zone. `zone`: the clinic's, in which visits are told.
    """

    def __init__(self, database: Database, clock: Clock, rules: Rules, zone_of: Callable[[str], str], zone: tzinfo) -> None:
        self._database = database
        self._clock = clock
        self._rules = rules
        self._zone_of = zone_of
        self._zone = zone
        self._plans: dict[Visit, tuple[Planned | LeftOut, ...]] = {}

    def tick(self) -> int:
        """Queue the messages that are due; return how many."""
        now = self._clock.now()
        due = [
            one
            for one in self.foreseen(timedelta())
            if not one.is_done and isinstance(one.planned, Planned) and one.planned.at <= now < one.planned.until
        ]
        due.sort(key=lambda one: one.key)  # the same order in each process: they wait for each other, and never crosswise
        count = 0
        for first in range(0, len(due), _BATCH):
            some = due[first : first + _BATCH]
            try:
                count += self._database.run(lambda session, some=some: self._queue(session, some, now))  # type: ignore[misc]
            except DatabaseLockedError:
                break  # another process is at the same ones: what it leaves is due the next time
        if count:
            log.info("reminders_queued", count=count)
        return count

    def foreseen(self, ahead: timedelta) -> Sequence[Foreseen]:
        """Return each step of the visits that may be reminded of until `ahead` from now, done ones too."""
        now = self._clock.now()

        def read(session: Session) -> tuple[list[Any], set[Key]]:
            rows = session.execute(_coming(now, now + ahead + self._rules.longest)).all()
            # By `planned_at`, which has an index: a visit that is still ahead was not due longer ago than the longest lead.
            since = now - self._rules.longest - timedelta(days=1)
            done = session.execute(
                select(ReminderRow.appointment_id, ReminderRow.step, ReminderRow.start).where(
                    ReminderRow.planned_at > since, ReminderRow.start > now
                )
            )
            return list(rows), {(one, step, start) for one, step, start in done}

        rows, done = self._database.run(read, is_readonly=True)
        visits = [
            (Visit(row.id, row.start, row.created_at, ZoneInfo(self._zone_of(row.branch_id))), row.branch_id) for row in rows
        ]
        plans = {visit: self._plans.get(visit) or plan(visit, self._rules) for visit, _ in visits}
        self._plans = plans
        return [
            Foreseen(visit, branch_id, one, (visit.id, one.step.name, visit.start) in done)
            for visit, branch_id in visits
            for one in plans[visit]
        ]

    def _queue(self, session: Session, some: Iterable[Foreseen], now: datetime) -> int:
        count = 0
        for one in some:
            planned = one.planned
            assert isinstance(planned, Planned)
            new = {
                "appointment_id": one.visit.id, "step": planned.step.name, "start": one.visit.start, "planned_at": planned.at,
                "created_at": now, "answer": "", "answered_by": "",
            }  # fmt: skip
            if not insert_missing(session, ReminderRow, [new]):
                continue  # somebody was quicker
            self._enqueue(session, one, planned, now)
            count += 1
        return count

    def _enqueue(self, session: Session, one: Foreseen, planned: Planned, now: datetime) -> None:
        visit = session.get_one(AppointmentRow, one.visit.id)
        patient = session.get_one(PatientRow, visit.patient_id)
        reminder = session.scalars(
            select(ReminderRow).where(
                ReminderRow.appointment_id == visit.id,
                ReminderRow.step == planned.step.name,
                ReminderRow.start == one.visit.start,
            )
        ).one()
        try:
            message = enqueue(
                session,
                now,
                planned.step.template,
                visit.phone,
                values_of(visit, patient, self._zone),
                visit.dialog_id,
                f"reminder/{reminder.id}",
                appointment_id=visit.id,
                branch_id=visit.branch_id,
                is_urgent=False,
                expires_at=planned.until,
            )
        except BadPhone:
            log.warning("visit_without_number", appointment_id=visit.id)
            return
        reminder.message_id = message.id


def values_of(visit: AppointmentRow, patient: PatientRow | None, zone: tzinfo) -> dict[str, Any]:
    """What a template may say of a visit, as JSON."""
    return {
        "appointment_id": visit.id,
        "start": visit.start.astimezone(zone).isoformat(),
        "doctor": visit.doctor_id,
        "branch": visit.branch_id,
        "service": visit.service_id,
        "given": "" if patient is None else patient.given,
    }


def _coming(now: datetime, until: datetime) -> Select[int, datetime, datetime, str]:
    return (
        select(AppointmentRow.id, AppointmentRow.start, AppointmentRow.created_at, AppointmentRow.branch_id)
        .where(AppointmentRow.start > now, AppointmentRow.start <= until, AppointmentRow.phone != "")
        .where(AppointmentRow.status == AppointmentStatus.BOOKED.value)
        .order_by(AppointmentRow.start, AppointmentRow.id)
    )
