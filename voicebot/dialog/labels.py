"""How values are shown to people who read: operators, QA. No stress marks; digits are welcome."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from voicebot.clinic.catalogue import Catalogue
from voicebot.russian.when import When

_MONTHS = ["января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"]
_DAYS = ["пн", "вт", "ср", "чт", "пт", "сб", "вс"]


def moment(at: datetime) -> str:
    """A moment for people who read: "24 ноября 10:30"."""
    return f"{at.day} {_MONTHS[at.month - 1]} {at:%H:%M}"


def wish(when: When) -> str:
    """A wish, compactly: "24 ноября, с 12:00"; alternatives joined by "или"."""
    return " или ".join(_one(one) for one in (when, *when.alternatives))


def _one(when: When) -> str:
    parts = [f"{day.day} {_MONTHS[day.month - 1]}" for day in when.dates]
    if when.weekdays:
        parts.append("/".join(_DAYS[day] for day in sorted(when.weekdays)))
    if when.date_from:
        parts.append(f"с {when.date_from.day} {_MONTHS[when.date_from.month - 1]}")
    if when.date_to:
        parts.append(f"по {when.date_to.day} {_MONTHS[when.date_to.month - 1]}")
    parts += [f"не {day.day} {_MONTHS[day.month - 1]}" for day in sorted(when.excluded_dates)]
    parts += [f"не {_DAYS[day]}" for day in sorted(when.excluded_weekdays)]
    parts += [f"{at:%H:%M}" for at in when.times]
    if when.time_from:
        parts.append(f"с {when.time_from:%H:%M}")
    if when.time_to:
        parts.append(f"до {when.time_to:%H:%M}")
    if when.is_nearest:
        parts.append("ближайшее")
    return ", ".join(parts) or "любое время"


def label(catalogue: Catalogue, kind: str, value: Any) -> str:
    """Return a value's display text by its type."""
    match kind:
        case "doctor":
            return catalogue.doctors[value].full_name if value in catalogue.doctors else ""
        case "speciality":
            return catalogue.specialities[value].title if value in catalogue.specialities else ""
        case "service":
            return catalogue.services[value].title if value in catalogue.services else ""
        case "branch":
            return catalogue.branches[value].name if value in catalogue.branches else ""
        case "test":
            return catalogue.tests[value].title if value in catalogue.tests else ""
        case "faq":
            return catalogue.faq[value].title if value in catalogue.faq else ""
        case "birth_date":
            return f"{value:%d.%m.%Y}" if isinstance(value, date) else ""
        case "datetime":
            return wish(value) if isinstance(value, When) else ""
        case "offer":
            return f"{moment(value.start)}, {label(catalogue, 'doctor', value.doctor_id)}"
        case "yes_no":
            return "да" if value else "нет"
    return "" if value is None else str(value)


def labels(catalogue: Catalogue, slots: Mapping[str, Any]) -> dict[str, str]:
    """Return the display text of each slot by its type."""
    return {kind: label(catalogue, kind, value) for kind, value in slots.items()}
