"""What is made of a dialog once it is over: its row of figures, its words for the search, its phrases that were not understood.

Done by the desk beside the calls, once for each dialog; a dialog that changed is taken again when `digested_at` is emptied.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import structlog
from sqlalchemy import Connection, delete, or_, select, text, update
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.records.dialogs import Who
from voicebot.records.lemmas import indexed
from voicebot.records.tables import DialogRow, FactsRow, LatencyRow, TurnRow, UnclearRow
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

#: A dialog without an end for so long has lost its process.
ABANDONED = timedelta(hours=2)
BUCKET_GROWTH = 1.05  # a latency is known to 5 per cent
STAGES = ("endpoint", "recognise", "think", "speak", "total")
_TAKEN = frozenset({"completed", "bridged"})
#: Outcomes with which a request is finished; see docs/architecture.md.
FINISHED = frozenset(
    {"booked", "rescheduled", "cancelled", "informed", "callback", "off_topic", "waitlisted", "sent", "closed"}
)
_LOST = frozenset({"lost", "failed", ""})
_PHRASE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Digester:
    """Takes finished dialogs into the figures and the search."""

    database: Database
    clock: Clock
    zone: tzinfo

    def run(self, limit: int = 100) -> int:
        """Take up to `limit` dialogs, oldest first; return how many there were. Raises StorageError."""
        return self.database.run(lambda session: self._take_some(session, limit))

    def _take_some(self, session: Session, limit: int) -> int:
        now = self.clock.now()
        is_over = or_(DialogRow.ended_at.is_not(None), DialogRow.started_at < now - ABANDONED)
        query = select(DialogRow).where(DialogRow.digested_at.is_(None), is_over).order_by(DialogRow.started_at).limit(limit)
        if not self.database.is_sqlite:
            query = query.with_for_update(skip_locked=True)  # several desks share the work
        dialogs = session.scalars(query).all()
        for dialog in dialogs:
            turns = session.scalars(select(TurnRow).where(TurnRow.dialog_id == dialog.id).order_by(TurnRow.number)).all()
            try:
                with session.begin_nested():
                    self._take(session, dialog, turns)
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                # One odd dialog must not keep all others out of the figures.
                log.error("dialog_not_digested", dialog_id=dialog.id, problem=type(error).__name__)
            dialog.digested_at = now
        return len(dialogs)

    def _take(self, session: Session, dialog: DialogRow, turns: Sequence[TurnRow]) -> None:
        local = dialog.started_at.astimezone(self.zone)
        is_first_time = session.get(FactsRow, dialog.id) is None
        session.merge(facts_of(dialog, turns, local))
        if is_first_time:
            for (stage, bucket), count in latencies_of(turns).items():
                _add_latency(session, local, stage, bucket, count)
        session.execute(delete(UnclearRow).where(UnclearRow.dialog_id == dialog.id))
        session.add_all(unclear_of(dialog, turns, local))
        write_words(session.connection(), dialog.id, turns)


def facts_of(dialog: DialogRow, turns: Sequence[TurnRow], local: datetime) -> FactsRow:
    """Return the figures' row of a dialog; `local`: its start in the clinic's zone."""
    spoken = [turn for turn in turns if turn.who == Who.CALLER and turn.text]
    sure = [turn.confidence for turn in spoken if turn.confidence is not None and turn.intent != "none"]
    is_transferred = dialog.transfer_result in _TAKEN
    return FactsRow(
        dialog_id=dialog.id,
        started_at=dialog.started_at,
        day=local.date(),
        hour=local.hour,
        channel=dialog.channel,
        dialplan=dialog.dialplan,
        outcome=dialog.outcome or "lost",
        reason=dialog.reason,
        is_transferred=is_transferred,
        is_contained=not is_transferred and not dialog.transfer_target and dialog.outcome in FINISHED,
        is_lost=not is_transferred and dialog.outcome in _LOST,
        handling_seconds=dialog.handling_seconds,
        caller_turns=sum(turn.who == Who.CALLER for turn in turns),
        unclear_turns=sum(_is_unclear(turn) for turn in spoken),
        bargeins=sum(turn.is_bargein for turn in turns),
        least_confidence=min(sure, default=None),
    )


def unclear_of(dialog: DialogRow, turns: Sequence[TurnRow], local: datetime) -> list[UnclearRow]:
    """Return the caller's phrases of which nothing was understood, with the question they answered."""
    found, asked = [], ""
    for turn in turns:
        if turn.who == Who.ROBOT:
            asked = turn.prompt
        elif turn.who == Who.CALLER and turn.text and _is_unclear(turn):
            phrase = turn.text[:_PHRASE_LENGTH]
            found.append(UnclearRow(dialog_id=dialog.id, number=turn.number, day=local.date(), phrase=phrase, prompt=asked))
    return found


