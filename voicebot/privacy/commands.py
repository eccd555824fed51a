"""`voicebot privacy ...`: what is kept too long, one person's data, the keys of recordings."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from pyrage.x25519 import Identity
from rich.console import Console
from rich.table import Table

from voicebot import logs
from voicebot import settings as settings_module
from voicebot.accounts.audit import Audit
from voicebot.clock import SystemClock
from voicebot.errors import StorageError
from voicebot.privacy.erase import Eraser, what_would_stay
from voicebot.privacy.export import FolderSink, ZipSink
from voicebot.privacy.export import export as put_all
from voicebot.privacy.patients import Kept, Subject, kept_of, subject_of
from voicebot.privacy.resealing import seal_all
from voicebot.privacy.retention import Purge
from voicebot.records.dialogs import mask_phone
from voicebot.records.flac import completed
from voicebot.records.sealing import is_sealed, read_identities, unseal
from voicebot.records.store import RecordStore
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import upgrade

app = typer.Typer(help="Personal data: the purge, one person's export and erasure, keys of recordings.", no_args_is_help=True)
_console = Console()
_SHELL = "command line"

Phone = Annotated[str, typer.Option("--phone", prompt="Phone number", help="asked for when not given: shells remember")]
Born = Annotated[str, typer.Option("--birth-date", help="1985-05-12 or 12.05.1985: one person of a family's number")]

REASONS = {
    "running": "dialogs that are running now: erase again when they are over",
    "coming_visits": "visits to come: cancel them first",
    "past_visits": "past visits (the clinic may have to account for them; --visits makes them nameless)",
    "lab_orders": "orders of the laboratory (--visits deletes them)",
    "others_dialogs": "dialogs of the same number for another person",
    "recordings_not_removed": "recordings that the disk did not let go: see the log",
    "spooled_writes": "writes that wait for the database, whoever they are of: erase again when it is back",
}


@app.command()
def purge(dry_run: Annotated[bool, typer.Option("--dry-run", help="only count")] = False) -> None:
    """Remove what is older than `retention` allows; the desk does it once a day by itself."""
    with _opened() as (settings, database):
        job = Purge(database, settings, SystemClock())
        found = job.due() if dry_run else job.run()
    table = Table("class", "would be removed" if dry_run else "removed", "kept for days")
    for name, count in vars_of(found).items():
        table.add_row(name, str(count), _kept_days(settings, name))
    _console.print(table)


@app.command()
def show(phone: Phone, birth_date: Born = "") -> None:
    """Count what is kept of a person."""
    with _opened() as (_settings, database):
        subject, kept = _find(database, phone, birth_date)
        Audit(database, SystemClock()).note(_SHELL, "patient_looked_up", mask_phone(subject.phone))
        _print(kept)


@app.command()
def export(
    phone: Phone, to: Annotated[Path, typer.Option("--to", help="a folder to be made, or FILE.zip")], birth_date: Born = ""
) -> None:
    """Write everything that is kept of a person: for people and for machines, recordings opened."""
    with _opened() as (settings, database):
        subject = subject_of(phone, _day(birth_date))
        store = RecordStore(database, settings.data_dir / "spool", SystemClock())
        Audit(database, SystemClock()).note(_SHELL, "patient_exported", mask_phone(subject.phone))
        if to.suffix == ".zip":
            try:
                descriptor = os.open(to, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise StorageError(f"{to} cannot be made ({error.strerror}).", "Name a file that does not exist yet.") from None
            with os.fdopen(descriptor, "w+b") as file, zipfile.ZipFile(file, "w") as archive:
                count = put_all(database, settings, store, SystemClock(), subject, ZipSink(archive))
        else:
            count = put_all(database, settings, store, SystemClock(), subject, FolderSink(to))
    _console.print(f"{count} dialogs and all else are in {to}; what could not be added is named in missing.json.")


@app.command()
def erase(
    phone: Phone,
    birth_date: Born = "",
    visits: Annotated[bool, typer.Option("--visits", help="past visits become nameless, laboratory orders go")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask back")] = False,
) -> None:
    """Erase a person's data; what stays is said with its reason."""
    with _opened() as (settings, database):
        subject, kept = _find(database, phone, birth_date)
        _print(kept)
        if kept.is_empty:
            return
        would_stay = what_would_stay(kept, SystemClock().now())
        if visits:
            would_stay |= {"past_visits": 0, "lab_orders": 0}
        _print_reasons("Will stay", would_stay)
        if not yes and not typer.confirm("Erase this for good? Nothing brings it back"):
            raise typer.Exit(1)
        done = Eraser(database, settings, SystemClock()).erase(subject, _SHELL, with_visits=visits)
    _console.print("Removed: " + (", ".join(f"{name} {count}" for name, count in done.removed.items() if count) or "nothing"))
    _print_reasons("Stays", done.stays)
    _console.print("Backups made before still hold it: they end by their own time.", style="dim")


