"""Deliveries: each handing-over of a message to a provider, and receipts that came before we knew what they are of."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from voicebot.storage.base import Base, UtcDateTime


class DeliveryStatus(StrEnum):
    """How far one handing-over came."""

    SENDING = "sending"  # intended: written before the provider is asked, so that a crash in between is seen
    UNCERTAIN = "uncertain"  # handed over or not: nobody knows; a receipt may still tell
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"  # by a receipt
    REFUSED = "refused"  # by the provider, at once
    UNSENT = "unsent"  # surely not taken over: the provider was away or too busy


class DeliveryRow(Base):
    """One attempt. Without message and address (both go with the message) it is a figure and names nobody."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("message_id", "attempt"),
        Index("ix_deliveries_provider_provider_id", "provider", "provider_id"),
        Index("ix_deliveries_channel_address", "channel", "address"),
        Index("ix_deliveries_created_at", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int | None] = mapped_column(ForeignKey("messages.id", ondelete="SET NULL"))
    template: Mapped[str] = mapped_column(String(64))
    attempt: Mapped[int]  # of the message, from 1
    channel: Mapped[str] = mapped_column(String(16))
    address: Mapped[str] = mapped_column(String(200))
    provider: Mapped[str] = mapped_column(String(32))
    key: Mapped[str] = mapped_column(String(64), unique=True)  # what the provider tells repetitions by
    provider_id: Mapped[str] = mapped_column(String(128), default="")
    status: Mapped[str] = mapped_column(String(16), default=DeliveryStatus.SENDING.value)
    reason: Mapped[str] = mapped_column(String(64), default="")  # the provider's code
    tries: Mapped[int] = mapped_column(default=1)  # how often it was handed over under its key: more than 1 after crashes
    parts: Mapped[int] = mapped_column(default=1)
    price_kopecks: Mapped[int] = mapped_column(default=0)  # 0 while undelivered where only deliveries are charged for
    created_at: Mapped[datetime] = mapped_column(UtcDateTime())
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime())  # refused, undelivered, unsent
    deadline_at: Mapped[datetime | None] = mapped_column(UtcDateTime())  # then the next channel is tried


class EarlyReceiptRow(Base):
    """A receipt of a message whose acceptance is not written yet: providers are quick, and processes die in between."""

    __tablename__ = "early_receipts"
    __table_args__ = (Index("ix_early_receipts_provider_provider_id", "provider", "provider_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(String(32))
    provider_id: Mapped[str] = mapped_column(String(128))
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(String(64), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime())
    received_at: Mapped[datetime] = mapped_column(UtcDateTime())
