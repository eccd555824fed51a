"""The files under a recording: plain, or sealed as they are written. libsndfile swallows write errors: they are kept here."""

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import Protocol

from voicebot.records.sealing import MAGIC, Recipients, seal

#: A recorder writes each second; a brain that hangs is killed within a minute.
_QUIET_WITHOUT_LOCKS_SECONDS = 300.0
_LOCK_TRIES = 50
_LOCK_PAUSE_SECONDS = 0.005


class RecordingFile(Protocol):
    """What libsndfile writes to. `error`: the first refusal of the disk; nothing is written after it."""

    error: OSError | None

    def write(self, data: bytes) -> int: ...
    def read(self, count: int = -1) -> bytes: ...
    def seek(self, offset: int, whence: int = 0) -> int: ...
    def tell(self) -> int: ...
    def flush(self) -> None: ...
    def settle(self) -> None:
        """Bring to the disk what was written so far."""
        ...

    def close(self) -> None: ...


def create(path: Path, recipients: Recipients = ()) -> RecordingFile:
    """Make a new file, readable by its owner only; sealed for `recipients` where there are any. Raises OSError."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    with contextlib.suppress(OSError):  # a shared folder may know no locks; then its time of change has to do
        _lock(descriptor)
    return SealedFile(descriptor, recipients) if recipients else PlainFile(descriptor)


def _lock(descriptor: int) -> None:
    """Whoever looks (`is_being_written`) holds the lock for a moment; without ours the recording would seem finished."""
    for _ in range(_LOCK_TRIES):
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_SECONDS)
    return None


def is_being_written(path: Path) -> bool:
    """Whether some process still records into this file, on this machine or on another that shares the folder.

    The recorder's lock ends with its process, however that ends. Raises no error: what cannot be looked at is not ours.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)  # NFS gives an exclusive lock to writers only
    except OSError:
        return True
    try:
        facts = os.fstat(descriptor)
        is_quiet = time.time() - facts.st_mtime >= _QUIET_WITHOUT_LOCKS_SECONDS
        if not facts.st_size and not is_quiet:
            return True  # just made, and perhaps not locked yet
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return not is_quiet
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


class _Kept:
    """A file whose errors are kept instead of raised."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "w+b", buffering=0)
        self.error: OSError | None = None

    def _write(self, data: bytes) -> int:
        """Write all of it; return 0 and keep the error where the disk refuses."""
        if self.error is not None:
            return 0
        try:
            view = memoryview(data)
            done = 0
            while done < len(view):
                done += self._file.write(view[done:]) or 0
            return done
        except OSError as error:
            self.error = error
            return 0

    def flush(self) -> None:
        """Nothing is buffered by this layer."""

    def _close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error


class PlainFile(_Kept):
    """FLAC as it is."""

    def write(self, data: bytes) -> int:
        return self._write(data)

    def read(self, count: int = -1) -> bytes:
        return self._file.read(count) or b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def settle(self) -> None:
        """It is on its way to the disk already."""

    def close(self) -> None:
        self._close()


class SealedFile(_Kept):
    """Seems a plain file to libsndfile; on the disk there are sealed records only. What waits for `settle` is in memory."""

    def __init__(self, descriptor: int, recipients: Recipients) -> None:
        super().__init__(descriptor)
        self._recipients = recipients
        self._pieces: list[tuple[int, bytearray]] = []
        self._records = 0
        self._position = 0
        self._size = 0
        self._end = self._write(MAGIC)

    def write(self, data: bytes) -> int:
        if self.error is not None:
            return 0
        if self._pieces and sum((self._pieces[-1][0], len(self._pieces[-1][1]))) == self._position:
            self._pieces[-1][1].extend(data)
        else:
            self._pieces.append((self._position, bytearray(data)))
        self._position += len(data)
        self._size = max(self._size, self._position)
        return len(data)

    def read(self, count: int = -1) -> bytes:
        """Nobody reads here: FLAC is written forward, and its header over the old one."""
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._size)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def settle(self) -> None:
        if not self._pieces or self.error is not None:
            return
        record = seal(self._records, self._pieces, self._recipients)
        self._pieces.clear()
        if self._write(record):
            self._records += 1
            self._end += len(record)
            return
        try:
            self._file.truncate(self._end)  # no half record, should the disk have room again
        except OSError:
            return

    def close(self) -> None:
        self.settle()
        self._close()
