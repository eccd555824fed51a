"""Work that may hang for ever (a database server that stopped answering) is waited for only so long.

A thread cannot be stopped: what hangs goes on by itself, and whoever asked does something else meanwhile.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late

from voicebot.errors import StorageError

_MOST_HANGING = 8


class DatabaseHangs(StorageError):
    """No answer and no refusal, for longer than a caller can wait."""


class Patience:
    """`within(work)` returns or raises what `work` does, DatabaseHangs after `limit_seconds`. Thread-safe.

    Few may hang at a time: who comes after them is refused at once.
    """

    def __init__(self, limit_seconds: float) -> None:
        self._limit_seconds = limit_seconds
        self._free = threading.Semaphore(_MOST_HANGING)

    def within(self, work: Callable[[], None]) -> None:
        if not self._free.acquire(blocking=False):
            raise _hangs()
        done: Future[None] = Future()

        def run() -> None:
            try:
                work()
                done.set_result(None)
            except BaseException as error:  # noqa: BLE001 - raised again by who waits for it, if anybody still does
                done.set_exception(error)
            finally:
                self._free.release()

        # A daemon: this process must be able to end while the database hangs.
        threading.Thread(target=run, name="patience", daemon=True).start()
        try:
            done.result(self._limit_seconds)
        except Late:
            if not done.done():
                raise _hangs() from None
            done.result()  # just now, or the time-out was the work's own


def _hangs() -> DatabaseHangs:
    return DatabaseHangs("The database does not answer.", "Look at its server: load, locks, disk and network.")
