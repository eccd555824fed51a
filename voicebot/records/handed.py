"""Text dialogs that a human takes over: the desk and the channels are different processes, this is what they agree on.

A dialog handed over has `asked_at`; it waits until `taken_by` is set, and is closed when `result` is. An operator who gives it
back to the robot, or a robot that gives up waiting, clears `asked_at`. Every change locks the dialog's row first, as
`appending` does: whoever looks sees one state and the words that belong to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from voicebot.clock import Clock
from voicebot.records import queries
from voicebot.records.appending import append, locked
from voicebot.records.dialogs import Turn, Who
from voicebot.records.store import UnknownDialog
from voicebot.records.tables import DialogRow, HandOverRow, TurnRow
from voicebot.records.writes import fit
from voicebot.storage.database import Database, insert_missing

#: The longest message of an operator, characters: what Telegram takes at once, less some.
LONGEST = 4000
_KEY = "key"  # of an operator's turn: the same form sent twice is one message
_MOST = 500


class State(StrEnum):
    """With whom a text dialog is."""

    WITH_ROBOT = "with_robot"
    WAITING = "waiting"
    TAKEN = "taken"
    CLOSED = "closed"


class ChatRefused(Exception):
    """What an operator wanted cannot be done any more. `taken_by`: who has the dialog; `state`: with whom it is."""

    def __init__(self, state: State, taken_by: str) -> None:
        super().__init__(state.value)
        self.state = state
        self.taken_by = taken_by


@dataclass(frozen=True, slots=True)
class Place:
    """What the channels learn of a dialog. `said`: the operator's turns that they have not delivered yet, in order."""

    dialog_id: str
    state: State
    taken_by: str
    result: str
    said: tuple[Turn, ...] = ()


@dataclass(frozen=True, slots=True)
class Chat:
    """What the desk needs to know of a dialog: with whom it is and since when."""

    dialog_id: str
    state: State
    taken_by: str
    asked_at: datetime | None
    taken_at: datetime | None
    active_at: datetime | None  # the operator's last sign of life
    is_over: bool


# -- the channels' side: in the caller's transaction -------------------------------------------------------------------


def ask(
    session: Session,
    now: datetime,
    dialog_id: str,
    target: str = "operator",
    reason: str = "",
    summary: Mapping[str, Any] | None = None,
) -> None:
    """Put a dialog into the operators' queue. It may have been there before. Raises UnknownDialog."""
    dialog = _dialog(session, dialog_id)
    for name, value in fit(DialogRow, {"transfer_target": target, "transfer_result": "", "reason": reason}).items():
        setattr(dialog, name, value)
    if summary is not None:
        dialog.summary = fit(DialogRow, {"summary": summary})["summary"]
    row = _row(session, dialog_id)
    row.taken_by, row.taken_at, row.active_at = "", None, None
    row.result, row.closed_at, row.asked_at = "", None, now


def withdraw(session: Session, dialog_id: str) -> bool:
    """Take a dialog out of the queue, because nobody came; False when somebody has taken or closed it, which stays so."""
    dialog = _dialog(session, dialog_id)
    row = _row(session, dialog_id)
    state = state_of(row)
    if state is State.WAITING:
        _leave(dialog, row)
    return state in (State.WAITING, State.WITH_ROBOT)


def state_of(row: HandOverRow | None) -> State:
    """With whom a dialog is, by its row."""
    if row is None or row.asked_at is None:
        return State.WITH_ROBOT
    if row.result:
        return State.CLOSED
    return State.TAKEN if row.taken_by else State.WAITING


