"""The table of calls that the robot makes."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from voicebot.storage.base import Base, UtcDateTime

_OPEN = text("done_at IS NULL")


class OutgoingCallRow(Base):
    """A call to be made, under way, or made. `phone` is E.164; `given`: what its dialog begins with, as JSON.

    A brain that claimed it holds it until `leased_until`, and renews that while the call lasts.
    """

    __tablename__ = "outgoing_calls"
    __table_args__ = (
        Index("ix_outgoing_calls_open", "not_before", sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_outgoing_calls_done_at", "done_at"),
        Index("ix_outgoing_calls_phone", "phone"),
        Index("ix_outgoing_calls_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    phone: Mapped[str] = mapped_column(String(20))
    form: Mapped[str] = mapped_column(String(64))
    given: Mapped[dict[str, Any]] = mapped_column(JSON)
    not_before: Mapped[datetime] = mapped_column(UtcDateTime())
    not_after: Mapped[datetime] = mapped_column(UtcDateTime())
    tries: Mapped[int]
    retry_seconds: Mapped[int]
    status: Mapped[str] = mapped_column(String(16))
    result: Mapped[str] = mapped_column(String(16), default="")
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_by: Mapped[str] = mapped_column(String(64), default="")
    leased_until: Mapped[datetime | None] = mapped_column(UtcDateTime())
    dialog_id: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
