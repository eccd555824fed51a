"""Reminders that went into the outbox: one a visit, step and start, by constraint."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from voicebot.storage.base import Base, UtcDateTime


class ReminderRow(Base):
    """One step of one visit. Several visits of a family may share a message."""

    __tablename__ = "reminders"
    __table_args__ = (
        UniqueConstraint("appointment_id", "step", "start"),
        Index("ix_reminders_message_id", "message_id"),
        Index("ix_reminders_planned_at", "planned_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    appointment_id: Mapped[int] = mapped_column(ForeignKey("appointments.id", ondelete="CASCADE"))
    step: Mapped[str] = mapped_column(String(16))  # "24h", as in the settings
    start: Mapped[datetime] = mapped_column(UtcDateTime())  # of the visit, as it was reminded of
    planned_at: Mapped[datetime] = mapped_column(UtcDateTime())  # when it was due
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    answer: Mapped[str] = mapped_column(String(16), default="")  # confirmed, cancelled, moved
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    answered_by: Mapped[str] = mapped_column(String(16), default="")  # the channel it came by
