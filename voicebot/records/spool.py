"""A journal on disk for what the database refused; replayed in order when it is back.

One file a process, held by an advisory lock for as long as the process lives: a file without a holder was left by a crash
and is replayed by whoever comes next. Entries hold what was said, so files are readable by their owner only.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import structlog

from voicebot.errors import StorageError

log = structlog.get_logger(__name__)

Entry = dict[str, Any]


class EntryRejected(Exception):
    """The database will never take this entry (it contradicts what is stored)."""


class Spool:
    """Appends entries durably, and replays its own and orphaned files. Not thread-safe: its owner locks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rejected_count = 0
        self._descriptor: int | None = None
        self._path: Path | None = None
        self._own_count = 0
        self._memory: list[Entry] = []  # when even this disk refuses
        # How far files were taken before the database refused again: nothing is applied twice by a process, and a long
        # journal comes in piece by piece however often the database refuses meanwhile.
        self._taken_bytes: dict[Path, int] = {}

    @property
    def own_count(self) -> int:
        """Entries of this process that wait for the database."""
        return self._own_count + len(self._memory)

    def append(self, entry: Entry) -> None:
        """Keep an entry; on return it survives a crash of the process and of the machine, if the disk works."""
        if not self._memory:
            try:
                self._append_to_file(entry)
                return
            except OSError as error:
                log.critical("spool_refused", why=error.strerror, cure="Free the disk of data_dir.")
        self._memory.append(entry)

    def replay(self, apply: Callable[[Entry], None], is_own_only: bool = False) -> int:
        """Give every waiting entry to `apply`, oldest file first; return how many it took.

        `apply` must be idempotent. It raises EntryRejected for what can never be stored (moved to *.rejected.jsonl) and
        StorageError when the database is still away: the rest then waits on.
        """
        count = 0
        if not is_own_only:
            for path in self._orphans():
                count += self._replay_orphan(path, apply)
        return count + self._replay_own(apply)

    def close(self) -> None:
        """Give up the lock; what still waits is then an orphan for the next process."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            if self._own_count == 0 and self._path is not None:
                self._path.unlink(missing_ok=True)

    def _append_to_file(self, entry: Entry) -> None:
        descriptor = self._open()
        end = os.lseek(descriptor, 0, os.SEEK_END)
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        try:
            view = memoryview(line)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, end)  # no torn line in the middle
            raise
        self._own_count += 1

    def _open(self) -> int:
        if self._descriptor is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Files are replayed in the order of their numbers, the order in which their processes met trouble.
            self._path = self.folder / f"{_next_number(self.folder):08d}-{os.getpid()}-{secrets.token_hex(4)}.jsonl"
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)  # the file's name must survive too
            finally:
                os.close(folder)
        return self._descriptor

    def _orphans(self) -> Iterator[Path]:
        for path in sorted(self.folder.glob("*.jsonl")):
            if path != self._path and not path.name.endswith(".rejected.jsonl"):
                yield path

    def _replay_orphan(self, path: Path, apply: Callable[[Entry], None]) -> int:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0  # another process took it
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0  # its process lives
            if os.fstat(descriptor).st_nlink == 0:
                return 0  # another process finished it between our open and our lock
            count = self._apply_file(path, apply)
            path.unlink()
            self._taken_bytes.pop(path, None)
            log.warning("spool_replayed", entries=count)
            return count
        finally:
            os.close(descriptor)

    def _replay_own(self, apply: Callable[[Entry], None]) -> int:
        count = 0
        if self._own_count and self._path is not None and self._descriptor is not None:
            count += self._apply_file(self._path, apply)
            os.ftruncate(self._descriptor, 0)
            self._taken_bytes.pop(self._path, None)
            self._own_count = 0
        while self._memory:
            try:
                apply(self._memory[0])
                count += 1
            except EntryRejected:
                self.rejected_count += 1
                log.error("entry_rejected", op=self._memory[0].get("op"))
            self._memory.pop(0)
        return count

    def _apply_file(self, path: Path, apply: Callable[[Entry], None]) -> int:
        count = 0
        for line in path.read_bytes()[self._taken_bytes.get(path, 0) :].splitlines(keepends=True):
            entry = _entry(line)
            try:
                if entry is None:
                    raise EntryRejected  # only a crash in mid-write leaves half a line; it was never acknowledged
                apply(entry)
                count += 1
            except EntryRejected:
                self._reject(path, line)
            self._taken_bytes[path] = self._taken_bytes.get(path, 0) + len(line)
            if path == self._path:
                self._own_count -= 1
        return count

    def _reject(self, path: Path, line: bytes) -> None:
        self.rejected_count += 1
        target = path.with_suffix(".rejected.jsonl")
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, line if line.endswith(b"\n") else line + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        log.error("entry_rejected", file=target.name, cure="Look at the file; the database holds something else.")


def _entry(line: bytes) -> Entry | None:
    try:
        entry: Entry = json.loads(line)
    except ValueError:
        return None
    return entry


def _next_number(folder: Path) -> int:
    numbers = [int(p.name[:8]) for p in folder.glob("*.jsonl") if p.name[:8].isdigit()]
    return max(numbers, default=0) + 1


def waiting_entries(folder: Path) -> int:
    """Return how many entries of all processes wait for the database (for /health)."""
    try:
        return sum(
            path.read_bytes().count(b"\n") for path in folder.glob("*.jsonl") if not path.name.endswith(".rejected.jsonl")
        )
    except OSError as error:
        raise StorageError(f"The spool {folder.name} cannot be read ({error.strerror}).", "Check data_dir.") from error
