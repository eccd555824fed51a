"""Where text dialogs are kept between messages: the place and the turns of a message in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, cast

import msgspec
import structlog
from sqlalchemy import BindParameter, CursorResult, Table, bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from voicebot.channels.contact import Button, Mode, Reply
from voicebot.dialog.state import Phase, State
from voicebot.dialog.talking import End, HandOver
from voicebot.errors import VoicebotError
from voicebot.records import handed
from voicebot.records.chat_tables import ChatRow
from voicebot.records.dialogs import Turn
from voicebot.records.tables import DialogRow, TurnRow
from voicebot.records.writes import fit
from voicebot.storage.database import Database

log = structlog.get_logger(__name__)

KEPT_REPLIES = 3
_PLAIN = {"synchronize_session": False}
# Made once: building a statement costs more than carrying it out.
_CHATS = cast(Table, ChatRow.__table__)
_LOCK = select(DialogRow.id).where(DialogRow.id == bindparam("dialog")).with_for_update()
_LAST_TURN = select(func.max(TurnRow.number)).where(TurnRow.dialog_id == bindparam("dialog"))
_DIALOGS = cast(Table, DialogRow.__table__)
_NEW_DIALOG = insert(_DIALOGS)
_ENDED = update(_DIALOGS).where(_DIALOGS.c.id == bindparam("b_dialog"))
_PHONE = (
    update(_DIALOGS)
    .where(_DIALOGS.c.id == bindparam("dialog"), _DIALOGS.c.caller_phone == "")
    .values(caller_phone=bindparam("phone"))
)
_SAID = ("text", "alternatives", "confidence", "intent", "slots", "prompt", "latency_ms", "is_bargein", "digits")
_TURNS = insert(cast(Table, TurnRow.__table__))
_NEW_PLACE = insert(_CHATS)
_NEXT_PLACE = update(_CHATS).where(
    _CHATS.c.channel == bindparam("b_channel"),
    _CHATS.c.address == bindparam("b_address"),
    _CHATS.c.version == bindparam("b_version"),
)
# The modes are part of the text: only then SQLite uses the index of dialogs with people (it is partial), else reads all chats.
_WITH_PEOPLE: BindParameter[list[str]] = bindparam(
    "modes", [Mode.WAITING.value, Mode.OPERATOR.value], expanding=True, literal_execute=True
)
_LOOKED_AFTER = (
    select(ChatRow)
    .where(or_(ChatRow.mode.in_(_WITH_PEOPLE), ChatRow.due_at <= bindparam("now")))
    .order_by(ChatRow.due_at)
    .limit(bindparam("most"))
)
_replies = msgspec.json.Decoder(list[tuple[str, Reply]])


class Superseded(Exception):
    """Somebody else has written this dialog since it was read: read it again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a patient's dialog stands. `state` is None when nothing goes on. Never changed: each message makes a new one."""

    channel: str
    address: str
    dialog_id: str = ""
    version: int = 0  # 0: not stored yet
    mode: Mode = Mode.OVER
    state: State | None = None
    replies: tuple[tuple[str, Reply], ...] = ()
    delivered: int = 0
    due: str = ""
    due_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.channel, self.address

    @property
    def buttons(self) -> tuple[Button, ...]:
        """What may be pressed now; a press names its question, so that it is never taken for another's answer."""
        state = self.state
        if self.mode is not Mode.ROBOT or state is None or state.phase is not Phase.LISTENING or state.expect is None:
            return ()
        return tuple(Button(one.label, f"{state.steps}.{number}") for number, one in enumerate(state.expect.options, 1))

    def answered(self, message_id: str) -> Reply | None:
        """The reply that a message got when it came before."""
        return next((reply for known, reply in self.replies if known == message_id), None) if message_id else None


@dataclass(frozen=True, slots=True)
class Opened:
    """The head of a new dialog."""

    dialog_id: str
    channel: str
    phone: str
    dialplan: str


