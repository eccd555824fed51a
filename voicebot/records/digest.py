"""What is made of a dialog once it is over: its row of figures, its words for the search, its phrases that were not understood.

Done by the desk beside the calls, many dialogs at a time; a dialog that changed is taken again when `digested_at` is emptied.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, cast

import structlog
from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, exists, insert, or_, select, text, update
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.records.chat_tables import ChatRow
from voicebot.records.dialogs import Who
from voicebot.records.lemmas import indexed
from voicebot.records.tables import DialogRow, FactsRow, LatencyRow, MarkRow, TurnRow, UnclearRow
from voicebot.storage.database import Database, insert_missing

log = structlog.get_logger(__name__)

#: A call without an end for so long has lost its process.
ABANDONED = timedelta(hours=2)
_CHAT_ABANDONED = timedelta(days=7)  # since its last message: whoever closes silent chats has not run for so long
BUCKET_GROWTH = 1.05  # a latency is known to 5 per cent
STAGES = ("endpoint", "recognise", "think", "speak", "total")
_TAKEN = frozenset({"completed", "bridged"})
#: Outcomes with which a request is finished and no human is needed any more; a promised call-back needs one.
FINISHED = frozenset({"booked", "moved", "cancelled", "informed", "off_topic", "waitlisted"})
_LOST = frozenset({"lost", "failed", ""})
_PHRASE_LENGTH = 200
_OVER = "over"  # of a chat's modes


@dataclass(frozen=True, slots=True)
class Digest:
    """What is made of one dialog. `latencies`: how often a stage's time fell into a bucket."""

    facts: FactsRow
    latencies: Counter[tuple[str, int]]
    unclear: Sequence[UnclearRow]
    words: tuple[str, str]  # caller's, robot's

    @property
    def id(self) -> str:
        return self.facts.dialog_id


@dataclass(frozen=True, slots=True)
class Digester:
    """Takes finished dialogs into the figures and the search. `on_taken` is told of each that is new to the figures."""

    database: Database
    clock: Clock
    zone: tzinfo
    on_taken: Callable[[Digest], None] = lambda _digest: None

    def run(self, limit: int = 100) -> int:
        """Take up to `limit` dialogs, oldest first; return how many there were. Raises StorageError."""
        count, fresh = self.database.run(lambda session: self._take_some(session, limit))
        for one in fresh:  # after the commit: nothing is counted twice when the database made us begin again
            self.on_taken(one)
        return count

    def _take_some(self, session: Session, limit: int) -> tuple[int, list[Digest]]:
        now = self.clock.now()
        is_over = or_(DialogRow.ended_at.is_not(None), (DialogRow.started_at < now - ABANDONED) & ~_goes_on(now))
        query = select(DialogRow).where(DialogRow.digested_at.is_(None), is_over).order_by(DialogRow.started_at).limit(limit)
        if not self.database.is_sqlite:
            query = query.with_for_update(skip_locked=True)  # several desks share the work
        dialogs = session.scalars(query).all()
        if not dialogs:
            return 0, []
        ids = [dialog.id for dialog in dialogs]
        turns = _by_dialog(session.scalars(select(TurnRow).where(TurnRow.dialog_id.in_(ids)).order_by(TurnRow.number)))
        marks = _by_dialog(session.scalars(select(MarkRow).where(MarkRow.dialog_id.in_(ids))))
        digests: list[Digest] = []
        for dialog in dialogs:
            try:
                digests.append(digest_of(dialog, turns[dialog.id], marks[dialog.id], self.zone))
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                # One odd dialog must not keep all others out of the figures.
                log.error("dialog_not_digested", dialog_id=dialog.id, problem=type(error).__name__)
        fresh = _store(session, digests)
        session.execute(update(DialogRow).where(DialogRow.id.in_(ids)).values(digested_at=now), execution_options=_PLAIN)
        return len(dialogs), fresh


#: The session holds no objects that a bulk statement would have to bring up to date.
_PLAIN = {"synchronize_session": False}


def _goes_on(now: datetime) -> ColumnElement[bool]:
    """A text dialog may take days: its chat still has a place for it."""
    lives = (ChatRow.mode != _OVER) & (ChatRow.updated_at > now - _CHAT_ABANDONED)
    return exists().where(ChatRow.dialog_id == DialogRow.id, lives)


