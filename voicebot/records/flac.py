"""FLAC recordings that their process could not complete: read as far as they go, and completed."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import structlog
from numpy.typing import NDArray

from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.errors import StorageError
from voicebot.records.recording_files import is_being_written

log = structlog.get_logger(__name__)

_COPY_SAMPLES = 4096  # libFLAC's block: a torn block at the end costs no whole one before it
_HEAD_BYTES = 26


def blocks(source: Path | BinaryIO) -> Iterator[NDArray[np.int16]]:
    """Yield the samples of a recording, finished or not, in arrays of shape (n, 2), n <= 4096; ends where it is torn."""
    try:
        sound = soundfile.SoundFile(str(source) if isinstance(source, Path) else source)
    except (soundfile.LibsndfileError, OSError) as error:
        name = source.name if isinstance(source, Path) else "This"
        raise StorageError(f"{name} is not a readable recording.", "It was cut before its header was written.") from error
    with sound:
        while True:
            try:
                block = sound.read(_COPY_SAMPLES, dtype="int16", always_2d=True)
            except soundfile.LibsndfileError:
                return  # the torn last block
            if not len(block):
                return
            yield block


def has_length(head: bytes) -> bool:
    """True if a FLAC header (at least its first 26 bytes) holds the recording's length: it was closed in order."""
    # STREAMINFO begins at byte 8; its total samples are the low 36 bits of its bytes 10..17 (RFC 9639, 8.2).
    is_flac = len(head) >= _HEAD_BYTES and head[:4] == b"fLaC"
    return is_flac and int.from_bytes(head[18:_HEAD_BYTES], "big") & ((1 << 36) - 1) != 0


def is_complete(path: Path) -> bool:
    """True if the file was closed in order."""
    with path.open("rb") as file:
        return has_length(file.read(_HEAD_BYTES))


def completed(data: bytes) -> bytes:
    """Return a recording that players can seek in: itself, or a lossless copy with the length that its header lacks."""
    if has_length(data):
        return data
    copy = io.BytesIO()
    with _new(copy) as sound:
        for block in blocks(io.BytesIO(data)):
            sound.write(block)
    return copy.getvalue()


def samples_of(data: bytes, first: int = 0, last: int | None = None) -> NDArray[np.int16]:
    """Return samples `first` to before `last` of a complete recording, shape (n, 2): caller, robot."""
    with soundfile.SoundFile(io.BytesIO(data)) as sound:
        first = min(max(0, first), sound.frames)
        sound.seek(first)
        count = sound.frames - first if last is None else max(0, min(last, sound.frames) - first)
        found: NDArray[np.int16] = sound.read(count, dtype="int16", always_2d=True)
        return found


def repair(path: Path) -> float:
    """Complete a recording that its process could not close; return its length in seconds.

    The sound is copied, without loss, into a new file that then takes the old one's place. A complete file is left alone.
    """
    if is_complete(path):
        return float(soundfile.info(str(path)).duration)
    part = path.with_suffix(".repair")
    samples = 0
    flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        # soundfile by descriptor would leave its closing to us; by path it keeps the mode of the existing file.
        os.close(os.open(part, flags, 0o600))
        with _new(str(part)) as copy:
            for block in blocks(path):
                copy.write(block)
                samples += len(block)
        part.replace(path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise StorageError(f"{path.name} could not be repaired.", "Free the disk of recordings.folder.") from error
    finally:
        part.unlink(missing_ok=True)
    return samples / TELEPHONE_HZ


def repair_all(folder: Path) -> int:
    """Complete every unfinished plain recording below a folder that no process writes to; return how many.

    Sealed ones stay as they are: only their readers have the key, and complete them while reading.
    """
    count = 0
    for path in sorted(folder.glob("*/*/*/*.flac")):
        try:
            if is_complete(path) or is_being_written(path):  # another robot's call, in a shared folder
                continue
            repair(path)
            count += 1
        except (StorageError, OSError) as error:
            log.error("recording_not_repaired", why=type(error).__name__)
    return count


def _new(target: str | BinaryIO) -> soundfile.SoundFile:
    return soundfile.SoundFile(target, "w", TELEPHONE_HZ, 2, subtype="PCM_16", format="FLAC")
