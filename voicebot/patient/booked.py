"""What a dialog left in the clinic's diary, for people."""

from sqlalchemy import select

from voicebot.clinic.catalogue import Catalogue
from voicebot.clinic.tables import AppointmentRow, PatientRow
from voicebot.storage.database import Database


def appointments_of_dialog(database: Database, catalogue: Catalogue, dialog_id: str) -> list[str]:
    """Return a line for each appointment that a dialog made: when, with whom, where, for whom."""
    query = (
        select(AppointmentRow, PatientRow)
        .join(PatientRow, PatientRow.id == AppointmentRow.patient_id)
        .where(AppointmentRow.dialog_id == dialog_id)
        .order_by(AppointmentRow.start)
    )
    with database.session(is_readonly=True) as session:
        rows = [(row.AppointmentRow, row.PatientRow) for row in session.execute(query)]
    lines = []
    for appointment, patient in rows:
        doctor = catalogue.doctors.get(appointment.doctor_id)
        branch = catalogue.branches.get(appointment.branch_id)
        start = appointment.start.astimezone(catalogue.zone)
        names = " ".join(part for part in (patient.surname, patient.given, patient.patronymic) if part)
        where = f"{branch.name}, {branch.address}" if branch is not None else appointment.branch_id
        who = doctor.full_name if doctor is not None else appointment.doctor_id
        lines.append(f"{start:%a %d.%m.%Y %H:%M}, {who}; {where}; for {names}, {appointment.phone} ({appointment.status})")
    return lines
