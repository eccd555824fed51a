"""Tables of what was said: one row a dialog, one row a turn."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Float, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from voicebot.storage.base import Base, UtcDateTime


class DialogRow(Base):
    """A conversation in any channel. `id` is the dialog ID that people read aloud."""

    __tablename__ = "dialogs"

    id: Mapped[str] = mapped_column(String(8), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    caller_phone: Mapped[str] = mapped_column(String(64), default="")
    called: Mapped[str] = mapped_column(String(64), default="")
    sip_call_id: Mapped[str] = mapped_column(String(255), default="")
    dialplan: Mapped[str] = mapped_column(String(64), default="")
    outcome: Mapped[str] = mapped_column(String(32), default="")
    reason: Mapped[str] = mapped_column(String(64), default="")
    ended_by: Mapped[str] = mapped_column(String(16), default="")
    notice_version: Mapped[str] = mapped_column(String(64), default="")
    recording_path: Mapped[str] = mapped_column(String(255), default="")
    recording_started_ms: Mapped[int | None] = mapped_column(Integer)
    handling_seconds: Mapped[float | None] = mapped_column(Float)
    transfer_target: Mapped[str] = mapped_column(String(64), default="")
    transfer_result: Mapped[str] = mapped_column(String(32), default="")
    summary: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    versions: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    __table_args__ = (
        Index("ix_dialogs_started_at", "started_at"),
        Index("ix_dialogs_caller_phone", "caller_phone"),
        Index("ix_dialogs_outcome_started_at", "outcome", "started_at"),
    )


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
