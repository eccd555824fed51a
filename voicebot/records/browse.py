"""The list of dialogs as the quality department asks for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from voicebot.records.dialogs import Dialog
from voicebot.records.marks import Mark, marks_of
from voicebot.records.queries import PAGE, following
from voicebot.records.search import Said, Words, holds_words
from voicebot.records.tables import DialogRow, FactsRow, MarkRow
from voicebot.storage.database import Database

COUNT_LIMIT = 10_000  # beyond it the list says "more than": nobody turns 200 pages


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which dialogs; every field that is set must hold. Confidence 0..1 is the least of a dialog's turns."""

    since: datetime | None = None
    until: datetime | None = None
    channel: str = ""
    outcome: str = ""
    reason: str = ""
    dialplan: str = ""
    phone_digits: str = ""
    words: str = ""
    words_by: Said = Said.ANYBODY
    confidence_below: float | None = None
    seconds_from: float | None = None
    seconds_to: float | None = None
    is_transferred: bool | None = None
    is_marked: bool | None = None
    mark_kind: str = ""  # records.marks.Kind: of any of its turns


@dataclass(frozen=True, slots=True)
class Line:
    """A dialog in the list."""

    id: str
    started_at: datetime
    ended_at: datetime | None
    channel: str
    dialplan: str
    caller_phone: str
    outcome: str
    reason: str
    handling_seconds: float | None
    transfer_result: str
    caller_turns: int | None  # None: not digested yet
    unclear_turns: int | None
    least_confidence: float | None
    is_marked: bool


@dataclass(frozen=True, slots=True)
class Page:
    lines: tuple[Line, ...]
    count: int  # of all pages, at most COUNT_LIMIT


def browse(
    session: Session, wanted: Wanted, *, limit: int = 50, offset: int = 0, after: tuple[datetime, str] | None = None
) -> Page:
    """Return a page of the list, newest first. `after`: start and ID of the last line of the page before."""
    where = conditions(session, wanted)
    is_marked = select(MarkRow.number).where(MarkRow.dialog_id == DialogRow.id).exists()
    columns = [
        DialogRow.id, DialogRow.started_at, DialogRow.ended_at, DialogRow.channel, DialogRow.dialplan, DialogRow.caller_phone,
        DialogRow.outcome, DialogRow.reason, DialogRow.handling_seconds, DialogRow.transfer_result,
        FactsRow.caller_turns, FactsRow.unclear_turns, FactsRow.least_confidence, is_marked,
    ]  # fmt: skip
    found: Any = select(*columns).outerjoin(FactsRow, FactsRow.dialog_id == DialogRow.id).where(*where)
    if after is not None:
        started_at, dialog_id = after
        is_next = or_(DialogRow.started_at < started_at, (DialogRow.started_at == started_at) & (DialogRow.id > dialog_id))
        found = found.where(is_next)
    rows = session.execute(found.order_by(DialogRow.started_at.desc(), DialogRow.id).limit(limit).offset(offset))
    return Page(tuple(Line(*row) for row in rows), _count(session, where))


def count(session: Session, wanted: Wanted) -> int:
    """Return how many there are, at most COUNT_LIMIT."""
    return _count(session, conditions(session, wanted))


def _count(session: Session, where: list[ColumnElement[bool]]) -> int:
    counted: Any = select(DialogRow.id).outerjoin(FactsRow, FactsRow.dialog_id == DialogRow.id).where(*where)
    return session.scalar(select(func.count()).select_from(counted.limit(COUNT_LIMIT).subquery())) or 0


def whole(database: Database, wanted: Wanted) -> Iterator[tuple[Dialog, Mapping[int, Mark]]]:
    """Yield whole dialogs with their marks, oldest first, page by page: no transaction stays open in between."""
    last: tuple[datetime, str] | None = None
    while True:

        def work(session: Session, last: tuple[datetime, str] | None = last) -> list[tuple[Dialog, dict[int, Mark]]]:
            where = conditions(session, wanted)
            query = select(DialogRow).outerjoin(FactsRow, FactsRow.dialog_id == DialogRow.id).where(*where)
            dialogs = following(session, query, last)
            marks = marks_of(session, [dialog.id for dialog in dialogs])
            return [(dialog, marks.get(dialog.id, {})) for dialog in dialogs]

        page = database.run(work, is_readonly=True)
        yield from page
        if len(page) < PAGE:
            return
        dialog = page[-1][0]
        assert dialog.started_at is not None
        last = (dialog.started_at, dialog.id)


def conditions(session: Session, wanted: Wanted) -> list[ColumnElement[bool]]:
    """Return the filter as conditions on DialogRow and FactsRow (outer-joined)."""
    found: list[ColumnElement[bool]] = []
    for column, value in ((DialogRow.channel, wanted.channel), (DialogRow.outcome, wanted.outcome),
                          (DialogRow.reason, wanted.reason), (DialogRow.dialplan, wanted.dialplan)):  # fmt: skip
        if value:
            found.append(column == value)
    if wanted.since is not None:
        found.append(DialogRow.started_at >= wanted.since)
    if wanted.until is not None:
        found.append(DialogRow.started_at < wanted.until)
    if wanted.phone_digits:
        found.append(DialogRow.caller_phone.contains(wanted.phone_digits, autoescape=True))
    if wanted.confidence_below is not None:
        found.append(FactsRow.least_confidence < wanted.confidence_below)
    if wanted.seconds_from is not None:
        found.append(DialogRow.handling_seconds >= wanted.seconds_from)
    if wanted.seconds_to is not None:
        found.append(DialogRow.handling_seconds <= wanted.seconds_to)
    if wanted.is_transferred is not None:
        found.append((DialogRow.transfer_target != "") == wanted.is_transferred)
    if wanted.is_marked is not None:
        is_marked = select(MarkRow.number).where(MarkRow.dialog_id == DialogRow.id).exists()
        found.append(is_marked if wanted.is_marked else ~is_marked)
    if wanted.mark_kind:
        of_kind = (MarkRow.dialog_id == DialogRow.id, MarkRow.kind == wanted.mark_kind)
        found.append(select(MarkRow.number).where(*of_kind).exists())
    words = holds_words(session, Words(wanted.words, wanted.words_by)) if wanted.words else None
    if words is not None:
        found.append(words)
    return found


def choices(session: Session) -> Mapping[str, list[str]]:
    """Return what the filters offer: the values that occur."""
    columns = (FactsRow.channel, FactsRow.outcome, FactsRow.reason, FactsRow.dialplan)
    found = session.execute(select(*columns).distinct()).all()  # all of them in one reading
    return {column.key: sorted({row[place] for row in found} - {""}) for place, column in enumerate(columns)}