def digest_of(dialog: DialogRow, turns: Sequence[TurnRow], marks: Sequence[MarkRow], zone: tzinfo) -> Digest:
    """Return what is made of a dialog; its day and hour are those of its start in the clinic's zone."""
    local = dialog.started_at.astimezone(zone)
    caller = indexed(" ".join(turn.text for turn in turns if turn.who in (Who.CALLER, Who.OPERATOR)))
    robot = indexed(" ".join(turn.text for turn in turns if turn.who == Who.ROBOT))
    facts = facts_of(dialog, turns, local)
    facts.heard_turns, facts.heard_words, facts.word_errors = heard_of(marks)
    return Digest(facts, latencies_of(turns), unclear_of(dialog, turns, local), (caller, robot))


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


def heard_of(marks: Iterable[MarkRow]) -> tuple[int, int, int]:
    """Return (turns, words, errors) of the caller's turns whose right words QA has written."""
    heard = [mark for mark in marks if mark.heard_words is not None]
    return len(heard), sum(mark.heard_words or 0 for mark in heard), sum(mark.word_errors or 0 for mark in heard)


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


# -- storing ----------------------------------------------------------------------------------------------------------------


def _by_dialog(rows: Iterable[Any]) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row.dialog_id].append(row)
    return found


def _store(session: Session, digests: Sequence[Digest]) -> list[Digest]:
    """Write them in few statements, in place of what is there; return those that were not there."""
    ids = [one.id for one in digests]
    known = set(session.scalars(select(FactsRow.dialog_id).where(FactsRow.dialog_id.in_(ids))))
    fresh = [one for one in digests if one.id not in known]
    session.execute(delete(FactsRow).where(FactsRow.dialog_id.in_(known)), execution_options=_PLAIN)
    session.execute(delete(UnclearRow).where(UnclearRow.dialog_id.in_(ids)), execution_options=_PLAIN)
    for table, rows in (
        (FactsRow, [_values(one.facts) for one in digests]),
        (UnclearRow, [_values(row) for one in digests for row in one.unclear]),
    ):
        if rows:
            session.execute(insert(table), rows)
    _add_latencies(session, fresh)
    write_words(session.connection(), {one.id: one.words for one in digests})
    return fresh


def _values(row: FactsRow | UnclearRow) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in row.__table__.columns}


def _add_latencies(session: Session, digests: Sequence[Digest]) -> None:
    counts: Counter[tuple[date, str, int]] = Counter()
    for one in digests:
        for (stage, bucket), count in one.latencies.items():
            counts[one.facts.day, stage, bucket] += count
    # Always in the same order: two desks that count at once must not wait for each other's rows crosswise.
    rows = [{"day": day, "stage": stage, "bucket": bucket} for day, stage, bucket in sorted(counts)]
    insert_missing(session, LatencyRow, [{**row, "count": 0} for row in rows])
    table = cast(Table, LatencyRow.__table__)
    same = [table.c[name] == bindparam(f"of_{name}") for name in ("day", "stage", "bucket")]
    adding = update(table).where(*same).values(count=table.c.count + bindparam("more"))
    if counts:
        more = [{"of_day": day, "of_stage": stage, "of_bucket": bucket, "more": counts[day, stage, bucket]}
                for day, stage, bucket in sorted(counts)]  # fmt: skip
        session.connection().execute(adding, more)


def write_words(connection: Connection, words: Mapping[str, tuple[str, str]]) -> None:
    """Put dialogs' words (ID -> caller's, robot's, as `indexed`) into the search, in place of what is there."""
    erase_words(connection, list(words))
    rows = [{"row": row_number(key), "id": key, "caller": own[0], "robot": own[1]} for key, own in words.items()]
    statement = "INSERT INTO dialog_words (dialog_id, caller, robot) VALUES (:id, :caller, :robot)"
    if connection.dialect.name == "sqlite":
        statement = "INSERT INTO dialog_words (rowid, dialog_id, caller, robot) VALUES (:row, :id, :caller, :robot)"
    if rows:
        connection.execute(text(statement), rows)


def erase_words(connection: Connection, dialog_ids: Sequence[str]) -> None:
    """Take dialogs out of the search."""
    is_sqlite = connection.dialect.name == "sqlite"
    statement = text(f"DELETE FROM dialog_words WHERE {'rowid' if is_sqlite else 'dialog_id'} = :key")  # noqa: S608 - ours
    if dialog_ids:
        connection.execute(statement, [{"key": row_number(one) if is_sqlite else one} for one in dialog_ids])


def row_number(dialog_id: str) -> int:
    """Return the number of a dialog's row in SQLite's index: the ID read as a number of base 36."""
    return int(dialog_id, 36)
