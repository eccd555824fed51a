"""Everything that is kept of one person, as files to hand out (152-FZ, article 14): for people and for machines."""

import json
import os
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import inspect

from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.privacy.patients import Kept, Subject, kept_of
from voicebot.records.recordings import Recordings
from voicebot.records.store import RecordStore
from voicebot.records.transcript import head_lines, json_line, turn_lines
from voicebot.settings import Settings
from voicebot.storage.database import Database

README = """Данные, которые хранит голосовой робот клиники
===============================================

patient.json        номер телефона, пациенты, приёмы, лист ожидания, сообщения и адреса для них, заказы анализов, звонки
dialogs/ID.txt      разговор для чтения
dialogs/ID.json     разговор для программ: все реплики, варианты распознавания, времена
audio/ID.flac       запись разговора (слева пациент, справа робот или оператор)
notices.json        тексты предупреждений о записи, которые прозвучали
missing.json        чего не удалось приложить, и почему

Состав выгрузки описан в docs/privacy.md.
"""


class Sink(Protocol):
    """Where files of an export go."""

    def put(self, name: str, data: bytes) -> None: ...


class FolderSink:
    """A folder of its own, readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise StorageError(
                f"{folder} cannot be made ({error.strerror}).", "Name a folder that does not exist yet."
            ) from None

    def put(self, name: str, data: bytes) -> None:
        target = self._folder / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)


class ZipSink:
    """An archive, written as it grows."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def put(self, name: str, data: bytes) -> None:
        kind = zipfile.ZIP_STORED if name.endswith(".flac") else zipfile.ZIP_DEFLATED
        self._archive.writestr(name, data, kind)


def export(database: Database, settings: Settings, records: RecordStore, clock: Clock, subject: Subject, sink: Sink) -> int:
    """Put everything of a person into `sink`; return how many dialogs that were. What cannot be read is named in it."""
    kept = database.run(lambda session: kept_of(session, subject), is_readonly=True)
    for name, data in _files(kept, settings, records, clock, subject):
        sink.put(name, data)
    return len(kept.dialogs)


def _files(kept: Kept, settings: Settings, records: RecordStore, clock: Clock, subject: Subject) -> Iterator[tuple[str, bytes]]:
    yield "README.txt", README.encode()
    yield "patient.json", _json(facts_of(kept, subject, clock.now()))
    recordings = Recordings(settings)
    missing: dict[str, str] = {}
    notices: dict[str, str] = {}
    for row in kept.dialogs:
        dialog = records.get(row.id)
        if dialog is None:
            continue  # purged meanwhile
        lines = [*head_lines(dialog, settings.zoneinfo), ""]
        for turn in dialog.turns:
            lines += turn_lines(turn)
        yield f"dialogs/{dialog.id}.txt", ("\n".join(lines) + "\n").encode()
        yield f"dialogs/{dialog.id}.json", (json_line(dialog) + "\n").encode()
        if dialog.notice_version and dialog.notice_version not in notices:
            notices[dialog.notice_version] = records.notice(dialog.notice_version)
        if not dialog.recording_path:
            continue
        try:
            yield f"audio/{dialog.id}.flac", recordings.flac(dialog)
        except StorageError as error:
            missing[f"audio/{dialog.id}.flac"] = str(error)
    yield "notices.json", _json(notices)
    yield "missing.json", _json(missing)


def facts_of(kept: Kept, subject: Subject, now: datetime) -> dict[str, Any]:
    """Return the rows of a person as plain values."""
    return {
        "format": 1,
        "made_at": now,
        "phone": subject.phone,
        "birth_date": subject.birth_date,
        "patients": [_plain(row) for row in kept.patients],
        "visits": [_plain(row) for row in kept.visits],
        "waiting_list": [_plain(row) for row in kept.waiting],
        "messages": [_plain(row) for row in kept.messages],
        "deliveries": [_plain(row) for row in kept.deliveries],
        "reminders": [_plain(row) for row in kept.reminders],
        "contact_points": [_plain(row) for row in kept.contact_points],
        "outgoing_calls": [_plain(row) for row in kept.outgoing_calls],
        "lab_orders": [_plain(row) for row in kept.lab_orders],
        "call_backs": [_plain(row) for row in kept.call_backs],
        "dialogs": [row.id for row in kept.dialogs],
    }


def _plain(row: Any) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in inspect(type(row)).column_attrs}


def _json(value: Any) -> bytes:
    def other(item: Any) -> str:
        return item.isoformat() if isinstance(item, date | datetime) else str(item)

    return (json.dumps(value, ensure_ascii=False, indent=2, default=other) + "\n").encode()
