"""What line tells of calls without a brain, stored in the order in which it was told; what cannot be stored is tried again."""

from collections import deque
from collections.abc import Callable

import structlog

from voicebot.clock import Clock
from voicebot.errors import StorageError
from voicebot.link.messages import Orphaned, Waiting
from voicebot.records.store import DuplicateDialogId, RecordStore, UnknownDialog
from voicebot.talk.orphans import store_orphan
from voicebot.talk.waiting_calls import store_waiting
from voicebot.threads import named_pool
from voicebot.trouble import where

log = structlog.get_logger(__name__)

_KEPT = 10_000


class BrainlessRecords:
    """`tell` and `try_again` return at once; one thread of its own does the work."""

    def __init__(
        self, store: RecordStore, clock: Clock, dialplan: str, served_by: str, on_alarm: Callable[[str], None]
    ) -> None:
        self._store = store
        self._clock = clock
        self._dialplan = dialplan
        self._served_by = served_by
        self._on_alarm = on_alarm
        self._told: deque[Waiting | Orphaned] = deque()
        self._pool = named_pool("brainless", 1)
        self._is_refused = False

    def tell(self, message: Waiting | Orphaned) -> None:
        """Line tells of a call."""
        if len(self._told) >= _KEPT:
            self._lost(message, OverflowError())
            return
        self._told.append(message)
        self._pool.submit(self._store_all)

    def try_again(self) -> None:
        """To be called now and then: the database may be back."""
        if self._told:
            self._pool.submit(self._store_all)

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown()

    def _store_all(self) -> None:
        while self._told:
            message = self._told[0]
            try:
                self._store_one(message)
                self._is_refused = False
            except (UnknownDialog, DuplicateDialogId) as error:  # waiting cures nothing
                self._lost(message, error)
            except StorageError as error:
                if not self._is_refused:
                    log.error("brainless_calls_wait_for_the_database", calls=len(self._told), why=error.message)
                self._is_refused = True
                return
            except Exception as error:  # noqa: BLE001 - the calls behind it are to be stored all the same
                self._lost(message, error)
            self._told.popleft()

    def _lost(self, message: Waiting | Orphaned, error: Exception) -> None:
        log.error("record_lost", dialog_id=message.started.dialog_id, error=type(error).__name__, where=where(error))
        self._on_alarm("record_lost")

    def _store_one(self, message: Waiting | Orphaned) -> None:
        if isinstance(message, Waiting):
            store_waiting(self._store, self._clock, self._dialplan, self._served_by, message)
        else:
            store_orphan(self._store, self._clock, self._dialplan, message)
