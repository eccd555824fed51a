"""The recordings beside it: finished files never change, so only new ones are copied; what was deleted, is deleted."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from voicebot.errors import StorageError
from voicebot.records.archive import Archive, Kept

_DRAFT = ".copying"


@dataclass(frozen=True, slots=True)
class Copied:
    """Files."""

    new: int
    kept: int
    removed: int


def mirror(source: Path, target: Path, *, may_remove: bool, archive: Archive | None = None) -> Copied:
    """Make `target` hold the files of `source` and of the store, and where `may_remove` no others. Raises StorageError."""
    new = kept = removed = 0
    try:
        wanted = {path.relative_to(source).as_posix(): path.stat() for path in _files(source)}
        # The folder first: what goes to the store meanwhile is seen twice, never not at all.
        stored = {one.name: one for one in archive.each()} if archive is not None else {}
        for name, facts in wanted.items():
            there = target / name
            if there.exists() and _is_same(there.stat(), facts.st_size, facts.st_mtime):
                kept += 1
            elif _copy(source / name, there):
                new += 1
        for name, one in stored.items():
            there = target / name
            if there.exists() and _is_same(there.stat(), one.size, one.changed_at.timestamp()):
                kept += name not in wanted
            elif archive is not None and _fetch(archive, one, there):
                new += name not in wanted
        if may_remove:
            for path in list(_files(target)):
                name = path.relative_to(target).as_posix()
                if name not in wanted and name not in stored:
                    path.unlink()
                    removed += 1
    except OSError as error:
        raise StorageError(f"Recordings cannot be copied: {error.strerror}.", "Look at the disk and its rights.") from None
    return Copied(new, kept, removed)


def bring_back(source: Path, target: Path, archive: Archive) -> Copied:
    """Put into `target` what the store lacks: it goes there from this folder, as after a call. Raises StorageError."""
    new = kept = 0
    stored = {one.name: one.size for one in archive.each()}
    try:
        for path in list(_files(source)):
            name = path.relative_to(source).as_posix()
            if stored.get(name) == path.stat().st_size or (target / name).exists():
                kept += 1
            elif _copy(path, target / name):
                new += 1
    except OSError as error:
        raise StorageError(f"Recordings cannot be copied: {error.strerror}.", "Look at the disk and its rights.") from None
    return Copied(new, kept, 0)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(_DRAFT))


def _is_same(there: os.stat_result, size: int, changed_at: float) -> bool:
    return there.st_size == size and int(there.st_mtime) == int(changed_at)


def _copy(source: Path, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(target.name + _DRAFT)
    try:
        shutil.copy2(source, draft)
    except FileNotFoundError:  # erased while we copied
        draft.unlink(missing_ok=True)
        return False
    draft.chmod(0o600)
    draft.replace(target)
    return True


def _fetch(archive: Archive, one: Kept, target: Path) -> bool:
    data = archive.read(one.name)
    if data is None:  # erased while we copied
        return False
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(target.name + _DRAFT)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    os.utime(draft, (one.changed_at.timestamp(),) * 2)
    draft.replace(target)
    return True
