"""Many small writes, few transactions: what waits while one is committed goes into the next one together.

A commit costs milliseconds of the disk, whatever is in it, and SQLite takes one writer at a time. So one thread writes for all
dialogs of a process; each write is on the disk when its future is done. One that fails spoils no other: they are all done
again, each alone.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from voicebot.storage.database import Database

T = TypeVar("T")

_MOST_TOGETHER = 64


@dataclass(frozen=True, slots=True)
class _Write:
    work: Callable[[Session], Any]
    future: "Future[Any]"


class Writer:
    """Carries writes out in order. `work` may be done again, in a new transaction, and must bear that."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="chat-writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[Session], T]) -> "Future[T]":
        """Have a write done; the future gives its result, or what it raised."""
        future: Future[T] = Future()
        self._waiting.put(_Write(work, future))
        return future

    def close(self) -> None:
        """Do what waits, then end."""
        self._waiting.put(None)
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while True:
            first = self._waiting.get()
            if first is None:
                return
            several = [first]
            is_last = False
            while len(several) < _MOST_TOGETHER and not self._waiting.empty():
                one = self._waiting.get()
                if one is None:
                    is_last = True
                    break
                several.append(one)
            self._together(several)
            if is_last:
                return

    def _together(self, several: list[_Write]) -> None:
        if len(several) > 1:
            try:
                results = self._database.run(lambda session: [one.work(session) for one in several])
            except Exception:  # noqa: BLE001 - found out one by one below
                results = None
            if results is not None:
                for one, result in zip(several, results, strict=True):
                    one.future.set_result(result)
                return
        for one in several:
            try:
                one.future.set_result(self._database.run(one.work))
            except Exception as error:  # noqa: BLE001 - it is the caller's
                one.future.set_exception(error)
