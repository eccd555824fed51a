"""Visits without their patients: doctor, time and outcome stay for the figures, name, number and birth date do not."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from voicebot.clinic.tables import AppointmentRow, AppointmentStatus, PatientRow

_OVER = (AppointmentStatus.CANCELLED.value, AppointmentStatus.NOSHOW.value, AppointmentStatus.FULFILLED.value)


def is_over(visit: AppointmentRow, now: datetime) -> bool:
    """Whether a visit lies behind, or will not be."""
    return visit.start < now or visit.status in _OVER


def make_nameless(session: Session, visits: Sequence[AppointmentRow]) -> int:
    """Take the patient out of visits; return how many. Patients without any other visit are deleted."""
    patients = {visit.patient_id for visit in visits}
    for visit in visits:
        nobody = _nobody(session, visit.created_at)
        visit.patient_id, visit.phone, visit.dialog_id = nobody.id, "", ""
    session.flush()
    remove_patients_without_visits(session, patients)
    return len(visits)


def remove_patients_without_visits(session: Session, patient_ids: set[int]) -> int:
    """Delete those of some patients who have no visit; return how many."""
    if not patient_ids:
        return 0
    used = set(session.scalars(select(AppointmentRow.patient_id).where(AppointmentRow.patient_id.in_(patient_ids))))
    alone = sorted(patient_ids - used)
    session.execute(delete(PatientRow).where(PatientRow.id.in_(alone)))
    return len(alone)


def _nobody(session: Session, at: datetime) -> PatientRow:
    """The one patient row without a person."""
    row = session.scalar(select(PatientRow).where(PatientRow.phone == "", PatientRow.surname == "", PatientRow.given == ""))
    if row is None:
        row = PatientRow(phone="", surname="", given="", patronymic="", birth_date=None, created_at=at)
        session.add(row)
        session.flush()
    return row


def of_old_visits(session: Session, before: datetime, limit: int) -> list[AppointmentRow]:
    """Return visits that began before a time and still name a patient."""
    query = select(AppointmentRow).where(AppointmentRow.start < before, AppointmentRow.phone != "")
    return list(session.scalars(query.order_by(AppointmentRow.id).limit(limit)))
