"""Making a copy, and going back to one."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, inspect, select

from voicebot import __version__, status
from voicebot.backup import catalogue
from voicebot.backup.catalogue import Copy
from voicebot.backup.database_copy import copy_database, ending_of, put_back
from voicebot.backup.recordings_copy import Copied, bring_back, mirror
from voicebot.clock import Clock
from voicebot.errors import ConfigurationError, StorageError
from voicebot.records.archive import open_archive
from voicebot.records.tables import DialogRow
from voicebot.settings import Settings
from voicebot.storage.database import open_database
from voicebot.storage.upgrade import current


@dataclass(frozen=True, slots=True)
class Backup:
    """What was copied. `dropped`: older copies of the database that went."""

    copy: Copy
    recordings: Copied
    dropped: int


def back_up(settings: Settings, clock: Clock, folder: Path, keep: int, *, keeps_deleted: bool = False) -> Backup:
    """Copy database and new recordings into `folder` while the robot works; keep the last `keep` copies (0: all)."""
    _prepare(folder, settings)
    made_at = clock.now()
    file = folder / catalogue.name_of(made_at, ending_of(settings.database_url))
    draft = file.with_name(f"unfinished-{file.name}")
    try:
        copy_database(settings.database_url, draft)
        revision, dialogs = _facts(settings.database_url)
        copy = Copy(
            file=file.name,
            made_at=made_at,
            version=__version__,
            revision=revision,
            sha256=catalogue.checksum(draft),
            dialogs=dialogs,
        )
        draft.replace(file)
    except FileExistsError:
        raise StorageError(f"{draft.name} is being made already.", "Wait for it, or remove it if nobody makes it.") from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    copied = mirror(
        settings.recordings_folder, folder / catalogue.RECORDINGS, may_remove=not keeps_deleted, archive=open_archive(settings)
    )
    catalogue.note(folder, copy)
    return Backup(copy, copied, catalogue.drop_all_but(folder, keep))


def chosen(folder: Path, stamp: str = "") -> Copy:
    """Return the newest copy, or the one whose name has `stamp` in it. Raises ConfigurationError."""
    found = [copy for copy in catalogue.copies(folder) if stamp in copy.file] if folder.is_dir() else []
    if not found:
        raise ConfigurationError(f"{folder} holds no such copy.", "`voicebot backup list FOLDER` shows what is there.")
    return found[-1]


def restore(settings: Settings, clock: Clock, folder: Path, copy: Copy, *, may_replace: bool) -> Copied:
    """Go back to a copy. The robot must not run; a database with dialogs is replaced only if that `may_replace`."""
    if any(facts["is_alive"] for facts in status.read(settings.run_dir, clock).values()):
        raise ConfigurationError("The robot runs.", "Stop it first: systemctl stop voicebot.")
    if not may_replace and _has_dialogs(settings.database_url, settings):
        raise ConfigurationError(
            "The database that is there holds dialogs.", "Make a copy of it, then say --replace: it will be overwritten."
        )
    source = folder / copy.file
    if catalogue.checksum(source) != copy.sha256:
        raise StorageError(f"{copy.file} was changed after it was made.", "Take another copy.")
    put_back(settings.database_url, source)
    archive = open_archive(settings)
    if archive is not None:
        return bring_back(folder / catalogue.RECORDINGS, settings.recordings_folder, archive)
    return mirror(folder / catalogue.RECORDINGS, settings.recordings_folder, may_remove=False)


def _prepare(folder: Path, settings: Settings) -> None:
    ours = [settings.data_dir.resolve(), settings.recordings_folder.resolve()]
    if any(folder.resolve().is_relative_to(own) for own in ours):
        raise ConfigurationError("The copy would lie among what is copied.", "Name a folder on another disk or machine.")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}.", "Name a folder that can be written.") from None


def _facts(url: str) -> tuple[str, int]:
    database = open_database(url)
    try:
        with database.session(is_readonly=True) as session:
            dialogs = session.scalar(select(func.count()).select_from(DialogRow)) or 0
        return current(database), dialogs
    finally:
        database.close()


def _has_dialogs(url: str, settings: Settings) -> bool:
    if not settings.database.url and not (settings.data_dir / "voicebot.db").exists():
        return False
    database = open_database(url)
    try:
        with database.session(is_readonly=True) as session:
            if not inspect(session.connection()).has_table(DialogRow.__tablename__):
                return False
            return session.scalar(select(DialogRow.id).limit(1)) is not None
    finally:
        database.close()
