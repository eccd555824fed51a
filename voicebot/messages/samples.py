"""Made up values for a template's fields, to show what it says."""

from datetime import datetime, time, timedelta
from typing import Any

from voicebot.clinic.entries import Catalogue
from voicebot.messages.template_schema import TemplateSpec


def samples(spec: TemplateSpec, catalogue: Catalogue) -> dict[str, Any]:
    """The first doctor, branch, service of the clinic, the day after tomorrow at half past ten, and so on."""
    doctor = next(iter(catalogue.doctors.values()))
    service = catalogue.default_service(doctor)
    day = datetime.now(catalogue.zone).date() + timedelta(days=2)
    at = datetime.combine(day, time(10, 30), catalogue.zone)
    visit = {"start": at.isoformat(), "branch": doctor.branches[0]}
    known: dict[str, Any] = {
        "when": at.isoformat(),
        "branch": doctor.branches[0],
        "doctor": doctor.id,
        "speciality": doctor.specialities[0],
        "service": service.id if service is not None else next(iter(catalogue.services)),
        "test": next(iter(catalogue.tests), None),
        "visit": 17,
        "visits": [visit, {**visit, "start": (at + timedelta(minutes=30)).isoformat()}],
        "name": "Анна",
        "text": "Хорошо, записала.",
        "phone": "+79161234567",
        "number": 5,
        "code": "12345",
        "url": "https://clinic.example/chat",
        "dialog_id": None,
    }
    return {name: known[field.type] for name, field in spec.fields.items() if name != "dialog_id"}
