"""Erasure of one person's data (152-FZ, article 21), and what stays, with the reason. A running dialog is left alone."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import structlog
from sqlalchemy import delete
from sqlalchemy.orm import Session

from voicebot.accounts.audit import Audit
from voicebot.clinic.call_tables import OutgoingCallRow
from voicebot.clinic.pins import forget_number
from voicebot.clinic.tables import AppointmentRow, ContactPointRow, LabOrderRow, WaitingRow
from voicebot.clock import Clock
from voicebot.messages.forgetting import remove_messages
from voicebot.privacy import removal, visits
from voicebot.privacy.patients import Kept, Subject, is_running, kept_of, spellings
from voicebot.records.archive import open_archive
from voicebot.records.dialogs import mask_phone
from voicebot.records.spool import waiting_entries
from voicebot.settings import Settings
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

_BATCH = 50


@dataclass(slots=True)
class Erased:
    """What was removed, by class, and what stays: (reason, how many)."""

    removed: dict[str, int] = field(default_factory=dict)
    stays: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{name} {count}" for name, count in self.removed.items() if count]
        parts += [f"stays: {reason} {count}" for reason, count in self.stays.items() if count]
        return ", ".join(parts) or "nothing"


RUNNING = "running"  # dialogs that go on right now
COMING = "coming_visits"  # booked, still ahead: cancelled first, by whoever answers for the diary
PAST = "past_visits"  # kept unless asked for: the clinic may have to account for them
LAB = "lab_orders"  # likewise
FAMILY = "others_dialogs"  # of the same number, for another person
UNREMOVED = "recordings_not_removed"  # the disk refused, or the store was away
SPOOLED = "spooled_writes"  # the database was away: they come in later, whoever they are of


class Eraser:
    """Removes a person's data. Raises StorageError; run again, it goes on where it was interrupted."""

    def __init__(self, database: Database, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._archive = open_archive(settings)

    def erase(self, subject: Subject, who: str, address: str = "", *, with_visits: bool = False) -> Erased:
        """Remove what may be removed. `with_visits`: past visits lose their patient, orders of the laboratory go."""
        audit = Audit(self._database, self._clock)
        audit.note(who, "erasure_begun", mask_phone(subject.phone), address)
        kept = self._database.run(lambda session: kept_of(session, subject), is_readonly=True)
        done = Erased()
        done.stays[FAMILY] = kept.others_dialogs
        ids = self._dialogs(kept, done)
        self._database.run(lambda session: self._rows(session, kept, done, with_visits))
        self._database.run(lambda session: forget_number(session, subject.phone))
        done.removed["rejected"] = self._rejected({*spellings(subject.phone), *ids})
        done.stays[SPOOLED] = waiting_entries(self._settings.data_dir / "spool")
        if ids:
            removal.settle(self._database)
        audit.note(who, "patient_erased", mask_phone(subject.phone), address, str(done))
        return done

    def _dialogs(self, kept: Kept, done: Erased) -> list[str]:
        """Remove recordings and dialogs; return the IDs of those that are gone."""
        now = self._clock.now()
        over = [row for row in kept.dialogs if not is_running(row, now)]
        done.stays[RUNNING] = len(kept.dialogs) - len(over)
        removed: list[str] = []
        recordings = 0
        for first in range(0, len(over), _BATCH):
            some = over[first : first + _BATCH]
            paths = {row.id: row.recording_path for row in some}
            gone, count = removal.remove_recordings(self._settings.recordings_folder, paths, self._archive)
            recordings += count
            done.stays[UNREMOVED] = done.stays.get(UNREMOVED, 0) + len(paths) - len(gone)
            removal.remove_dialogs(self._database, gone)
            removed += gone
        done.removed |= {"recordings": recordings, "dialogs": len(removed)}
        return removed

    def _rows(self, session: Session, kept: Kept, done: Erased, with_visits: bool) -> None:
        now = self._clock.now()
        for name, table, rows in (
            ("waiting", WaitingRow, kept.waiting),
            ("contact_points", ContactPointRow, kept.contact_points),
            ("outgoing_calls", OutgoingCallRow, kept.outgoing_calls),
        ):
            ids = [row.id for row in rows]
            session.execute(delete(table).where(table.id.in_(ids)))
            done.removed[name] = len(ids)
        done.removed["messages"] = remove_messages(session, {row.id for row in kept.messages})
        rows_now = [session.get_one(AppointmentRow, row.id) for row in kept.visits]
        over = [row for row in rows_now if visits.is_over(row, now)]
        done.stays[COMING] = len(rows_now) - len(over)
        if with_visits:
            done.removed["visits"] = visits.make_nameless(session, over)
            numbers = [row.number for row in kept.lab_orders]
            session.execute(delete(LabOrderRow).where(LabOrderRow.number.in_(numbers)))
            done.removed["lab_orders"] = len(numbers)
        else:
            done.stays |= {PAST: len(over), LAB: len(kept.lab_orders)}
        done.removed["patients"] = visits.remove_patients_without_visits(session, {row.id for row in kept.patients})

    def _rejected(self, marks: set[str]) -> int:
        """Take the person's lines out of what the database refused for good; return how many."""
        count = 0
        for file in sorted((self._settings.data_dir / "spool").glob("*.rejected.jsonl")):
            lines = file.read_bytes().splitlines(keepends=True)
            left = [line for line in lines if not _names(line, marks)]
            count += len(lines) - len(left)
            if len(left) < len(lines):
                _replace(file, left)
        return count


def _names(line: bytes, marks: set[str]) -> bool:
    """Whether a line of the spool is about one of some dialogs or phone numbers."""
    try:
        entry = json.loads(line)
    except ValueError:
        entry = {}
    is_theirs = isinstance(entry, dict) and entry.get("id") in marks
    return is_theirs or any(mark.encode() in line for mark in marks if len(mark) >= 10)


def _replace(file: Path, lines: Iterable[bytes]) -> None:
    draft = file.with_suffix(".draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.writelines(lines)
    draft.replace(file)


def what_would_stay(kept: Kept, now: datetime) -> dict[str, int]:
    """Return what an erasure would leave, by reason, as it stands now."""
    over = [row for row in kept.visits if visits.is_over(row, now)]
    return {
        RUNNING: sum(is_running(row, now) for row in kept.dialogs),
        COMING: len(kept.visits) - len(over),
        PAST: len(over),
        LAB: len(kept.lab_orders),
        FAMILY: kept.others_dialogs,
    }
