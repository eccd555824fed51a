"""What line can say without a brain, kept on disk for the time before the first Hello."""

import contextlib
import os
from pathlib import Path

import structlog

from voicebot.line.caller import Farewell

log = structlog.get_logger(__name__)

_APOLOGY = "apology.pcm"
_GOODBYE = "goodbye.pcm"
_LIMIT_BYTES = 16000 * 60


def load_farewell(cache: Path) -> Farewell:
    """Return what the last brain left; empty where there is nothing."""
    return Farewell(apology=_read(cache / _APOLOGY), goodbye=_read(cache / _GOODBYE))


def save_farewell(cache: Path, farewell: Farewell) -> None:
    """Keep what a brain brought. A full disk costs only the copy."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        for name, pcm in ((_APOLOGY, farewell.apology), (_GOODBYE, farewell.goodbye)):
            if pcm and pcm != _read(cache / name):
                write_whole(cache / name, pcm)
    except OSError as error:
        log.warning("apology_not_kept", problem=error.strerror)


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file so that no reader ever sees half of it."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    try:
        data = path.read_bytes()
    except OSError:
        return b""
    return data[: _LIMIT_BYTES & ~1] if len(data) % 2 == 0 else b""
