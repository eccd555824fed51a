"""The table of PIN codes, and of the key that signs links in messages."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from voicebot.storage.base import Base, UtcDateTime


class PinRow(Base):
    """A code that was sent. `phone_key` stands for the number (attempts.hashed); rows live for a day."""

    __tablename__ = "pins"
    __table_args__ = (
        Index("ix_pins_phone_key_created_at", "phone_key", "created_at"),
        Index("ix_pins_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    phone_key: Mapped[str] = mapped_column(String(32))
    dialog_id: Mapped[str] = mapped_column(String(64))
    salt: Mapped[str] = mapped_column(String(32))
    digest: Mapped[str] = mapped_column(String(64))
    tries_left: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime())


class LinkKeyRow(Base):
    """The secret that links in messages are signed with: one for all processes, made at the first use."""

    __tablename__ = "link_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    secret: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
