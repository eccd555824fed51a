"""What must be known of a bot's updates across restarts: how far they were read, and which were answered."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from voicebot.storage.base import Base, UtcDateTime


class BotPositionRow(Base):
    """One for each bot that is polled. `holder` polls until `held_until`; others wait: two pollers would rob each other."""

    __tablename__ = "bot_positions"

    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    position: Mapped[int | None] = mapped_column(BigInteger)
    holder: Mapped[str] = mapped_column(String(64))
    held_until: Mapped[datetime] = mapped_column(UtcDateTime)


class BotUpdateRow(Base):
    """An update that was answered. `key` is a hash: nothing of the patient is in it. Kept for some days."""

    __tablename__ = "bot_updates"

    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index("ix_bot_updates_at", "at"),)
