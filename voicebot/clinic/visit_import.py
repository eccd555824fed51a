"""Reads from a table who came and who did not, as another system of the clinic knows it, and marks the visits."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from voicebot.clinic.tables import AppointmentRow, AppointmentStatus
from voicebot.clock import Clock
from voicebot.errors import ConfigurationError
from voicebot.russian.phones import parse_phone_digits
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

COLUMNS = ("id", "phone", "start", "doctor", "status")
#: What the first line may say instead.
RUSSIAN_COLUMNS: Mapping[str, str] = {
    "номер": "id",
    "телефон": "phone",
    "начало": "start",
    "врач": "doctor",
    "статус": "status",
    "явка": "status",
}
_STATUSES: Mapping[str, AppointmentStatus] = {
    "arrived": AppointmentStatus.ARRIVED,
    "fulfilled": AppointmentStatus.FULFILLED,
    "noshow": AppointmentStatus.NOSHOW,
    "пришел": AppointmentStatus.ARRIVED,
    "пришла": AppointmentStatus.ARRIVED,
    "явился": AppointmentStatus.ARRIVED,
    "принят": AppointmentStatus.FULFILLED,
    "принята": AppointmentStatus.FULFILLED,
    "не пришел": AppointmentStatus.NOSHOW,
    "не пришла": AppointmentStatus.NOSHOW,
    "неявка": AppointmentStatus.NOSHOW,
}
_MOMENTS = ("%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%d.%m.%Y %H:%M", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S")
_DELIMITERS = ";,\t"
_MOST_PROBLEMS = 20
#: A visit may be marked in advance by so much: patients come early.
_EARLY = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Mark:
    """A line of the table. Either `appointment_id`, or `phone` (E.164) and `start` (aware) say which visit."""

    line: int
    status: AppointmentStatus
    appointment_id: int | None = None
    phone: str = ""
    start: datetime | None = None
    doctor_id: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """How many visits were marked anew, and how many were so already."""

    marked: int
    same: int


def read_marks(path: Path, zone: ZoneInfo, doctors: Mapping[str, object]) -> list[Mark]:
    """Return the lines of a CSV file (columns COLUMNS or RUSSIAN_COLUMNS; UTF-8). All of it is right, or ConfigurationError.

    A line names a visit by our own `id`, or by `phone` and `start` (local, 24.11.2026 10:30), with `doctor` (an ID) where a
    family comes at once. Messages name lines, never what stands in them: it is personal.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.", "Give a CSV file.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} is not UTF-8.", "Save it as UTF-8.") from None
    heading = text.split("\n", 1)[0]
    rows = csv.DictReader(text.splitlines(), delimiter=max(_DELIMITERS, key=heading.count))
    names = [name.strip().lower() for name in rows.fieldnames or ()]
    rows.fieldnames = [RUSSIAN_COLUMNS.get(name, name) for name in names]
    _check_columns(path, rows.fieldnames)
    marks: list[Mark] = []
    problems: list[str] = []
    for row in rows:
        values = {name: (value or "").strip() for name, value in row.items() if name in COLUMNS}
        if not any(values.values()):
            continue
        try:
            marks.append(_mark(rows.line_num, values, zone, doctors))
        except ValueError as error:
            problems.append(f"{path}:{rows.line_num}: {error}.")
    _refuse(problems)
    return marks


def import_marks(database: Database, clock: Clock, path: Path, marks: Sequence[Mark], *, is_trial: bool = False) -> Imported:
    """Mark the visits, all or none: ConfigurationError names the lines whose visit is unknown, cancelled or still to come."""

    def work(session: Session) -> Imported:
        now = clock.now()
        problems: list[str] = []
        marked = same = 0
        for mark in marks:
            try:
                row = _visit(session, mark)
                _check(row, mark, now)
            except ValueError as error:
                problems.append(f"{path}:{mark.line}: {error}.")
                continue
            same += row.status == mark.status.value
            marked += row.status != mark.status.value
            row.status = mark.status.value
        _refuse(problems)
        if is_trial:
            session.rollback()
        return Imported(marked, same)

    found = database.run(work)
    log.info("visits_imported", marked=found.marked, same=found.same, is_trial=is_trial)
    return found


