"""What copies a folder holds: one small file beside each says when, by which version, and its checksum."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from voicebot.errors import StorageError

RECORDINGS = "recordings"
_NAMED = "database-{:%Y%m%dT%H%M%SZ}"
_TOLD = ".json"
_CHUNK = 1 << 20


class Copy(BaseModel):
    """One copy of the database. `file`: its name in the folder; `dialogs`: how many it holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    made_at: datetime
    version: str
    revision: str
    sha256: str
    dialogs: int


def name_of(made_at: datetime, ending: str) -> str:
    """Return the name of a copy's file; `made_at` in UTC."""
    return _NAMED.format(made_at) + ending


def note(folder: Path, copy: Copy) -> None:
    """Write down that the copy is there and whole: without this it does not count."""
    place = folder / (copy.file + _TOLD)
    draft = place.with_suffix(".tmp")
    draft.write_text(copy.model_dump_json(indent=2) + "\n")
    draft.replace(place)


def copies(folder: Path) -> list[Copy]:
    """Return the whole copies of a folder, the oldest first. Raises StorageError where a note is damaged."""
    return sorted(_noted(folder), key=lambda copy: copy.made_at)


def _noted(folder: Path) -> Iterator[Copy]:
    for file in folder.glob("database-*" + _TOLD):
        try:
            copy = Copy.model_validate_json(file.read_bytes())
        except (OSError, ValidationError):
            raise StorageError(f"{file.name} is damaged.", "Move it and its copy away.") from None
        if (folder / copy.file).is_file():
            yield copy


def drop_all_but(folder: Path, keep: int) -> int:
    """Remove the oldest copies until `keep` are left; return how many went."""
    old = copies(folder)[: -keep or None] if keep else []
    for copy in old:
        (folder / (copy.file + _TOLD)).unlink(missing_ok=True)
        (folder / copy.file).unlink(missing_ok=True)
    return len(old)


def checksum(file: Path) -> str:
    """Return a file's SHA-256 in hexadecimal."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
