"""The recordings beside it: finished files never change, so only new ones are copied; what was deleted, is deleted."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from voicebot.errors import StorageError

_DRAFT = ".copying"


@dataclass(frozen=True, slots=True)
class Copied:
    """Files."""

    new: int
    kept: int
    removed: int


def mirror(source: Path, target: Path, *, may_remove: bool) -> Copied:
    """Make `target` hold the files of `source`, and where `may_remove` no others. Raises StorageError."""
    new = kept = removed = 0
    try:
        wanted = {path.relative_to(source): path.stat() for path in _files(source)}
        for name, facts in wanted.items():
            there = target / name
            if there.exists() and _is_same(there.stat(), facts):
                kept += 1
                continue
            _copy(source / name, there)
            new += 1
        if may_remove:
            for path in list(_files(target)):
                if path.relative_to(target) not in wanted:
                    path.unlink()
                    removed += 1
    except OSError as error:
        raise StorageError(f"Recordings cannot be copied: {error.strerror}.", "Look at the disk and its rights.") from None
    return Copied(new, kept, removed)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.name.endswith(_DRAFT))


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return one.st_size == other.st_size and int(one.st_mtime) == int(other.st_mtime)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(target.name + _DRAFT)
    try:
        shutil.copy2(source, draft)
    except FileNotFoundError:  # erased while we copied
        draft.unlink(missing_ok=True)
        return
    draft.chmod(0o600)
    draft.replace(target)
