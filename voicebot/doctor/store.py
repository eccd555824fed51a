"""The database: reachable, of this program's version, quick enough, of the same time."""

import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import text

from voicebot.clock import Clock
from voicebot.doctor.finding import Finding, doubtful, fine, wrong
from voicebot.errors import VoicebotError
from voicebot.records.archive import open_archive
from voicebot.records.uploads import waiting_in
from voicebot.settings import Settings
from voicebot.storage.database import Database, open_database
from voicebot.storage.upgrade import current, head

_TRIES = 5
_SLOW_MS = 50.0  # a turn is stored before the robot answers it
_CLOCKS_APART_SECONDS = 5.0
_WAIT_SECONDS = 600.0
_PROBE = b"written by voicebot doctor"


def check_database(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Open it, and look; nothing is changed."""
    if not settings.database.url and not (settings.data_dir / "voicebot.db").exists():
        yield fine("database", "SQLite, made at the first start.")
        return
    try:
        database = open_database(settings.database_url)
    except VoicebotError as error:
        yield wrong("database", error.message, error.cure)
        return
    try:
        yield from _looked_at(database, clock)
    except VoicebotError as error:
        yield wrong("database", error.message, error.cure)
    finally:
        database.close()


def _looked_at(database: Database, clock: Clock) -> Iterator[Finding]:
    has, wants = current(database), head()
    kind = "SQLite" if database.is_sqlite else "PostgreSQL"
    if has != wants:
        told = f"{kind}, at revision {has or 'none'}; this program's is {wants}"
        yield doubtful("database", f"{told}.", "The next start upgrades it; make a backup first (`voicebot backup make`).")
    took_ms = min(_write_ms(database) for _ in range(_TRIES))
    told = f"{kind}; a small transaction takes {took_ms:.1f} ms"
    if took_ms > _SLOW_MS:
        yield doubtful("database", f"{told}: callers wait for it.", "Put it on a local SSD, or nearer on the network.")
    else:
        yield fine("database", f"{told}.")
    if not database.is_sqlite:
        apart = abs((_their_time(database) - clock.now()).total_seconds())
        if apart > _CLOCKS_APART_SECONDS:
            cure = "Run chrony on both machines: holds and reminders are kept by these clocks."
            yield wrong("clock", f"The database's clock is {apart:.0f} s apart from ours.", cure)


def check_recordings(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """The store of recordings, where there is one: written to, read, deleted from; and what waits for it."""
    try:
        archive = open_archive(settings)
        if archive is None:
            return
        name = f"doctor-{secrets.token_hex(8)}"
        archive.put_bytes(name, _PROBE)
        is_whole = archive.read(name) == _PROBE
        archive.remove(name)
    except VoicebotError as error:
        yield wrong("recordings", error.message, error.cure)
        return
    if not is_whole:
        yield wrong("recordings", f"{archive.place} gives back something else than it got.", "Look at its log.")
        return
    waiting = waiting_in(settings.recordings_folder, clock)
    told = f"{archive.place} works; {waiting.files} recordings wait here"
    if waiting.oldest_seconds > _WAIT_SECONDS:
        yield doubtful(
            "recordings", f"{told}, one for {waiting.oldest_seconds / 60:.0f} minutes.", "Does the desk's process run?"
        )
    else:
        yield fine("recordings", f"{told}.")


def _write_ms(database: Database) -> float:
    """Return how long the write lock and a commit take, without a change."""
    began = time.perf_counter()
    with database.session() as session:
        session.execute(text("SELECT 1"))
    return (time.perf_counter() - began) * 1000


def _their_time(database: Database) -> datetime:
    with database.session(is_readonly=True) as session:
        now: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now.astimezone(UTC)
