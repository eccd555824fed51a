"""The visits of a day as the reception sees them: who is expected, who came, who did not."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from voicebot.clinic.appointments import Appointment
from voicebot.clinic.entries import Catalogue
from voicebot.clinic.failures import AppointmentClosed, ChangedMeanwhile, NotFound, TooEarly
from voicebot.clinic.ledger import Ledger
from voicebot.clinic.tables import AppointmentRow, AppointmentStatus, PatientRow
from voicebot.clock import Clock
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

#: What a visit is marked as, and marked back to.
MARKS = frozenset({AppointmentStatus.BOOKED, AppointmentStatus.ARRIVED, AppointmentStatus.NOSHOW})
#: A visit can be marked for so many days after its own.
MARKABLE_DAYS = 7
_NAME_PARTS = (PatientRow.surname, PatientRow.given, PatientRow.patronymic)


@dataclass(frozen=True, slots=True)
class VisitFilter:
    """Which visits; every field that is set must hold. Both days are included. `name` begins the surname or given name."""

    first: date
    last: date
    branch: str = ""
    doctor: str = ""
    status: str = ""
    phone: str = ""  # E.164
    name: str = ""
    limit: int = 500
    offset: int = 0


class DayVisits:
    """Reads visits and marks who came. Safe to use from many threads and processes at once."""

    def __init__(self, database: Database, catalogue: Catalogue, clock: Clock) -> None:
        self._database = database
        self._ledger = Ledger(catalogue)
        self._zone = catalogue.zone
        self._clock = clock

    def list(self, wanted: VisitFilter) -> tuple[Appointment, ...]:
        """Return the visits in order of time; those that were cancelled too, unless a status is wanted."""
        query = (
            select(AppointmentRow, PatientRow)
            .join(PatientRow, PatientRow.id == AppointmentRow.patient_id)
            .where(
                AppointmentRow.start >= datetime.combine(wanted.first, time(), self._zone),
                AppointmentRow.start < datetime.combine(wanted.last + timedelta(days=1), time(), self._zone),
            )
            .order_by(AppointmentRow.start, AppointmentRow.doctor_id, AppointmentRow.id)
            .limit(wanted.limit)
            .offset(wanted.offset)
        )
        for column, value in (
            (AppointmentRow.branch_id, wanted.branch),
            (AppointmentRow.doctor_id, wanted.doctor),
            (AppointmentRow.status, wanted.status),
            (AppointmentRow.phone, wanted.phone),
        ):
            if value:
                query = query.where(column == value)
        if wanted.name:
            beginning = wanted.name[:1].upper() + wanted.name[1:].lower()
            query = query.where(or_(*(part.startswith(beginning, autoescape=True) for part in _NAME_PARTS)))
        return self._database.run(
            lambda session: tuple(self._ledger.told(row, patient) for row, patient in session.execute(query)), is_readonly=True
        )

    def get(self, appointment_id: int) -> Appointment | None:
        """Return a visit, None if there is none."""

        def work(session: Session) -> Appointment | None:
            if session.get(AppointmentRow, appointment_id) is None:
                return None
            return self._ledger.read(session, appointment_id)

        return self._database.run(work, is_readonly=True)

    def made_in(self, dialog_id: str) -> tuple[Appointment, ...]:
        """Return the visits that a dialog booked, moved or has cancelled since, in order of time."""
        query = (
            select(AppointmentRow, PatientRow)
            .join(PatientRow, PatientRow.id == AppointmentRow.patient_id)
            .where(AppointmentRow.dialog_id == dialog_id)
            .order_by(AppointmentRow.start, AppointmentRow.id)
        )
        return self._database.run(
            lambda session: tuple(self._ledger.told(row, patient) for row, patient in session.execute(query)), is_readonly=True
        )

    def mark(self, appointment_id: int, status: AppointmentStatus, seen: str) -> Appointment:
        """Mark a visit. `seen`: the status that whoever marks it saw.

        The same mark again changes nothing. Raises NotFound, TooEarly, AppointmentClosed (cancelled, over, too long ago),
        ChangedMeanwhile (somebody else marked it otherwise).
        """

        def work(session: Session) -> Appointment:
            query = select(AppointmentRow).where(AppointmentRow.id == appointment_id).with_for_update()
            row = session.scalar(query)
            if row is None:
                raise NotFound("No such appointment.")
            if row.status != status.value:
                if row.status != seen and row.status in MARKS:
                    raise ChangedMeanwhile
                check_mark(row.status, status, row.start, self._clock.now(), self._zone)
                row.status = status.value
            return self._ledger.read(session, appointment_id)

        marked = self._database.run(work)
        log.info("visit_marked", appointment_id=appointment_id, status=marked.status)
        return marked


def check_mark(present: str, wanted: AppointmentStatus, start: datetime, now: datetime, zone: tzinfo) -> None:
    """Raise unless a visit may be marked so now: came from the beginning of its day on, did not come after its start."""
    if present not in MARKS or wanted not in MARKS:
        raise AppointmentClosed
    days = (now.astimezone(zone).date() - start.astimezone(zone).date()).days
    if days > MARKABLE_DAYS:
        raise AppointmentClosed
    if days < 0 or (wanted is AppointmentStatus.NOSHOW and now < start):
        raise TooEarly
