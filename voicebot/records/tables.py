"""Tables of what was said: one row a dialog, one row a turn, and what is made of them when a dialog is over."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Date, Float, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from voicebot.storage.base import Base, UtcDateTime

_UNDIGESTED = text("digested_at IS NULL")
_RECORDED = text("recording_path <> ''")
_UNRETURNED = text("done_at IS NULL")
_SERVED = text("ended_at IS NULL AND served_by <> ''")
_CHATS = text("asked_at IS NOT NULL AND result = ''")


class DialogRow(Base):
    """A conversation in any channel. `id` is the dialog ID that people read aloud."""

    __tablename__ = "dialogs"

    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    direction: Mapped[str] = mapped_column(String(4), default="in", server_default="in")  # "out": the robot called
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    caller_phone: Mapped[str] = mapped_column(String(64), default="")
    called: Mapped[str] = mapped_column(String(64), default="")
    sip_call_id: Mapped[str] = mapped_column(String(255), default="")
    dialplan: Mapped[str] = mapped_column(String(64), default="")
    outcome: Mapped[str] = mapped_column(String(32), default="")
    reason: Mapped[str] = mapped_column(String(64), default="")
    ended_by: Mapped[str] = mapped_column(String(16), default="")
    notice_version: Mapped[str] = mapped_column(String(64), default="")  # of NoticeRow
    notice_said_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when its last word had been heard
    recording_path: Mapped[str] = mapped_column(String(255), default="")
    recording_started_ms: Mapped[int | None] = mapped_column(Integer)
    handling_seconds: Mapped[float | None] = mapped_column(Float)
    transfer_target: Mapped[str] = mapped_column(String(64), default="")
    transfer_result: Mapped[str] = mapped_column(String(32), default="")
    summary: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    versions: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    digested_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # when search and figures took it
    served_by: Mapped[str] = mapped_column(String(96), default="", server_default="")  # of ProcessRow, for calls

    __table_args__ = (
        Index("ix_dialogs_served", "served_by", sqlite_where=_SERVED, postgresql_where=_SERVED),
        Index("ix_dialogs_started_at", "started_at"),
        Index("ix_dialogs_caller_phone", "caller_phone"),
        Index("ix_dialogs_outcome_started_at", "outcome", "started_at"),
        Index("ix_dialogs_undigested", "started_at", sqlite_where=_UNDIGESTED, postgresql_where=_UNDIGESTED),
        Index("ix_dialogs_recorded", "started_at", sqlite_where=_RECORDED, postgresql_where=_RECORDED),
    )


class ProcessRow(Base):
    """A process that serves calls. `id`: node, name and a number of its own; a restarted process is another one."""

    __tablename__ = "processes"

    id: Mapped[str] = mapped_column(String(96), primary_key=True)
    node: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_processes_node_seen_at", "node", "seen_at"),)


class NoticeRow(Base):
    """What callers were told about the recording, word for word. `version`: of the text's hash."""

    __tablename__ = "notices"

    version: Mapped[str] = mapped_column(String(64), primary_key=True)
    text: Mapped[str] = mapped_column(Text)
    first_said_at: Mapped[datetime] = mapped_column(UtcDateTime)


