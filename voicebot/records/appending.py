"""Turns of a text dialog: its robot and its operator write from different processes, so nobody counts alone."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from voicebot.records.dialogs import Turn
from voicebot.records.store import UnknownDialog
from voicebot.records.tables import DialogRow, TurnRow
from voicebot.records.writes import fit


def append(session: Session, dialog_id: str, turns: Sequence[Turn], now: datetime) -> int:
    """Add turns at a dialog's end, in the caller's transaction; return the number that the first of them got.

    Their own numbers are ignored. The dialog's row is locked until the transaction ends. Raises UnknownDialog.
    """
    if locked(session, dialog_id) is None:
        raise UnknownDialog("There is no such dialog.", "Open it before its turns.")
    first = (session.scalar(select(func.max(TurnRow.number)).where(TurnRow.dialog_id == dialog_id)) or 0) + 1
    for number, turn in enumerate(turns, first):
        values = {**asdict(turn), "who": str(turn.who), "at": turn.at or now, "number": number}
        session.add(TurnRow(dialog_id=dialog_id, **fit(TurnRow, values)))
    session.flush()
    return first


def locked(session: Session, dialog_id: str) -> DialogRow | None:
    """Return a dialog's row as it is now, locked against other writers; None if there is none."""
    query = select(DialogRow).where(DialogRow.id == dialog_id).with_for_update().execution_options(populate_existing=True)
    return session.scalar(query)