def _check_columns(path: Path, names: Sequence[str]) -> None:
    missing = [name for name in ("status",) if name not in names]
    if "id" not in names and not {"phone", "start"} <= set(names):
        missing.append("id, or phone and start")
    unknown = [name for name in names if name not in COLUMNS]
    if missing or unknown:
        wrong = f"lacks the columns {', '.join(missing)}" if missing else f"has unknown columns {', '.join(unknown)}"
        raise ConfigurationError(f"{path}:1: the table {wrong}.", f"The first line names columns out of: {', '.join(COLUMNS)}.")


def _mark(line: int, row: Mapping[str, str], zone: ZoneInfo, doctors: Mapping[str, object]) -> Mark:
    """Raise ValueError saying which column is wrong."""
    status = _STATUSES.get(" ".join(row["status"].lower().replace("ё", "е").split()))
    if status is None:
        raise ValueError(f"status is none of {', '.join(_STATUSES)}")
    if row.get("id"):
        if not row["id"].isdecimal() or len(row["id"]) > 15:
            raise ValueError("id is no number of a visit")
        return Mark(line, status, appointment_id=int(row["id"]))
    phone = parse_phone_digits(row.get("phone", ""))
    if phone is None:
        raise ValueError("phone is no phone number")
    start = next(_moments(row.get("start", "")), None)
    if start is None:
        raise ValueError("start is no moment like 24.11.2026 10:30")
    doctor = row.get("doctor", "")
    if doctor and doctor not in doctors:
        raise ValueError("doctor is not in the catalogue")
    return Mark(line, status, phone=phone, start=start.replace(tzinfo=zone), doctor_id=doctor)


def _moments(text: str) -> Iterator[datetime]:
    for one in _MOMENTS:
        try:
            yield datetime.strptime(text, one)  # noqa: DTZ007 - local times; the zone is put in by the caller
        except ValueError:
            continue


def _visit(session: Session, mark: Mark) -> AppointmentRow:
    """The visit that a line means, locked. Raise ValueError when there is none, or more than one."""
    query = select(AppointmentRow).with_for_update()
    if mark.appointment_id is not None:
        row = session.scalar(query.where(AppointmentRow.id == mark.appointment_id))
        if row is None:
            raise ValueError("there is no visit of this number")
        return row
    query = query.where(AppointmentRow.phone == mark.phone, AppointmentRow.start == mark.start)
    if mark.doctor_id:
        query = query.where(AppointmentRow.doctor_id == mark.doctor_id)
    rows = session.scalars(query).all()
    live = [row for row in rows if row.status != AppointmentStatus.CANCELLED.value] or list(rows)
    if not live:
        raise ValueError("no visit begins then for this phone")
    if len(live) > 1:
        raise ValueError("several visits begin then for this phone: name the doctor, or the visit's number")
    return live[0]


def _check(row: AppointmentRow, mark: Mark, now: datetime) -> None:
    if row.status == AppointmentStatus.CANCELLED.value:
        raise ValueError("this visit was cancelled or moved")
    has_begun = now >= row.start
    if not has_begun and (mark.status is not AppointmentStatus.ARRIVED or row.start - now > _EARLY):
        raise ValueError("this visit is still to come")


def _refuse(problems: Sequence[str]) -> None:
    if problems:
        more = len(problems) - _MOST_PROBLEMS
        shown = [*problems[:_MOST_PROBLEMS], *([f"... and {more} more"] if more > 0 else [])]
        raise ConfigurationError("\n".join(shown), "Correct these lines; nothing was imported.")
