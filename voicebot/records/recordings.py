"""Recordings as they are read: found, opened with the keys at hand, completed; plain and sealed ones alike."""

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.errors import StorageError
from voicebot.records.dialogs import Dialog
from voicebot.records.flac import completed, samples_of
from voicebot.records.sealing import MAGIC, SUFFIX, RecordingLocked, is_sealed, prove_key, read_identities, unseal
from voicebot.settings import Settings

_KEPT_BYTES = 48 * 1024 * 1024  # a player asks for the same file many times, in pieces
_SAMPLES_PER_MS = TELEPHONE_HZ // 1000
# The first record is a second of sound; a key is proved on no more of the file than this.
_PROOF_BYTES = 256 * 1024


class Recordings:
    """Reads the recordings of an installation. Thread-safe. A changed key file is taken without a restart."""

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.recordings_folder
        self._key_file = settings.recordings.key_file
        self._lock = threading.Lock()
        self._opened: OrderedDict[tuple[Path, int, int], bytes] = OrderedDict()

    def path(self, dialog: Dialog) -> Path | None:
        """Return the file of a dialog's recording, None if there is none or it would lie outside the recordings' folder."""
        return find(self._folder, dialog.recording_path)

    def has(self, dialog: Dialog) -> bool:
        return self.path(dialog) is not None

    def locked(self, dialog: Dialog) -> RecordingLocked | None:
        """Return why a recording cannot be heard for want of a key; None if it can, or if there is none."""
        path = self.path(dialog)
        if path is None:
            return None
        with path.open("rb") as file:
            head = file.read(len(MAGIC))
            if not is_sealed(head):
                return None
            head += file.read(_PROOF_BYTES)
        try:
            prove_key(head, read_identities(self._key_file))
        except RecordingLocked as error:
            return error
        except StorageError:
            return None  # damaged: what is left of it can be heard
        return None

    def flac(self, dialog: Dialog) -> bytes:
        """Return the whole recording, as far as it goes, as a complete FLAC file of two channels: caller, robot.

        Raises StorageError: RecordingLocked without the key, otherwise where there is nothing to be heard.
        """
        path = self.path(dialog)
        if path is None:
            raise StorageError("There is no recording.", "It was not made, or its time is over.")
        facts = path.stat()
        key = (path, facts.st_size, facts.st_mtime_ns)
        with self._lock:
            if key in self._opened:
                self._opened.move_to_end(key)
                return self._opened[key]
        data = path.read_bytes()
        data = completed(unseal(data, read_identities(self._key_file)) if is_sealed(data) else data)
        with self._lock:
            self._opened[key] = data
            while len(self._opened) > 1 and sum(map(len, self._opened.values())) > _KEPT_BYTES:
                self._opened.popitem(last=False)
        return data

    def samples(self, dialog: Dialog, start_ms: int = 0, end_ms: int | None = None) -> NDArray[np.int16]:
        """Return a part of the sound, 8 kHz, shape (n, 2): caller, robot. Offsets are those of turns. Raises StorageError."""
        offset = dialog.recording_started_ms or 0
        last = None if end_ms is None else (end_ms - offset) * _SAMPLES_PER_MS
        return samples_of(self.flac(dialog), (start_ms - offset) * _SAMPLES_PER_MS, last)


def find(folder: Path, relative: str) -> Path | None:
    """Return a recording's file, also where it was sealed later; None where there is none, or it is not below `folder`."""
    if not relative:
        return None
    root = folder.resolve()
    for name in (relative, relative + SUFFIX):
        path = (root / name).resolve()
        if path.is_relative_to(root) and path.is_file():
            return path
    return None
