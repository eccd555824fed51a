"""Stereo recordings of calls: the caller left, the robot (or the operator) right; FLAC, 8 kHz, 16 bit, streamed to disk.

Positions come from the frame numbers of the call's media clock, so that nothing drifts: what is missing becomes silence.
A killed process leaves a FLAC without its total length; players read it, and `repair` completes it.
"""

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import structlog
from numpy.typing import NDArray

from voicebot.audio.pcm import FRAME_BYTES, FRAME_MS, TELEPHONE_HZ
from voicebot.errors import StorageError

log = structlog.get_logger(__name__)

BUFFER_FRAMES = 50  # one second
# A jump beyond this is a broken frame number, not a gap; padding it would fill the disk with silence.
GAP_LIMIT_FRAMES = 15 * 60 * 1000 // FRAME_MS
_SILENCE = bytes(FRAME_BYTES)
# soundfile asserts that all was written.
_REFUSALS = (soundfile.LibsndfileError, RuntimeError, AssertionError)
_COPY_SAMPLES = 4096  # libFLAC's block: a torn block at the end costs no whole one before it


class RecordingStopped(StorageError):
    """The recording of one call ended early; the call goes on."""


def recording_path(started_at: datetime, dialog_id: str) -> Path:
    """Return where a dialog's recording lies, relative to the recordings folder: YYYY/MM/DD/<dialog id>.flac."""
    return Path(f"{started_at:%Y/%m/%d}") / f"{dialog_id}.flac"