class Handed:
    """What the processes ask and tell, each in a transaction of its own. Raises StorageError; UnknownDialog."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    # -- the channels -------------------------------------------------------------------------------------------------

    def look(self, delivered: Mapping[str, int]) -> tuple[Place, ...]:
        """Return where dialogs are. `delivered`: of each the number of the last operator's turn that its patient has (0: none).

        Besides those asked for, all that are in the queue now come, without words: an operator may take one from the robot.
        One query for all of them, and one more only when an operator has written. Dialogs that were purged are left out.
        """
        is_wanted = or_(HandOverRow.dialog_id.in_(delivered), and_(HandOverRow.asked_at.is_not(None), HandOverRow.result == ""))

        def work(session: Session) -> tuple[Place, ...]:
            rows = session.scalars(select(HandOverRow).where(is_wanted)).all()
            fresh = [row for row in rows if row.said_number > delivered.get(row.dialog_id, row.said_number)]
            said = _said(session, {row.dialog_id: delivered[row.dialog_id] for row in fresh})
            return tuple(
                Place(row.dialog_id, state_of(row), row.taken_by, row.result, tuple(said.get(row.dialog_id, ())))
                for row in rows
            )

        return self._database.run(work, is_readonly=True)

    # -- the desk -----------------------------------------------------------------------------------------------------

    def chat(self, dialog_id: str) -> Chat | None:
        """Return with whom a dialog is; None if it never was handed over in writing (telephone calls are not)."""

        def work(session: Session) -> Chat | None:
            row = session.get(HandOverRow, dialog_id)
            dialog = session.get(DialogRow, dialog_id)
            return None if row is None or dialog is None or row.asked_at is None else _chat(dialog, row)

        return self._database.run(work, is_readonly=True)

    def say(self, dialog_id: str, who: str, text: str, key: str) -> int:
        """Write to the patient; return the turn's number. The same `key` again is the same message.

        Raises ChatRefused unless `who` has the dialog and it goes on.
        """

        def work(session: Session) -> int:
            dialog = _dialog(session, dialog_id)
            row = _row(session, dialog_id)
            sent = _sent(session, dialog_id, key)
            if sent is not None:
                return sent
            _check_has(dialog, row, who)
            now = self._clock.now()
            turn = Turn(0, Who.OPERATOR, text[:LONGEST], at=now, slots={"operator": who, _KEY: key})
            row.said_number = append(session, dialog_id, [turn], now)
            row.active_at = now
            return row.said_number

        return self._database.run(work)

    def give_back(self, dialog_id: str, who: str) -> None:
        """Let the robot go on. Raises ChatRefused unless `who` has the dialog and it goes on."""

        def work(session: Session) -> None:
            dialog = _dialog(session, dialog_id)
            row = _row(session, dialog_id)
            if state_of(row) is State.WITH_ROBOT:
                return  # the same click twice
            _check_has(dialog, row, who)
            _leave(dialog, row)
            self._note(session, dialog_id, "Оператор вернул разговор роботу.")

        self._database.run(work)

    def seen(self, dialog_id: str, who: str) -> None:
        """Note that the operator who has a dialog is there."""

        def work(session: Session) -> None:
            row = session.get(HandOverRow, dialog_id, with_for_update=True)
            if row is not None and row.taken_by == who:
                row.active_at = self._clock.now()

        self._database.run(work)

    def release(self, dialog_id: str, who: str, seen_at: datetime | None) -> bool:
        """Put a dialog back into the queue; False if it changed meanwhile (`seen_at`: its active_at as it was seen)."""

        def work(session: Session) -> bool:
            dialog = _dialog(session, dialog_id)
            row = _row(session, dialog_id)
            if (
                state_of(row) is not State.TAKEN
                or row.taken_by != who
                or row.active_at != seen_at
                or dialog.ended_at is not None
            ):
                return False
            row.taken_by, row.taken_at, row.active_at = "", None, None
            self._note(session, dialog_id, "Оператор не отвечает: разговор снова в очереди.")
            return True

        return self._database.run(work)

    def taken(self) -> tuple[tuple[Chat, datetime | None], ...]:
        """Return the written dialogs that operators have and that go on, each with since when the patient waits for a reply."""
        query = (
            select(DialogRow, HandOverRow)
            .join(HandOverRow, HandOverRow.dialog_id == DialogRow.id)
            .where(HandOverRow.asked_at.is_not(None), HandOverRow.taken_by != "", HandOverRow.result == "")
            .where(DialogRow.ended_at.is_(None))
            .order_by(HandOverRow.asked_at)
            .limit(_MOST)
        )

        def work(session: Session) -> tuple[tuple[Chat, datetime | None], ...]:
            found = [_chat(dialog, row) for dialog, row in session.execute(query)]
            unanswered = _unanswered(session, [one.dialog_id for one in found])
            return tuple((one, unanswered.get(one.dialog_id)) for one in found)

        return self._database.run(work, is_readonly=True)

    def _note(self, session: Session, dialog_id: str, text: str) -> None:
        now = self._clock.now()
        append(session, dialog_id, [Turn(0, Who.SYSTEM, text, at=now)], now)


def is_abandoned(
    chat: Chat, unanswered_since: datetime | None, now: datetime, silent: timedelta, *, is_logged_in: bool
) -> bool:
    """Whether a taken dialog has to go to somebody else: its operator has left, or lets the patient wait for too long. Pure."""
    if chat.state is not State.TAKEN or chat.is_over:
        return False
    if not is_logged_in:
        return True
    if unanswered_since is None:
        return False  # it is the patient's turn
    signs = [at for at in (unanswered_since, chat.taken_at, chat.active_at) if at is not None]
    return now - max(signs) >= silent


# -- inside a transaction ----------------------------------------------------------------------------------------------


def _dialog(session: Session, dialog_id: str) -> DialogRow:
    found = locked(session, dialog_id)
    if found is None:
        raise UnknownDialog("There is no such dialog.", "It may have been purged.")
    return found


def _row(session: Session, dialog_id: str) -> HandOverRow:
    """The dialog's row, locked, made at the first use."""
    insert_missing(session, HandOverRow, [{"dialog_id": dialog_id, "taken_by": "", "result": "", "note": "", "said_number": 0}])
    return session.get_one(HandOverRow, dialog_id, with_for_update=True, populate_existing=True)