def _is_unclear(turn: TurnRow) -> bool:
    return turn.intent in ("none", "notheard") and not turn.slots


def latencies_of(turns: Sequence[TurnRow]) -> Counter[tuple[str, int]]:
    """Return how often a stage's time fell into a bucket."""
    return Counter(
        (stage, bucket_of(value))
        for turn in turns
        for stage in STAGES
        if isinstance(value := turn.latency_ms.get(f"{stage}_ms"), int | float) and value >= 0
    )


def bucket_of(milliseconds: float) -> int:
    """Return the number of the bucket that a time falls into; below a millisecond it is 0."""
    return 0 if milliseconds < 1 else 1 + int(math.log(milliseconds, BUCKET_GROWTH))


def milliseconds_of(bucket: int) -> float:
    """Return the middle of a bucket."""
    return 0.5 if bucket == 0 else BUCKET_GROWTH ** (bucket - 0.5)


def _add_latency(session: Session, local: datetime, stage: str, bucket: int, count: int) -> None:
    same = (LatencyRow.day == local.date(), LatencyRow.stage == stage, LatencyRow.bucket == bucket)
    changed = session.execute(update(LatencyRow).where(*same).values(count=LatencyRow.count + count))
    if not changed.rowcount:  # type: ignore[attr-defined]
        session.add(LatencyRow(day=local.date(), stage=stage, bucket=bucket, count=count))
        session.flush()


# -- words ------------------------------------------------------------------------------------------------------------------


def row_number(dialog_id: str) -> int:
    """Return the number of a dialog's row in SQLite's index: the ID read as a number of base 36."""
    return int(dialog_id, 36)


def write_words(connection: Connection, dialog_id: str, turns: Sequence[TurnRow]) -> None:
    """Put a dialog's words into the search, in place of what is there."""
    erase_words(connection, [dialog_id])
    caller = indexed(" ".join(turn.text for turn in turns if turn.who in (Who.CALLER, Who.OPERATOR)))
    robot = indexed(" ".join(turn.text for turn in turns if turn.who == Who.ROBOT))
    values = {"id": dialog_id, "caller": caller, "robot": robot}
    if connection.dialect.name == "sqlite":
        statement = "INSERT INTO dialog_words (rowid, dialog_id, caller, robot) VALUES (:row, :id, :caller, :robot)"
        connection.execute(text(statement), {"row": row_number(dialog_id), **values})
    else:
        connection.execute(text("INSERT INTO dialog_words (dialog_id, caller, robot) VALUES (:id, :caller, :robot)"), values)


def erase_words(connection: Connection, dialog_ids: Sequence[str]) -> None:
    """Take dialogs out of the search."""
    is_sqlite = connection.dialect.name == "sqlite"
    statement = text(f"DELETE FROM dialog_words WHERE {'rowid' if is_sqlite else 'dialog_id'} = :key")  # noqa: S608 - ours
    for dialog_id in dialog_ids:
        connection.execute(statement, {"key": row_number(dialog_id) if is_sqlite else dialog_id})
