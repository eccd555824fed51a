"""Puts what is due into the outbox: once a visit, step and start, by a unique constraint, however many processes plan.

Visits of one phone number that are close together (a family's) go out as one message, where the clinic has a text for it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from voicebot.clinic.contact_points import address_for, points_of
from voicebot.clinic.failures import BadPhone
from voicebot.clinic.outbox import enqueue
from voicebot.clinic.tables import AppointmentRow, AppointmentStatus, PatientRow
from voicebot.clock import Clock
from voicebot.reminders.planning import LeftOut, Planned, Rules, Visit, are_together, plan
from voicebot.reminders.several import SEVERAL, Several
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
    phone: str = ""

    @property
    def key(self) -> Key:
        return (self.visit.id, self.planned.step.name, self.visit.start)


class Planner:
    """Not thread-safe; several at once, in many processes, do no harm. Raises StorageError.

    `zone_of`: the name of a branch's time zone. `zone`: the clinic's, in which visits are told. `several`: the text for
    visits of one number together; None: each has a message of its own.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        rules: Rules,
        zone_of: Callable[[str], str],
        zone: tzinfo,
        several: Several | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._rules = rules
        self._zone_of = zone_of
        self._zone = zone
        self._several = several
        self._plans: dict[Visit, tuple[Planned | LeftOut, ...]] = {}

    def tick(self) -> int:
        """Queue the messages that are due; return how many."""
        now = self._clock.now()
        ahead = self._rules.together if self._several is not None else timedelta()
        most = 1 if self._several is None else self._several.most
        due = families(self.foreseen(ahead), now, most, now - self._rules.after_booking)
        # The same order in each process: they wait for each other, and never crosswise.
        due.sort(key=lambda family: family[0].key)
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
            (Visit(row.id, row.start, row.created_at, ZoneInfo(self._zone_of(row.branch_id))), row.branch_id, row.phone)
            for row in rows
        ]
        plans = {visit: self._plans.get(visit) or plan(visit, self._rules) for visit, _, _ in visits}
        self._plans = plans
        return [
            Foreseen(visit, branch_id, one, (visit.id, one.step.name, visit.start) in done, phone)
            for visit, branch_id, phone in visits
            for one in plans[visit]
        ]

    def _queue(self, session: Session, some: Iterable[Sequence[Foreseen]], now: datetime) -> int:
        count = 0
        for family in some:
            together = len(family) > 1 and self._can_take_several(session, family[0].phone)
            ready = family if together else [one for one in family if _planned(one).at <= now]
            new = [one for one in ready if self._note(session, one, now)]  # the others: somebody was quicker
            for group in [new] if together and new else [[one] for one in new]:
                self._enqueue(session, group, now)
            count += len(new)
        return count

    def _note(self, session: Session, one: Foreseen, now: datetime) -> bool:
        """Write down that this reminder goes out; False where it is written down already."""
        new = {
            "appointment_id": one.visit.id, "step": one.planned.step.name, "start": one.visit.start,
            "planned_at": _planned(one).at, "created_at": now, "answer": "", "answered_by": "",
        }  # fmt: skip
        return bool(insert_missing(session, ReminderRow, [new]))

    def _can_take_several(self, session: Session, phone: str) -> bool:
        """Whether the text for several visits has a way to that number; a call, for one, tells of one visit."""
        if self._several is None:
            return False
        points = points_of(session, phone)
        return any(address_for(points, channel, phone) is not None for channel in self._several.channels)

    def _enqueue(self, session: Session, group: Sequence[Foreseen], now: datetime) -> None:
        """Queue one message about visits of one number; more than one: in one text."""
        first = _planned(group[0])
        visits = [session.get_one(AppointmentRow, one.visit.id) for one in group]
        reminders = [_row_of(session, one) for one in group]
        visit, reminder = visits[0], reminders[0]
        is_alone = len(group) == 1
        patient = session.get_one(PatientRow, visit.patient_id)
        try:
            message = enqueue(
                session,
                now,
                first.step.template if is_alone else SEVERAL,
                visit.phone,
                values_of(visit, patient, self._zone)
                if is_alone
                else {"visits": [values_of(one, None, self._zone) for one in visits]},
                visit.dialog_id,
                f"reminder/{reminder.id}",
                appointment_id=visit.id if is_alone else None,
                branch_id=visit.branch_id,
                is_urgent=False,
                expires_at=min(_planned(one).until for one in group),
            )
        except BadPhone:
            log.warning("visit_without_number", appointment_id=visit.id)
            return
        for one in reminders:
            one.message_id = message.id


def families(foreseen: Iterable[Foreseen], now: datetime, most: int, booked_before: datetime) -> list[list[Foreseen]]:
    """Return what is due now, and with it what will be due soon for the same number: up to `most` visits, in order of time.

    Visits belong together that are at one branch, on one of its days, and whose reminders of a step are close to each other;
    sooner than planned only those that were booked before `booked_before`.
    """
    waiting: dict[tuple[str, str, str], list[Foreseen]] = {}
    for one in foreseen:
        if not one.is_done and isinstance(one.planned, Planned) and now < one.planned.until:
            waiting.setdefault((one.phone, one.branch_id, one.planned.step.name), []).append(one)
    found: list[list[Foreseen]] = []
    for of_number in waiting.values():
        of_number.sort(key=lambda one: (one.visit.start, one.visit.id))
        left = of_number
        while due := next((one for one in left if _planned(one).at <= now), None):
            others = [
                one
                for one in left
                if one is due
                or (
                    (_planned(one).at <= now or one.visit.created_at <= booked_before)
                    and are_together(due.visit, _planned(due), one.visit, _planned(one))
                )
            ]
            family = sorted(others[:most] if due in others[:most] else [due], key=lambda one: (one.visit.start, one.visit.id))
            found.append(family)
            left = [one for one in left if one not in family]
    return found


def _planned(one: Foreseen) -> Planned:
    assert isinstance(one.planned, Planned)
    return one.planned


def _row_of(session: Session, one: Foreseen) -> ReminderRow:
    return session.scalars(
        select(ReminderRow).where(
            ReminderRow.appointment_id == one.visit.id,
            ReminderRow.step == one.planned.step.name,
            ReminderRow.start == one.visit.start,
        )
    ).one()


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


def _coming(now: datetime, until: datetime) -> Select[int, datetime, datetime, str, str]:
    return (
        select(
            AppointmentRow.id, AppointmentRow.start, AppointmentRow.created_at, AppointmentRow.branch_id, AppointmentRow.phone
        )
        .where(AppointmentRow.start > now, AppointmentRow.start <= until, AppointmentRow.phone != "")
        .where(AppointmentRow.status == AppointmentStatus.BOOKED.value)
        .order_by(AppointmentRow.start, AppointmentRow.id)
    )