class _GuardedFile:
    """The file under libsndfile. libsndfile swallows write errors, so they are kept here."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "w+b", buffering=0)
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
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

    def read(self, count: int = -1) -> bytes:
        return self._file.read(count) or b""

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        """Nothing is buffered here."""

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self.error = self.error or error


class Recorder:
    """Writes one call's recording; never raises. `stopped` tells why it ended early, None while all is well.

    `on_alarm` is called once, when the recording stops early. One thread at a time.
    """

    def __init__(
        self, path: Path, minimum_free_mb: int = 200, on_alarm: Callable[[RecordingStopped], None] | None = None
    ) -> None:
        self.path = path
        self.stopped: RecordingStopped | None = None
        self.late_frames = 0
        self._minimum_free_bytes = minimum_free_mb * 1024 * 1024
        self._on_alarm = on_alarm
        self._next_frame = 0
        self._caller = bytearray()
        self._robot = bytearray()
        self._file: _GuardedFile | None = None
        self._sound: Any = None
        try:
            self._open()
        except OSError as error:
            self._stop(f"cannot create the recording ({error.strerror})")
        except soundfile.LibsndfileError:
            self._stop(f"cannot write the recording ({self._cause()})")

    @property
    def next_frame(self) -> int:
        """Number of the frame that is due; `next_frame * 20` is the recording's length in ms."""
        return self._next_frame

    @property
    def duration_ms(self) -> int:
        return self._next_frame * FRAME_MS

    def write(self, caller: bytes, robot: bytes, frame: int | None = None) -> None:
        """Add 20 ms of 8 kHz int16 little-endian of both sides; b"" is silence.

        `frame` is its number on the media clock, None for the next one. Missing frames become silence, late ones are dropped
        and counted.
        """
        if self.stopped is not None or self._sound is None:
            return
        if frame is not None and frame != self._next_frame:
            if frame < self._next_frame or frame - self._next_frame > GAP_LIMIT_FRAMES:
                self.late_frames += 1
                return
            self._pad(frame - self._next_frame)
        self._caller += _whole_frame(caller)
        self._robot += _whole_frame(robot)
        self._next_frame += 1
        if len(self._caller) >= BUFFER_FRAMES * FRAME_BYTES:
            self._flush()

    def close(self) -> None:
        """Write what is left and complete the file. Harmless when called again."""
        if self._sound is None:
            return
        if self.stopped is None:
            self._flush()
        self._shut()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._check_space()
        if self.stopped is not None:
            return
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = _GuardedFile(os.open(self.path, flags, 0o600))
        self._sound = soundfile.SoundFile(self._file, "w", samplerate=TELEPHONE_HZ, channels=2, subtype="PCM_16", format="FLAC")
        if self._file.error is not None:
            self._stop(f"cannot write the recording ({self._cause()})")

    def _pad(self, frames: int) -> None:
        while frames > 0 and self.stopped is None:
            some = min(frames, BUFFER_FRAMES)
            self._caller += _SILENCE * some
            self._robot += _SILENCE * some
            self._next_frame += some
            frames -= some
            self._flush()

    def _flush(self) -> None:
        if not self._caller:
            return
        both: NDArray[np.int16] = np.empty((len(self._caller) // 2, 2), dtype=np.int16)
        both[:, 0] = np.frombuffer(self._caller, dtype="<i2")
        both[:, 1] = np.frombuffer(self._robot, dtype="<i2")
        self._caller.clear()
        self._robot.clear()
        self._check_space()
        if self.stopped is not None:
            return
        try:
            self._sound.write(both)
        except _REFUSALS:
            self._stop(f"cannot write the recording ({self._cause()})")
            return
        if self._file is not None and self._file.error is not None:
            self._stop(f"cannot write the recording ({self._cause()})")

    def _check_space(self) -> None:
        if self._minimum_free_bytes <= 0:
            return
        try:
            disk = os.statvfs(self.path.parent)
        except OSError as error:
            self._stop(f"the recordings folder is gone ({error.strerror})")
            return
        if disk.f_bavail * disk.f_frsize < self._minimum_free_bytes:
            self._stop(f"less than {self._minimum_free_bytes // 1024 // 1024} MB are free for recordings")

    def _cause(self) -> str:
        error = self._file.error if self._file is not None else None
        return (error.strerror or str(error)) if error is not None else "libsndfile refused"

    def _stop(self, why: str) -> None:
        if self.stopped is not None:
            return
        self.stopped = RecordingStopped(
            f"{why[0].upper()}{why[1:]}; the call goes on unrecorded.", "Free or mount the disk of recordings.folder."
        )
        self._caller.clear()
        self._robot.clear()
        log.error("recording_stopped", why=why, recorded_ms=self.duration_ms)
        self._shut()
        if self._on_alarm is not None:
            self._on_alarm(self.stopped)

    def _shut(self) -> None:
        sound, self._sound = self._sound, None
        if sound is not None:
            try:
                sound.close()
            except _REFUSALS:
                log.error("recording_not_completed", why=self._cause())
        if self._file is not None:
            self._file.close()
            if self._file.error is not None and self.stopped is None:
                self._stop(f"cannot complete the recording ({self._cause()})")


def _whole_frame(data: bytes) -> bytes:
    """Return exactly one frame: short ones are padded, long ones cut, so that both sides stay in step."""
    if len(data) == FRAME_BYTES:
        return data
    return (data + _SILENCE)[:FRAME_BYTES]


def blocks(path: Path) -> Iterator[NDArray[np.int16]]:
    """Yield the samples of a recording, finished or not, in arrays of shape (n, 2), n <= 4096; ends where it is torn."""
    try:
        sound = soundfile.SoundFile(str(path))
    except (soundfile.LibsndfileError, OSError) as error:
        raise StorageError(f"{path.name} is not a readable recording.", "It was cut before its header was written.") from error
    with sound:
        while True:
            try:
                block = sound.read(_COPY_SAMPLES, dtype="int16", always_2d=True)
            except soundfile.LibsndfileError:
                return  # the torn last block
            if not len(block):
                return
            yield block


def is_complete(path: Path) -> bool:
    """True if the FLAC header holds the recording's length, that is, if the file was closed in order."""
    with path.open("rb") as file:
        head = file.read(26)
    # STREAMINFO begins at byte 8; its total samples are the low 36 bits of its bytes 10..17 (RFC 9639, 8.2).
    return len(head) == 26 and head[:4] == b"fLaC" and int.from_bytes(head[18:26], "big") & ((1 << 36) - 1) != 0


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
        with soundfile.SoundFile(str(part), "w", TELEPHONE_HZ, 2, subtype="PCM_16", format="FLAC") as copy:
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
    """Complete every unfinished recording below a folder; call it when no call is being recorded. Return how many."""
    count = 0
    for path in sorted(folder.glob("*/*/*/*.flac")):
        try:
            if is_complete(path):
                continue
            repair(path)
            count += 1
        except (StorageError, OSError) as error:
            log.error("recording_not_repaired", why=type(error).__name__)
    return count
