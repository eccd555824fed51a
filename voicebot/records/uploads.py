"""From this machine's folder to the store of recordings: each finished recording, until the store has it.

The folder is the spool: a file goes only when the store holds all of it, so that nothing is lost while the store is away. What
no dialog names (erased at a patient's wish while it waited here) is never put there, and deleted in the end.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import structlog
from sqlalchemy import select

from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.records.archive import Archive
from voicebot.records.flac import is_complete, repair
from voicebot.records.recording_files import is_being_written
from voicebot.records.sealing import SUFFIX
from voicebot.records.tables import DialogRow
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

EVERY_SECONDS = 5.0
_FIRST_PAUSE_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 300.0
#: A dialog, or the name of its recording, may come to the database late (it waits on the disk); after so long it will not.
_NOBODYS = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Waiting:
    """What has not come to the store yet."""

    files: int
    oldest_seconds: float


class Uploads:
    """Of one machine; use from one thread. `run` is called again and again; it waits longer after each failure of the store."""

    def __init__(self, folder: Path, archive: Archive, database: Database, clock: Clock) -> None:
        self._folder = folder
        self._archive = archive
        self._database = database
        self._clock = clock
        self._pause_seconds = 0.0
        self._not_before = 0.0

    def run(self) -> int:
        """Put there what is finished; return how many files that were. Raises StorageError where the database is away."""
        if self._clock.monotonic_seconds() < self._not_before:
            return 0
        count = 0
        try:
            for path in list(finished(self._folder)):
                count += self._take(path)
        except StorageError as error:
            self._pause_seconds = min(_LONGEST_PAUSE_SECONDS, self._pause_seconds * 2 or _FIRST_PAUSE_SECONDS)
            self._not_before = self._clock.monotonic_seconds() + self._pause_seconds
            waiting = waiting_in(self._folder, self._clock)
            log.error(
                "recordings_wait", files=waiting.files, why=error.message, cure=error.cure, again_in_seconds=self._pause_seconds
            )
            return count
        if self._pause_seconds:
            log.info("recordings_no_longer_wait", files=count)
        self._pause_seconds = self._not_before = 0.0
        return count

    def _take(self, path: Path) -> bool:
        """Raises StorageError. A file that goes meanwhile (erased, purged) is left out of the store, too."""
        name = path.relative_to(self._folder).as_posix()
        try:
            _complete(path)
            before = path.stat()
            if not self._is_named(name):
                if self._clock.now().timestamp() - before.st_mtime > _NOBODYS.total_seconds():
                    path.unlink(missing_ok=True)
                    log.info("nobodys_recording_removed", name=path.name)
                return False
            self._archive.put(name, path)
            after = path.stat() if self._is_named(name) else None
        except FileNotFoundError:
            after = None
        if after is None:  # erased while we sent it: whoever erased it did not find it there
            self._archive.remove(name)
            return False
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            return False  # sealed or completed anew meanwhile: once more
        path.unlink(missing_ok=True)
        return True

    def _is_named(self, name: str) -> bool:
        """Whether a dialog has this recording, as far as the database knows by now."""
        dialog_id = Path(name).name.split(".")[0]
        query = select(DialogRow.recording_path).where(DialogRow.id == dialog_id)
        known = self._database.run(lambda session: session.scalar(query), is_readonly=True)
        return known in (name, name.removesuffix(SUFFIX))


def _complete(path: Path) -> None:
    """Complete what a killed process left: nobody else will. Raises FileNotFoundError where there is none any more."""
    try:
        if path.suffix == ".flac" and not is_complete(path):
            repair(path)
    except FileNotFoundError:
        raise
    except (OSError, StorageError) as error:
        log.warning("recording_sent_as_it_is", name=path.name, why=type(error).__name__)


def finished(folder: Path) -> Iterator[Path]:
    """Yield the recordings that nobody writes to any more, the oldest day first."""
    for path in sorted(folder.glob("[0-9]*/[0-9]*/[0-9]*/*")):
        if path.suffix in (".flac", SUFFIX) and not is_being_written(path):
            yield path


def waiting_in(folder: Path, clock: Clock) -> Waiting:
    """Return how much waits, and since when the longest waits."""
    changed = []
    for path in finished(folder):
        with contextlib.suppress(FileNotFoundError):  # just gone to the store
            changed.append(path.stat().st_mtime)
    return Waiting(len(changed), max(0.0, clock.now().timestamp() - min(changed)) if changed else 0.0)
