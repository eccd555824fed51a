"""The demo clinic at a desk for tests: read once, with a diary of a few days, and contacts that know something."""

from functools import cache
from typing import Any

from demo_clinic import DEMO
from fastapi import FastAPI
from sqlalchemy import select

from voicebot import dialog_id
from voicebot.clinic.catalogue import Catalogue, load_catalogue
from voicebot.clinic.services import SERVICES
from voicebot.clinic.setup import prepare
from voicebot.clinic.tables import SlotRow
from voicebot.desk.clinic import Clinic
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.schema import Form
from voicebot.records.dialogs import Dialog, Turn, Who

PHONE = "+79161234567"
KNOWN = {
    "request": "запись на приём",
    "специальность": "кардиолог",
    "пожелание по времени": "24 ноября, с 12:00",
    "пациент": "Ветрова Анна",
}


@cache
def _catalogue() -> Catalogue:
    # Nothing is shown as taken: tests say themselves what is.
    found = load_catalogue(DEMO / "clinic")
    return found.model_copy(update={"clinic": found.clinic.model_copy(update={"demo_busy_share": 0.0, "demo_orders": ()})})


@cache
def _forms() -> dict[str, Form]:
    return dict(load_dialplans(DEMO / "dialplans", SERVICES).forms)


def demo() -> Clinic:
    """The demo clinic without a database: names and dialogs only."""
    clinic = Clinic(DEMO, None, None)  # type: ignore[arg-type]
    clinic.catalogue, clinic.forms = _catalogue(), _forms()
    return clinic


def with_clinic(app: FastAPI, days: int = 3) -> Clinic:
    """Give an application the demo clinic and a diary of `days` days."""
    desk = app.state.desk
    clinic = Clinic(DEMO, desk.database, desk.clock)
    clinic.catalogue, clinic.forms = _catalogue(), _forms()
    prepare(desk.database, clinic.catalogue, desk.clock, days=days)
    app.state.clinic = clinic
    return clinic


def handed_over(app: FastAPI, reason: str = "nomatch", phone: str = PHONE, **summary: Any) -> str:
    """A call that is being handed over; returns its dialog ID. `summary`: what else is known."""
    records, one = app.state.desk.records, dialog_id.new()
    records.open_dialog(Dialog(id=one, caller_phone=phone))
    said = Turn(1, Who.CALLER, "к <b>кардиологу</b>", intent="book", slots={"speciality": "кардиолог", "yes_no": "да"})
    records.add_turn(one, said)
    records.update_dialog(one, transfer_target="operator", reason=reason, summary={**KNOWN, **summary})
    return one


def slots_of(clinic: Clinic, doctor: str) -> list[int]:
    """The IDs of a doctor's slots, in order of time."""
    with clinic.bookings.database.session(is_readonly=True) as session:
        return list(session.scalars(select(SlotRow.id).where(SlotRow.doctor_id == doctor).order_by(SlotRow.start)))
