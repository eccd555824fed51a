"""Text dialogs whose operator has left, or lets a patient wait for too long, go back into the queue."""

from datetime import timedelta

import structlog

from voicebot.accounts.sessions import LoginSessions
from voicebot.clock import Clock
from voicebot.records.handed import Handed, is_abandoned
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)


class ChatWatch:
    """Several desks may watch: a dialog is released only as it was seen."""

    def __init__(self, database: Database, clock: Clock, silent_seconds: float) -> None:
        self._handed = Handed(database, clock)
        self._sessions = LoginSessions(database, clock)
        self._clock = clock
        self._silent = timedelta(seconds=silent_seconds)

    def run(self) -> int:
        """Look once; return how many dialogs are free for others now. Raises StorageError."""
        taken = self._handed.taken()
        if not taken:
            return 0
        present = self._sessions.present()
        count = 0
        for chat, unanswered_since in taken:
            is_there = chat.taken_by in present
            if not is_abandoned(chat, unanswered_since, self._clock.now(), self._silent, is_logged_in=is_there):
                continue
            if self._handed.release(chat.dialog_id, chat.taken_by, chat.active_at):
                count += 1
                log.warning("chat_released", dialog_id=chat.dialog_id, why="silent" if is_there else "logged_out")
        return count
