"""Stereo recordings of calls: the caller left, the robot (or the operator) right; FLAC, 8 kHz, 16 bit, streamed to disk.

Positions come from the frame numbers of the call's media clock, so that nothing drifts: what is missing becomes silence.
A killed process leaves a FLAC without its total length; players read it, and records.flac completes it.
With public keys given it is sealed as it is written (records.sealing).
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import structlog
from numpy.typing import NDArray

from voicebot.audio.pcm import FRAME_BYTES, FRAME_MS, TELEPHONE_HZ
from voicebot.errors import StorageError
from voicebot.records.recording_files import RecordingFile, create
from voicebot.records.sealing import SUFFIX, Recipients

log = structlog.get_logger(__name__)

BUFFER_FRAMES = 50  # one second
# A jump beyond this is a broken frame number, not a gap; padding it would fill the disk with silence.
GAP_LIMIT_FRAMES = 15 * 60 * 1000 // FRAME_MS
_SILENCE = bytes(FRAME_BYTES)
# soundfile asserts that all was written.
_REFUSALS = (soundfile.LibsndfileError, RuntimeError, AssertionError)


class RecordingStopped(StorageError):
    """The recording of one call ended early; the call goes on."""


def recording_path(started_at: datetime, dialog_id: str, *, is_sealed: bool = False) -> Path:
    """Return where a dialog's recording lies, relative to the recordings folder: YYYY/MM/DD/<dialog id>.flac[.sealed]."""
    return Path(f"{started_at:%Y/%m/%d}") / f"{dialog_id}.flac{SUFFIX if is_sealed else ''}"


class Recorder:
    """Writes one call's recording; never raises. `stopped` tells why it ended early, None while all is well.

    `on_alarm` is called once, when the recording stops early. `recipients`: who can open it; none: it lies there plain.
    One thread at a time.
    """

    def __init__(
        self,
        path: Path,
        minimum_free_mb: int = 200,
        on_alarm: Callable[[RecordingStopped], None] | None = None,
        recipients: Recipients = (),
    ) -> None:
        self.path = path
        self._recipients = recipients
        self.stopped: RecordingStopped | None = None
        self.late_frames = 0
        self._minimum_free_bytes = minimum_free_mb * 1024 * 1024
        self._on_alarm = on_alarm
        self._next_frame = 0
        self._caller = bytearray()
        self._robot = bytearray()
        self._file: RecordingFile | None = None
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
        self._file = create(self.path, self._recipients)
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
        if self._file is None:
            return
        self._file.settle()
        if self._file.error is not None:
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
