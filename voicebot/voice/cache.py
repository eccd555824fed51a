"""Prompts that were spoken before, ready to be played again.

On disk lie fixed prompts only. A sentence with a patient's name, phone or date in it is personal: it stays in memory and
is gone with the process. File: magic, SHA-256 of the samples, the samples (8 kHz int16 little-endian).
"""

import contextlib
import hashlib
import os
import tempfile
import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import structlog
from numpy.typing import NDArray

from voicebot.audio.pcm import TELEPHONE_HZ, Pcm

log = structlog.get_logger(__name__)

MAGIC = b"VBprompt1\n"
_HEADER = len(MAGIC) + 32
_CHECK_EVERY_WRITES = 50  # the folder is measured at the first write and then so often


def prompt_key(*parts: object) -> str:
    """Return a name for what is spoken how: SHA-256 of all parts."""
    return hashlib.sha256("\0".join(str(part) for part in parts).encode()).hexdigest()


class PromptCache:
    """Sound by key. `folder` None: memory only. Safe for threads; the folder is safe for several processes."""

    def __init__(self, folder: Path | None, *, disk_mb: float = 256, memory_mb: float = 32) -> None:
        self._folder = folder
        self._disk_bytes = int(disk_mb * 1_000_000)
        self._memory_bytes = int(memory_mb * 1_000_000)
        self._lock = threading.Lock()
        self._sounds: OrderedDict[str, NDArray[np.int16]] = OrderedDict()
        self._used_bytes = 0
        self._writes = 0
        self._is_disk_usable = folder is not None

    def get(self, key: str) -> Pcm | None:
        """Return the sound, or None where it is not there or damaged (it is then forgotten)."""
        with self._lock:
            samples = self._sounds.get(key)
            if samples is not None:
                self._sounds.move_to_end(key)
                return Pcm(TELEPHONE_HZ, samples)
        if self._folder is None:
            return None
        path = self._path(self._folder, key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        payload = data[_HEADER:]
        if data[: len(MAGIC)] != MAGIC or hashlib.sha256(payload).digest() != data[len(MAGIC) : _HEADER] or len(payload) % 2:
            log.warning("a cached prompt is damaged and will be made again", file=path.name)
            path.unlink(missing_ok=True)
            return None
        with contextlib.suppress(OSError):  # another process may just have removed it
            os.utime(path)  # used last now
        sound = Pcm.from_bytes(TELEPHONE_HZ, payload)
        self._remember(key, sound)
        return sound

    def put(self, key: str, sound: Pcm, *, is_personal: bool) -> None:
        """Keep the sound. A full or read-only disk is logged once; the memory still serves."""
        if sound.rate_hz != TELEPHONE_HZ:
            raise ValueError(f"the cache holds {TELEPHONE_HZ} Hz, got {sound.rate_hz} Hz")
        self._remember(key, sound)
        if self._folder is None or is_personal or not self._is_disk_usable:
            return
        try:
            self._write(self._folder, key, sound.to_bytes())
        except OSError as error:
            self._is_disk_usable = False
            log.warning("prompts are kept in memory only: the cache folder cannot be written", reason=error.strerror)

    def _remember(self, key: str, sound: Pcm) -> None:
        samples = sound.samples
        if samples.nbytes > self._memory_bytes:
            return
        samples = samples.copy()
        samples.flags.writeable = False  # many calls play the same array
        with self._lock:
            old = self._sounds.pop(key, None)
            self._used_bytes += samples.nbytes - (0 if old is None else old.nbytes)
            self._sounds[key] = samples
            while self._used_bytes > self._memory_bytes:
                _, oldest = self._sounds.popitem(last=False)
                self._used_bytes -= oldest.nbytes

    def _write(self, folder: Path, key: str, payload: bytes) -> None:
        path = self._path(folder, key)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(MAGIC + hashlib.sha256(payload).digest() + payload)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
        with self._lock:
            is_time_to_check = self._writes % _CHECK_EVERY_WRITES == 0
            self._writes += 1
        if is_time_to_check:
            self.shrink()

    def shrink(self) -> None:
        """Remove what was used longest ago until the folder is within its limit, and what a killed process left over."""
        if self._folder is None:
            return
        found = []
        for path in self._folder.glob("??/*"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # another process was quicker
            found.append((status.st_mtime_ns, status.st_size, path))
        used = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if used <= self._disk_bytes:
                break
            path.unlink(missing_ok=True)
            used -= size

    @staticmethod
    def _path(folder: Path, key: str) -> Path:
        return folder / key[:2] / key
