"""Recordings as they are read: found here or in the store, opened with the keys at hand, completed; plain and sealed alike."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from voicebot.audio.pcm import TELEPHONE_HZ
from voicebot.errors import StorageError
from voicebot.records.archive import StoreAway, open_archive
from voicebot.records.dialogs import Dialog
from voicebot.records.flac import completed, samples_of
from voicebot.records.sealing import SUFFIX, RecordingLocked, is_sealed, prove_key, read_identities, unseal
from voicebot.settings import Settings

_KEPT_BYTES = 48 * 1024 * 1024  # a player asks for the same file many times, in pieces
_SAMPLES_PER_MS = TELEPHONE_HZ // 1000
# The first record is a second of sound; a key is proved on no more of the file than this.
_PROOF_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class _Found:
    """A recording, wherever it lies. `state`: another one where its content is another."""

    name: str
    state: tuple[int, int]
    read: Callable[[int | None], bytes]  # at most so many bytes


class Recordings:
    """Reads the recordings of an installation. Thread-safe. A changed key file is taken without a restart.

    Raises ConfigurationError at once where there is a store and its keys cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        self._folder = settings.recordings_folder
        self._archive = open_archive(settings)
        self._key_file = settings.recordings.key_file
        self._lock = threading.Lock()
        self._opened: OrderedDict[tuple[str, tuple[int, int]], bytes] = OrderedDict()

    def place(self, dialog: Dialog) -> str:
        """Return where a dialog's recording lies, in words; "" if there is none. Raises StorageError."""
        path = find(self._folder, dialog.recording_path)
        if path is not None:
            return str(path)
        found = self._found(dialog)
        return f"{self._archive.place}, {found.name}" if found is not None and self._archive is not None else ""

    def has(self, dialog: Dialog) -> bool:
        """Whether it can be heard, as far as is known: a store that is away may have it."""
        try:
            return self._found(dialog) is not None
        except StoreAway:
            return True

    def locked(self, dialog: Dialog) -> RecordingLocked | None:
        """Return why a recording cannot be heard for want of a key; None if it can, or if there is none."""
        try:
            found = self._found(dialog)
            head = b"" if found is None else found.read(_PROOF_BYTES)
        except (StoreAway, FileNotFoundError):
            return None
        if not is_sealed(head):
            return None
        try:
            prove_key(head, read_identities(self._key_file))
        except RecordingLocked as error:
            return error
        except StorageError:
            return None  # damaged: what is left of it can be heard
        return None

    def flac(self, dialog: Dialog) -> bytes:
        """Return the whole recording, as far as it goes, as a complete FLAC file of two channels: caller, robot.

        Raises StorageError: RecordingLocked without the key, StoreAway, otherwise where there is nothing to be heard.
        """
        found = self._found(dialog)
        if found is None:
            raise StorageError("There is no recording.", "It was not made, or its time is over.")
        key = (found.name, found.state)
        with self._lock:
            if key in self._opened:
                self._opened.move_to_end(key)
                return self._opened[key]
        try:
            data = found.read(None)
        except FileNotFoundError:
            return self.flac(dialog)  # it went to the store in this moment: there it is found, or nowhere any more
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

    def _found(self, dialog: Dialog) -> _Found | None:
        """Look for it here, where it waits for the store, then there. Raises StoreAway."""
        path = find(self._folder, dialog.recording_path)
        if path is not None:
            with contextlib.suppress(FileNotFoundError):
                facts = path.stat()
                return _Found(str(path), (facts.st_size, facts.st_mtime_ns), lambda most: _beginning(path, most))
        if self._archive is None:
            return None
        archive = self._archive
        for name in names(dialog.recording_path):
            kept = archive.head(name)
            if kept is not None:
                state = (kept.size, int(kept.changed_at.timestamp() * 1e6))
                return _Found(name, state, lambda most, name=name: archive.read(name, most) or b"")  # type: ignore[misc]
        return None


def _beginning(path: Path, most_bytes: int | None) -> bytes:
    with path.open("rb") as file:
        return file.read() if most_bytes is None else file.read(most_bytes)


def names(relative: str) -> tuple[str, ...]:
    """Return how a recording may be called in the store: as it was made, or as it was sealed later."""
    parts = Path(relative).parts
    if not relative or ".." in parts or relative.startswith("/"):
        return ()
    return (relative,) if relative.endswith(SUFFIX) else (relative, relative + SUFFIX)


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