def _leave(dialog: DialogRow, row: HandOverRow) -> None:
    """Out of the queue: the robot has it."""
    dialog.transfer_target = dialog.transfer_result = dialog.reason = ""
    row.asked_at = row.taken_at = row.active_at = row.closed_at = None
    row.taken_by = row.result = ""


def _check_has(dialog: DialogRow, row: HandOverRow, who: str) -> None:
    state = State.CLOSED if dialog.ended_at is not None else state_of(row)
    if state is not State.TAKEN or row.taken_by != who:
        raise ChatRefused(state, row.taken_by)


def _sent(session: Session, dialog_id: str, key: str) -> int | None:
    """The number of the message that came with this key before."""
    query = (
        select(TurnRow.number, TurnRow.slots)
        .where(TurnRow.dialog_id == dialog_id, TurnRow.who == Who.OPERATOR.value)
        .order_by(TurnRow.number.desc())
        .limit(50)
    )
    return next((number for number, slots in session.execute(query) if key and slots.get(_KEY) == key), None)


def _said(session: Session, after: Mapping[str, int]) -> dict[str, list[Turn]]:
    """Operators' turns that follow the numbers given."""
    found: dict[str, list[Turn]] = {}
    if not after:
        return found
    follows = or_(*(and_(TurnRow.dialog_id == one, TurnRow.number > number) for one, number in after.items()))
    query = select(TurnRow).where(TurnRow.who == Who.OPERATOR.value, follows).order_by(TurnRow.dialog_id, TurnRow.number)
    for row in session.scalars(query):
        found.setdefault(row.dialog_id, []).append(queries.turn_of(row))
    return found


def _unanswered(session: Session, dialog_ids: Sequence[str]) -> dict[str, datetime]:
    """Since when patients wait for a human: since their first words after the operator's last, or since one was asked for."""
    if not dialog_ids:
        return {}
    said = TurnRow.who == Who.OPERATOR.value
    last = (
        select(TurnRow.dialog_id, func.max(TurnRow.number).label("number"))
        .where(TurnRow.dialog_id.in_(dialog_ids), said)
        .group_by(TurnRow.dialog_id)
        .subquery()
    )
    query = (
        select(TurnRow.dialog_id, HandOverRow.asked_at, func.min(TurnRow.at))
        .join(HandOverRow, HandOverRow.dialog_id == TurnRow.dialog_id)
        .outerjoin(last, last.c.dialog_id == TurnRow.dialog_id)
        .where(TurnRow.dialog_id.in_(dialog_ids), TurnRow.who == Who.CALLER.value)
        .where(or_(last.c.number.is_(None), TurnRow.number > last.c.number))
        .group_by(TurnRow.dialog_id, HandOverRow.asked_at)
    )
    return {dialog_id: max(asked_at or at, at) for dialog_id, asked_at, at in session.execute(query)}


def _chat(dialog: DialogRow, row: HandOverRow) -> Chat:
    return Chat(
        dialog_id=dialog.id,
        state=state_of(row),
        taken_by=row.taken_by,
        asked_at=row.asked_at,
        taken_at=row.taken_at,
        active_at=row.active_at,
        is_over=dialog.ended_at is not None,
    )
