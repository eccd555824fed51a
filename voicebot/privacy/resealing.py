"""Sealing what lies there already: recordings made before there was a key, or for a key that is given up."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from voicebot.clock import Clock
from voicebot.errors import ConfigurationError
from voicebot.records.archive import Archive, open_archive
from voicebot.records.flac import is_complete, repair
from voicebot.records.sealing import (
    MAGIC,
    SUFFIX,
    Identities,
    Recipients,
    RecordingLocked,
    is_sealed,
    read_identities,
    read_recipients,
    seal,
    unseal,
)
from voicebot.settings import Settings

_PIECE_BYTES = 64 * 1024
_MAY_BE_RUNNING_SECONDS = 3600


@dataclass(slots=True)
class Resealed:
    """How many recordings were sealed, and how many could not be opened with the keys at hand."""

    sealed: int = 0
    locked: int = 0


def seal_all(settings: Settings, clock: Clock, *, is_anew: bool = False, told: Callable[[], None] = lambda: None) -> Resealed:
    """Seal all plain recordings, and with `is_anew` the sealed ones again, for today's `recordings.recipients`.

    Each takes its old one's place in one step; interrupted, it is simply run again. What changed within the last hour may
    belong to a running call and is left to the next run.
    """
    recipients = read_recipients(settings.recordings.recipients)
    if not recipients:
        raise ConfigurationError(
            "recordings.recipients is empty: there is nobody to seal for.", "Run `voicebot privacy new-key`."
        )
    identities = read_identities(settings.recordings.key_file) if is_anew else []
    done = Resealed()
    archive = open_archive(settings)
    if archive is not None:
        _seal_store(archive, recipients, identities, done, is_anew, told)
    for path in sorted(settings.recordings_folder.glob("*/*/*/*.flac*")):
        if clock.now().timestamp() - path.stat().st_mtime < _MAY_BE_RUNNING_SECONDS:
            continue
        if path.suffix == ".flac":
            if not is_complete(path):
                repair(path)
            _seal_file(path.read_bytes(), path.with_name(path.name + SUFFIX), recipients)
            path.unlink()
        elif path.suffix == SUFFIX and is_anew:
            try:
                data = unseal(path.read_bytes(), identities)
            except RecordingLocked:
                done.locked += 1
                continue
            _seal_file(data, path, recipients)
        else:
            continue
        done.sealed += 1
        told()
    return done


def _seal_store(
    archive: Archive, recipients: Recipients, identities: Identities, done: Resealed, is_anew: bool, told: Callable[[], None]
) -> None:
    """The same in the store. The sealed one is there before the plain one goes."""
    for one in archive.each():
        if not one.name.endswith((".flac", SUFFIX)) or (one.name.endswith(SUFFIX) and not is_anew):
            continue
        data = archive.read(one.name)
        if data is None:
            continue  # purged meanwhile
        if is_sealed(data):
            try:
                data = unseal(data, identities)
            except RecordingLocked:
                done.locked += 1
                continue
        archive.put_bytes(one.name.removesuffix(SUFFIX) + SUFFIX, _sealed(data, recipients))
        if not one.name.endswith(SUFFIX):
            archive.remove(one.name)
        done.sealed += 1
        told()


def _sealed(data: bytes, recipients: Recipients) -> bytes:
    pieces = range(0, len(data), _PIECE_BYTES)
    records = (seal(number, [(first, data[first : first + _PIECE_BYTES])], recipients) for number, first in enumerate(pieces))
    return MAGIC + b"".join(records)


def _seal_file(data: bytes, target: Path, recipients: Recipients) -> None:
    """Write a sealed file, whole or not at all."""
    draft = target.with_name(target.name + ".repair")  # what a crash leaves is swept like other drafts
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_sealed(data, recipients))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
