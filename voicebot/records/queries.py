"""Dialogs and turns out of their rows."""

from dataclasses import fields, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.orm import Session

from voicebot.records.dialogs import Dialog, DialogFilter, Turn, Who
from voicebot.records.tables import DialogRow, TurnRow

PAGE = 100
DIALOG_FIELDS = tuple(f.name for f in fields(Dialog) if f.name != "turns")
_TURN_FIELDS = tuple(f.name for f in fields(Turn))


def dialog_of(row: DialogRow) -> Dialog:
    """Return the head of a dialog."""
    return Dialog(**{name: getattr(row, name) for name in DIALOG_FIELDS})


def turn_of(row: TurnRow) -> Turn:
    """Return a turn."""
    values = {name: getattr(row, name) for name in _TURN_FIELDS}
    return Turn(**{**values, "who": Who(row.who), "alternatives": tuple(row.alternatives)})


def get(session: Session, dialog_id: str) -> Dialog | None:
    """Return a dialog with its turns, None if there is none."""
    row = session.get(DialogRow, dialog_id)
    if row is None:
        return None
    turns = session.scalars(select(TurnRow).where(TurnRow.dialog_id == dialog_id).order_by(TurnRow.number))
    return replace(dialog_of(row), turns=tuple(turn_of(turn) for turn in turns))


def page(session: Session, wanted: DialogFilter, last: tuple[datetime, str] | None) -> list[Dialog]:
    """Return the dialogs that follow `last`, with their turns, oldest first."""
    return following(session, narrowed(select(DialogRow), wanted), last)


def following(session: Session, query: Select[DialogRow], last: tuple[datetime, str] | None) -> list[Dialog]:
    """Return those of a query's dialogs that follow `last`, with their turns, oldest first."""
    if last is not None:
        started_at, dialog_id = last
        is_next = or_(DialogRow.started_at > started_at, (DialogRow.started_at == started_at) & (DialogRow.id > dialog_id))
        query = query.where(is_next)
    rows = session.scalars(query.order_by(DialogRow.started_at, DialogRow.id).limit(PAGE)).all()
    turns: dict[str, list[Turn]] = {row.id: [] for row in rows}
    found = select(TurnRow).where(TurnRow.dialog_id.in_(turns)).order_by(TurnRow.dialog_id, TurnRow.number)
    for turn in session.scalars(found):
        turns[turn.dialog_id].append(turn_of(turn))
    return [replace(dialog_of(row), turns=tuple(turns[row.id])) for row in rows]


SelectT = TypeVar("SelectT", bound=Select[Any])


def narrowed(query: SelectT, wanted: DialogFilter) -> SelectT:
    """Return the query with a filter\'s conditions."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(DialogRow.started_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(DialogRow.started_at < wanted.until)
    if wanted.channel:
        conditions.append(DialogRow.channel == wanted.channel)
    if wanted.outcome:
        conditions.append(DialogRow.outcome == wanted.outcome)
    if wanted.sip_call_id:
        conditions.append(DialogRow.sip_call_id == wanted.sip_call_id)
    if wanted.phone_digits:
        conditions.append(DialogRow.caller_phone.contains(wanted.phone_digits, autoescape=True))
    if wanted.is_transferred is not None:
        conditions.append((DialogRow.transfer_target != "") == wanted.is_transferred)
    if wanted.text:
        # SQLite folds the case of Latin letters only; callers' texts are lower-case, robots' sentences are capitalised.
        spellings = {wanted.text, wanted.text.lower(), wanted.text.capitalize()}
        said = or_(*(TurnRow.text.contains(spelling, autoescape=True) for spelling in sorted(spellings)))
        conditions.append(select(TurnRow.number).where(TurnRow.dialog_id == DialogRow.id, said).exists())
    return query.where(*conditions)