class TurnRow(Base):
    """One thing said. Numbers count from 1 in a dialog; offsets are milliseconds on the call's media clock."""

    __tablename__ = "turns"

    dialog_id: Mapped[str] = mapped_column(String(8), ForeignKey("dialogs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    who: Mapped[str] = mapped_column(String(8))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    offset_start_ms: Mapped[int | None] = mapped_column(Integer)
    offset_end_ms: Mapped[int | None] = mapped_column(Integer)
    text: Mapped[str] = mapped_column(Text, default="")
    played_text: Mapped[str | None] = mapped_column(Text)
    played_ms: Mapped[int | None] = mapped_column(Integer)
    alternatives: Mapped[list[Any]] = mapped_column(JSON, default=list)
    confidence: Mapped[float | None] = mapped_column(Float)
    intent: Mapped[str] = mapped_column(String(64), default="")
    slots: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    prompt: Mapped[str] = mapped_column(String(128), default="")
    latency_ms: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    is_bargein: Mapped[bool] = mapped_column(Boolean, default=False)
    digits: Mapped[str] = mapped_column(String(64), default="")


class FactsRow(Base):
    """What the figures count of a finished dialog. Nothing personal: it outlives the dialog's words."""

    __tablename__ = "dialog_facts"

    dialog_id: Mapped[str] = mapped_column(String(8), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    day: Mapped[date] = mapped_column(Date)  # in the clinic's zone, as `hour`
    hour: Mapped[int] = mapped_column(Integer)
    channel: Mapped[str] = mapped_column(String(16))
    dialplan: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(String(64))
    is_transferred: Mapped[bool] = mapped_column(Boolean)  # a human took it
    is_contained: Mapped[bool] = mapped_column(Boolean)  # finished without one
    is_lost: Mapped[bool] = mapped_column(Boolean)  # neither finished nor taken: the caller was left
    handling_seconds: Mapped[float | None] = mapped_column(Float)
    caller_turns: Mapped[int] = mapped_column(Integer)
    unclear_turns: Mapped[int] = mapped_column(Integer)  # spoken, not understood
    bargeins: Mapped[int] = mapped_column(Integer)
    least_confidence: Mapped[float | None] = mapped_column(Float)
    # Of the caller's turns that QA checked, for the word error rate: kept here, where they outlive the words.
    heard_turns: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    heard_words: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    word_errors: Mapped[int] = mapped_column(Integer, default=0, server_default="0")

    __table_args__ = (Index("ix_dialog_facts_day", "day"), Index("ix_dialog_facts_started_at", "started_at"))


class LatencyRow(Base):
    """How often an answer took so long, a day and a stage: a histogram whose buckets are 5 per cent wide."""

    __tablename__ = "latencies"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    stage: Mapped[str] = mapped_column(String(16), primary_key=True)
    bucket: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    count: Mapped[int] = mapped_column(Integer)


class UnclearRow(Base):
    """A phrase that was not understood, for the list of the most frequent ones. Goes with the dialog's words."""

    __tablename__ = "unclear_phrases"

    dialog_id: Mapped[str] = mapped_column(String(8), ForeignKey("dialogs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    day: Mapped[date] = mapped_column(Date)
    phrase: Mapped[str] = mapped_column(String(200))
    prompt: Mapped[str] = mapped_column(String(128))  # what the robot had asked

    __table_args__ = (Index("ix_unclear_phrases_day", "day"),)


class MarkRow(Base):
    """What the quality department says of a turn."""

    __tablename__ = "marks"

    dialog_id: Mapped[str] = mapped_column(String(8), ForeignKey("dialogs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(String(16))  # records.marks.Kind
    right_text: Mapped[str] = mapped_column(Text, default="")
    right_intent: Mapped[str] = mapped_column(String(64), default="")
    note: Mapped[str] = mapped_column(Text, default="")
    heard_words: Mapped[int | None] = mapped_column(Integer)  # of the right text, for the word error rate
    word_errors: Mapped[int | None] = mapped_column(Integer)
    author: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_marks_at", "at"),)


class HandOverRow(Base):
    """What an operator made of a contact that was handed over. `records.handed` says what the rows of text dialogs mean."""

    __tablename__ = "handovers"

    dialog_id: Mapped[str] = mapped_column(String(8), ForeignKey("dialogs.id", ondelete="CASCADE"), primary_key=True)
    taken_by: Mapped[str] = mapped_column(String(64), default="")
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    result: Mapped[str] = mapped_column(String(16), default="")  # solved, call_back, wrong; "" while open
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    note: Mapped[str] = mapped_column(Text, default="")
    # Of text dialogs only.
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # in the queue since then
    active_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # the operator's last sign of life
    said_number: Mapped[int] = mapped_column(Integer, default=0, server_default="0")  # of the operator's last turn

    __table_args__ = (Index("ix_handovers_chats", "asked_at", sqlite_where=_CHATS, postgresql_where=_CHATS),)


class CallBackRow(Base):
    """A call that is to be returned: who does it, when it was promised, what came of it."""

    __tablename__ = "call_backs"

    dialog_id: Mapped[str] = mapped_column(String(8), ForeignKey("dialogs.id", ondelete="CASCADE"), primary_key=True)
    phone: Mapped[str] = mapped_column(String(64), default="")  # where to call
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)  # none: as soon as somebody can
    note: Mapped[str] = mapped_column(Text, default="")
    assigned_to: Mapped[str] = mapped_column(String(64), default="")
    tries: Mapped[int] = mapped_column(Integer, default=0)  # calls that nobody answered
    last_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_by: Mapped[str] = mapped_column(String(64), default="")
    outcome: Mapped[str] = mapped_column(String(16), default="")  # records.call_backs.Returned; "" while open
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_call_backs_open", "created_at", sqlite_where=_UNRETURNED, postgresql_where=_UNRETURNED),)
