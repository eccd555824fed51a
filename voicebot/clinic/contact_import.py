"""Reads from a table where patients can be reached and what they agreed to: push tokens of an app, consents to calls."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voicebot.clinic.contact_points import BY_NUMBER, ContactPoints
from voicebot.errors import ConfigurationError
from voicebot.russian.phones import parse_phone_digits

COLUMNS = ("phone", "system", "value", "consent", "details")
_NEEDED = ("phone", "system", "consent")
_SYSTEMS = ("sms", "telegram", "max", "viber", "push", "call")
_WORDS: Mapping[str, bool] = {"yes": True, "да": True, "1": True, "no": False, "нет": False, "0": False}
_LONGEST_VALUE = 200
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Contact:
    """A line. `has_consent` False: the patient wants nothing there. `allows_details` None: nothing was said about it."""

    phone: str
    system: str
    value: str
    has_consent: bool
    allows_details: bool | None


def read_contacts(path: Path) -> Sequence[Contact]:
    """Return the lines of a CSV file (comma, semicolon; UTF-8). All of it is right, or ConfigurationError.

    `value` is empty where the number itself is the address (sms, viber, call). Messages name lines, never what stands there.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.", "Give a CSV file.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8.", "Save it as UTF-8.") from None
    heading = lines[0] if lines else ""
    rows = csv.DictReader(lines, delimiter=";" if heading.count(";") > heading.count(",") else ",")
    names = [name.strip() for name in rows.fieldnames or ()]
    rows.fieldnames = names
    if wrong := [name for name in _NEEDED if name not in names] or [name for name in names if name not in COLUMNS]:
        cure = f"The first line names columns out of: {', '.join(COLUMNS)}; {', '.join(_NEEDED)} must be there."
        raise ConfigurationError(f"{path}:1: columns are missing or unknown: {', '.join(wrong)}.", cure)
    found: list[Contact] = []
    problems: list[str] = []
    for row in rows:
        try:
            found.append(_contact({name: (row.get(name) or "").strip() for name in COLUMNS}))
        except ValueError as error:
            problems.append(f"{path}:{rows.line_num}: {error}.")
    if problems:
        raise ConfigurationError("\n".join(problems[:_MOST_PROBLEMS]), "Correct these lines; nothing was imported.")
    return found


def import_contacts(points: ContactPoints, contacts: Sequence[Contact], source: str) -> int:
    """Take them over; the same again changes nothing. Return how many. Raises StorageError."""
    for one in contacts:
        if one.has_consent:
            points.link(
                one.phone,
                one.system,
                one.value,
                is_verified=True,
                has_consent=True,
                allows_details=one.allows_details,
                source=source,
            )
        else:
            points.withdraw(one.phone, one.system, one.value, source)
    return len(contacts)


def _contact(row: Mapping[str, str]) -> Contact:
    """Raise ValueError saying which column is wrong."""
    phone = parse_phone_digits(row["phone"])
    if phone is None:
        raise ValueError("phone is no phone number")
    system = row["system"].lower()
    if system not in _SYSTEMS:
        raise ValueError(f"system is none of {', '.join(_SYSTEMS)}")
    if len(row["value"]) > _LONGEST_VALUE or (not row["value"] and system not in BY_NUMBER):
        raise ValueError("value is the chat's or the device's ID; empty for sms, viber and call only")
    consent, details = _WORDS.get(row["consent"].lower()), _WORDS.get(row["details"].lower())
    if consent is None:
        raise ValueError("consent is yes or no")
    if row["details"] and details is None:
        raise ValueError("details is yes, no or empty")
    return Contact(phone, system, row["value"], consent, details)