@dataclass(frozen=True, slots=True)
class Change:
    """All that one message does to the records. `before`: the place as it was read."""

    before: Place
    after: Place
    now: datetime
    turns: tuple[Turn, ...] = ()
    opened: Opened | None = None
    hand_over: HandOver | None = None
    withdrawn: bool = False  # out of the operators' queue, unless somebody has taken it
    end: End | None = None
    ended_dialog_id: str = ""  # the dialog that a new one replaces
    replaced: End | None = None  # how that one ends
    ended_by: str = ""
    transfer_result: str = ""
    summary: dict[str, str] = field(default_factory=dict)
    phone: str = ""  # the number that the patient has just given
    robot_turns: int = 0  # of `turns`, the last ones: what the reply says


def load(database: Database, channel: str, address: str) -> Place:
    """Return where a dialog stands; a place of version 0 when there is none."""
    query = select(ChatRow).where(ChatRow.channel == channel, ChatRow.address == address)
    row = database.run(lambda session: session.scalar(query), is_readonly=True)
    return Place(channel, address) if row is None else place_of(row)


def place_of(row: ChatRow) -> Place:
    """A stored place. A state that another version wrote and this one cannot read is over: the next message begins anew."""
    mode = Mode(row.mode)
    try:
        state = State.from_json(row.state) if row.state else None
        replies = tuple(_replies.decode(row.replies)) if row.replies else ()
    except (VoicebotError, TypeError, msgspec.MsgspecError) as error:
        log.warning("place_not_readable", dialog_id=row.dialog_id, problem=type(error).__name__)
        state, replies = None, ()
    if state is None and mode is Mode.ROBOT:
        mode = Mode.OVER
    return Place(
        channel=row.channel,
        address=row.address,
        dialog_id=row.dialog_id,
        version=row.version,
        mode=mode,
        state=state,
        replies=replies,
        delivered=row.delivered,
        due=row.due,
        due_at=row.due_at,
        updated_at=row.updated_at,
    )


def looked_after(database: Database, now: datetime, limit: int = 500) -> list[Place]:
    """Return the dialogs that are with people, and those in which something is due."""
    return database.run(
        lambda session: [place_of(row) for row in session.scalars(_LOOKED_AFTER, {"now": now, "most": limit})], is_readonly=True
    )


def of_dialogs(database: Database, dialog_ids: Sequence[str]) -> list[Place]:
    """Return the places of some dialogs."""
    query = select(ChatRow).where(ChatRow.dialog_id.in_(dialog_ids), ChatRow.mode != Mode.OVER.value)
    return database.run(lambda session: [place_of(row) for row in session.scalars(query)], is_readonly=True)


def claim(database: Database, place: Place, now: datetime, until: datetime) -> bool:
    """Be the only process that delivers to a patient, until it has stored that it did, or `until`."""
    is_free = or_(ChatRow.claimed_until.is_(None), ChatRow.claimed_until < now)
    mine = update(ChatRow).where(ChatRow.channel == place.channel, ChatRow.address == place.address, is_free)

    def work(session: Session) -> bool:
        done = cast("CursorResult[Any]", session.execute(mine.values(claimed_until=until), execution_options=_PLAIN))
        return done.rowcount == 1

    return database.run(work)


def write(session: Session, change: Change) -> Place:
    """Carry a change out; return the new place, its replies numbered by the turns. Raises Superseded."""
    return prepared(change)(session)


def prepared(change: Change) -> Callable[[Session], Place]:
    """Make a change ready to be carried out by `write`: whoever writes holds up all others, of all processes."""
    after = change.after
    state = "" if after.state is None else after.state.to_json()
    turns = [_row(after.dialog_id, turn, change.now) for turn in change.turns]
    return partial(_write, change=change, state=state, turns=turns)


