"""One job at a time on one folder, also between processes."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


@contextmanager
def only_one(folder: Path, name: str) -> Iterator[None]:
    """Hold `folder/.name.lock`; wait for whoever holds it. The kernel frees it when its holder dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("waiting for another process that prepares the same thing", name=name)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
