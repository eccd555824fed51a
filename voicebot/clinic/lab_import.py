"""Reads laboratory orders from a table: which are ready, never what came out."""

import csv
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from voicebot.clinic.lab_orders import LabOrder
from voicebot.errors import ConfigurationError
from voicebot.russian.phones import parse_phone_digits

COLUMNS = ("number", "phone", "birth_date", "branch", "ready_at")
_NEEDED = COLUMNS[:3]
_DATES = ("%Y-%m-%d", "%d.%m.%Y")
_MOMENTS = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M")
_MOST_PROBLEMS = 20
_LONGEST_NUMBER = 20  # of the table's column


def read_orders(path: Path, zone: ZoneInfo, branches: Mapping[str, object]) -> list[LabOrder]:
    """Return the orders of a CSV file (columns COLUMNS; comma or semicolon; UTF-8). All of it is right, or ConfigurationError.

    Dates are 1985-03-25 or 25.03.1985; `ready_at` also has a time, is local, and is empty while nobody knows. Messages name
    lines, never what stands in them: it is personal.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.", "Give a CSV file.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8.", "Save it as UTF-8.") from None
    heading = text.split("\n", 1)[0]
    rows = csv.DictReader(text.splitlines(), delimiter=";" if heading.count(";") > heading.count(",") else ",")
    known = [name.strip() for name in rows.fieldnames or ()]
    rows.fieldnames = known
    missing = [name for name in _NEEDED if name not in known]
    unknown = [name for name in known if name not in COLUMNS]
    if missing or unknown:
        wrong = f"lacks the columns {', '.join(missing)}" if missing else f"has unknown columns {', '.join(unknown)}"
        raise ConfigurationError(f"{path}:1: the table {wrong}.", f"The first line names columns out of: {', '.join(COLUMNS)}.")
    orders: list[LabOrder] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for row in rows:
        line = rows.line_num
        try:
            order = _order({name: (value or "").strip() for name, value in row.items() if name in COLUMNS}, zone, branches)
        except ValueError as error:
            problems.append(f"{path}:{line}: {error}.")
            continue
        if order.number in seen:
            problems.append(f"{path}:{line}: the number stands in line {seen[order.number]} already.")
        seen[order.number] = line
        orders.append(order)
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        shown = [*problems[:_MOST_PROBLEMS], *([f"... and {more} more"] if more > 0 else [])]
        raise ConfigurationError("\n".join(shown), "Correct these lines; nothing was imported.")
    return orders


def _order(row: Mapping[str, str], zone: ZoneInfo, branches: Mapping[str, object]) -> LabOrder:
    """Raise ValueError saying which column is wrong."""
    number = "".join(character for character in row["number"] if character.isdigit())
    if not number or len(number) > _LONGEST_NUMBER:
        raise ValueError(f"number has 1 to {_LONGEST_NUMBER} digits")
    phone = parse_phone_digits(row["phone"])
    if phone is None:
        raise ValueError("phone is no phone number")
    born = next(_parsed(row["birth_date"], _DATES), None)
    if born is None:
        raise ValueError("birth_date is no date like 31.12.1980")
    branch = row.get("branch", "")
    if branch and branch not in branches:
        raise ValueError(f"branch is none of {', '.join(branches)}")
    ready = row.get("ready_at", "")
    ready_at = next(_parsed(ready, _MOMENTS), None) or next(_parsed(ready, _DATES), None)
    if ready and ready_at is None:
        raise ValueError("ready_at is no moment like 26.11.2026 14:00")
    return LabOrder(number, phone, born.date(), branch, None if ready_at is None else ready_at.replace(tzinfo=zone))


def _parsed(text: str, formats: tuple[str, ...]) -> Iterator[datetime]:
    for one in formats:
        try:
            yield datetime.strptime(text, one)  # noqa: DTZ007 - local times; the zone is put in by the caller
        except ValueError:
            continue