def _write(session: Session, change: Change, state: str, turns: Sequence[Mapping[str, Any]]) -> Place:
    before, after, now = change.before, change.after, change.now
    if change.ended_dialog_id and change.replaced is not None:
        _end(session, change, change.ended_dialog_id, change.replaced)
    if change.opened is not None:
        _open(session, change.opened, now)
    if change.withdrawn and not handed.withdraw(session, after.dialog_id):
        raise Superseded
    if turns:
        # A dialog that has just been opened has none, and is nobody else's yet.
        last = 0 if change.opened is not None else _last_turn(session, after.dialog_id)
        session.connection().execute(_TURNS, [{**row, "number": number} for number, row in enumerate(turns, last + 1)])
        after = _numbered(after, last + 1 + len(turns) - change.robot_turns)
    if change.phone:
        # For operators, and so that a patient's data are found by the number. It proves nothing: the dialog does not get it.
        session.connection().execute(_PHONE, {"dialog": after.dialog_id, "phone": change.phone})
    if change.hand_over is not None:
        act = change.hand_over
        handed.ask(session, now, after.dialog_id, act.target, act.reason, dict(act.summary))
        session.flush()
    if change.end is not None:
        _end(session, change, after.dialog_id, change.end)
    after = replace(after, version=before.version + 1)
    _store(session, before, after, state, now)
    return after


def _last_turn(session: Session, dialog_id: str) -> int:
    """The number of a dialog's last turn, for who appends more: as `records.appending.append`, which says why the dialog's row
    is locked first. Raises Superseded where the dialog was purged.
    """
    connection = session.connection()
    if connection.dialect.name != "sqlite" and connection.execute(_LOCK, {"dialog": dialog_id}).first() is None:
        raise Superseded
    return int(connection.execute(_LAST_TURN, {"dialog": dialog_id}).scalar_one() or 0)


def _row(dialog_id: str, turn: Turn, now: datetime) -> dict[str, Any]:
    values = {name: getattr(turn, name) for name in _SAID}
    fitted = fit(TurnRow, {name: value for name, value in values.items() if value})
    return {**values, **fitted, "dialog_id": dialog_id, "who": turn.who.value, "at": turn.at or now}


def _store(session: Session, before: Place, after: Place, state: str, now: datetime) -> None:
    values: dict[str, Any] = {
        "dialog_id": after.dialog_id,
        "version": after.version,
        "mode": after.mode.value,
        "state": state,
        "replies": msgspec.json.encode(after.replies).decode() if after.replies else "",
        "delivered": after.delivered,
        "due": after.due,
        "due_at": after.due_at,
        "updated_at": after.updated_at or now,
        "claimed_until": None,
    }
    connection = session.connection()
    if not before.version:
        try:
            connection.execute(_NEW_PLACE, {"channel": after.channel, "address": after.address, **values})
        except IntegrityError:  # two first messages at once, in two processes: the other one came first
            raise Superseded from None
        return
    which = {"b_channel": before.channel, "b_address": before.address, "b_version": before.version}
    if connection.execute(_NEXT_PLACE, {**values, **which}).rowcount != 1:
        raise Superseded


def _open(session: Session, opened: Opened, now: datetime) -> None:
    values = {
        "id": opened.dialog_id, "channel": opened.channel, "started_at": now, "caller_phone": opened.phone,
        "dialplan": opened.dialplan,
    }  # fmt: skip
    session.connection().execute(_NEW_DIALOG, fit(DialogRow, values))


def _end(session: Session, change: Change, dialog_id: str, end: End) -> None:
    """Close the dialog's record. `digested_at` is emptied: a long dialog may have been counted before its end."""
    values: dict[str, Any] = {
        "ended_at": change.now, "outcome": end.outcome, "reason": end.reason, "ended_by": change.ended_by, "digested_at": None,
    }  # fmt: skip
    if change.transfer_result:
        values["transfer_result"] = change.transfer_result
    if change.summary:
        values["summary"] = change.summary
    session.connection().execute(_ENDED, {**fit(DialogRow, values), "b_dialog": dialog_id})


def _numbered(place: Place, first: int) -> Place:
    """Give the newest reply's messages the numbers of their turns."""
    if not place.replies:
        return place
    (message_id, reply), *rest = place.replies
    said = tuple(replace(one, number=number) for number, one in enumerate(reply.messages, first))
    return replace(place, replies=((message_id, replace(reply, messages=said)), *rest))