@app.command("new-key")
def new_key(
    to: Annotated[Path, typer.Option("--to", help="where the secret key is written; not below data_dir")],
) -> None:
    """Make a pair of keys for recordings. The secret one is added to a file, the public one is shown."""
    settings = settings_module.load()
    if to.resolve().is_relative_to(settings.data_dir.resolve()):
        raise StorageError("A key beside what it locks protects nothing.", "Choose a file outside data_dir.")
    identity = Identity.generate()
    made = f"{datetime.now(settings.zoneinfo):%Y-%m-%d}"
    try:
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.write(f"# made {made}, public key {identity.to_public()}\n{identity}\n")
    except OSError as error:
        raise StorageError(f"{to} cannot be written ({error.strerror}).", "Choose another --to.") from None
    _console.print(
        f"The secret key is in {to}: keep a copy elsewhere, without it no recording can ever be heard.\n"
        "Put this into voicebot.toml (key_file only where recordings are listened to), then restart:\n\n"
        f'[recordings]\nrecipients = ["{identity.to_public()}"]\nkey_file = "{to.resolve()}"\n\n'
        "Recordings made so far: `voicebot privacy seal`.",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )


@app.command()
def seal(
    anew: Annotated[bool, typer.Option("--anew", help="also those sealed already: after a change of keys")] = False,
) -> None:
    """Seal the recordings made before there was a key (those of the last hour wait for the next run)."""
    settings = settings_module.load()
    done = seal_all(settings, SystemClock(), is_anew=anew)
    _console.print(f"{done.sealed} recordings sealed." + (f" {done.locked} are sealed for other keys." if done.locked else ""))


@app.command("open")
def open_recording(
    file: Annotated[Path, typer.Argument(help="a sealed recording")],
    to: Annotated[Path, typer.Option("--to", help="the FLAC to write")],
) -> None:
    """Open one sealed file into a FLAC that any player plays."""
    settings = settings_module.load()
    try:
        data = file.read_bytes()
    except OSError as error:
        raise StorageError(f"{file} cannot be read ({error.strerror}).", "Check its name and your rights.") from None
    if is_sealed(data):
        data = unseal(data, read_identities(settings.recordings.key_file))
    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StorageError(f"{to} cannot be made ({error.strerror}).", "Name a file that does not exist yet.") from None
    with os.fdopen(descriptor, "wb") as out:
        out.write(completed(data))


def vars_of(found: object) -> dict[str, int]:
    """Return the counts of a `Purged`."""
    return {name: getattr(found, name) for name in type(found).__dataclass_fields__}  # type: ignore[attr-defined]


_CLASSES = {
    "recordings": "audio_days",
    "dialogs": "text_days",
    "figures": "figures_days",
    "audit": "audit_days",
    "messages": "messages_days",
    "outgoing_calls": "messages_days",
    "waiting": "waiting_days",
    "visits": "visits_days",
    "leftovers": "leftovers_days",
}


def _kept_days(settings: Settings, name: str) -> str:
    if name == "pins":
        return "1"  # by their nature; no setting
    return str(getattr(settings.retention, _CLASSES[name]) or "for ever")


def _day(typed: str) -> date | None:
    if not typed:
        return None
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(typed, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise typer.BadParameter("A birth date is 1985-05-12 or 12.05.1985.")


def _find(database: Database, phone: str, birth_date: str) -> tuple[Subject, Kept]:
    subject = subject_of(phone, _day(birth_date))
    return subject, database.run(lambda session: kept_of(session, subject), is_readonly=True)


def _print(kept: Kept) -> None:
    table = Table("kept", "count")
    for name in ("dialogs", "call_backs", "messages", "waiting", "visits", "lab_orders", "patients"):
        table.add_row(name.replace("_", " "), str(len(getattr(kept, name))))
    _console.print(table)


def _print_reasons(title: str, counts: dict[str, int]) -> None:
    for reason, count in counts.items():
        if count:
            _console.print(f"{title}: {count} {REASONS[reason]}.", style="yellow", soft_wrap=True)


@contextmanager
def _opened() -> Iterator[tuple[Settings, Database]]:
    logs.quiet()
    settings = settings_module.load()
    database = open_database(settings.database_url)
    try:
        upgrade(database)
        yield settings, database
    finally:
        database.close()
