"""What a bot remembers of updates in the database. Blocking: from a thread."""

import hashlib
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, or_, select, update
from sqlalchemy.orm import Session

from voicebot.channels.bot_tables import BotPositionRow, BotUpdateRow
from voicebot.channels.messenger import Position
from voicebot.clock import Clock
from voicebot.storage.database import Database, insert_missing

KEPT = timedelta(days=3)  # longer than any messenger delivers an update again
_PLAIN = {"synchronize_session": False}


class BotStore:
    """Of one bot. Raises StorageError."""

    def __init__(self, database: Database, clock: Clock, channel: str) -> None:
        self._database = database
        self._clock = clock
        self._channel = channel

    def is_answered(self, key: str) -> bool:
        found = select(BotUpdateRow.at).where(BotUpdateRow.channel == self._channel, BotUpdateRow.key == hashed(key))
        return self._database.run(lambda session: session.scalar(found), is_readonly=True) is not None

    def answered(self, key: str) -> None:
        row = {"channel": self._channel, "key": hashed(key), "at": self._clock.now()}
        self._database.run(lambda session: insert_missing(session, BotUpdateRow, [row]))

    def forget_old(self) -> int:
        """Drop what nobody will deliver again; return how many updates that were."""
        old = delete(BotUpdateRow).where(BotUpdateRow.channel == self._channel, BotUpdateRow.at < self._clock.now() - KEPT)
        return self._database.run(lambda session: _count(session.execute(old)))

    def hold(self, holder: str, seconds: float) -> Position | None:
        """Be the one that polls, for so long; return where to go on. None: somebody else polls."""
        now = self._clock.now()
        mine = BotPositionRow.channel == self._channel
        is_free = or_(BotPositionRow.holder == holder, BotPositionRow.held_until < now)

        def work(session: Session) -> Position | None:
            new = {"channel": self._channel, "position": None, "holder": "", "held_until": now - timedelta(seconds=1)}
            insert_missing(session, BotPositionRow, [new])
            until = now + timedelta(seconds=seconds)
            taken = update(BotPositionRow).where(mine, is_free).values(holder=holder, held_until=until)
            if not _count(session.execute(taken, execution_options=_PLAIN)):
                return None
            return Position(session.scalar(select(BotPositionRow.position).where(mine)))

        return self._database.run(work)

    def move(self, holder: str, position: Position) -> None:
        """Remember how far the updates are done, unless somebody else polls by now."""
        mine = (BotPositionRow.channel == self._channel, BotPositionRow.holder == holder)
        moved = update(BotPositionRow).where(*mine).values(position=position.number)
        self._database.run(lambda session: session.execute(moved, execution_options=_PLAIN))

    def release(self, holder: str) -> None:
        """Let another process poll at once."""
        mine = (BotPositionRow.channel == self._channel, BotPositionRow.holder == holder)
        freed = update(BotPositionRow).where(*mine).values(held_until=self._clock.now() - timedelta(seconds=1))
        self._database.run(lambda session: session.execute(freed, execution_options=_PLAIN))


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:40]


def _count(result: Any) -> int:
    return cast("CursorResult[Any]", result).rowcount or 0
