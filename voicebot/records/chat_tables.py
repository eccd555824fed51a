"""Tables of text dialogs: where each stands between two messages."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from voicebot.storage.base import Base, UtcDateTime

_UNFINISHED = text("due_at IS NOT NULL")


class ChatRow(Base):
    """A patient's place in a channel. `state` is the engine's (what was said and given so far): "" when nothing goes on.

    `version` grows with every message: who read an older one has to read again. `due_at`: when somebody must look after it
    (a reminder, the closing, the end of waiting for an operator); `due`: which. `replies`: the last ones by message, so that
    a message that comes twice is answered alike. `delivered`: the operator's last turn that the patient has.
    """

    __tablename__ = "chats"

    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    address: Mapped[str] = mapped_column(String(128), primary_key=True)
    dialog_id: Mapped[str] = mapped_column(String(8), ForeignKey("dialogs.id", ondelete="CASCADE"))
    version: Mapped[int] = mapped_column(Integer)
    mode: Mapped[str] = mapped_column(String(12))
    state: Mapped[str] = mapped_column(Text, default="")
    replies: Mapped[str] = mapped_column(Text, default="")
    delivered: Mapped[int] = mapped_column(Integer, default=0)
    due: Mapped[str] = mapped_column(String(12), default="")
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    claimed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)  # a process is delivering to the patient

    __table_args__ = (
        Index("ix_chats_dialog_id", "dialog_id"),
        Index(
            "ix_chats_mode",
            "mode",
            sqlite_where=text("mode IN ('waiting', 'operator')"),
            postgresql_where=text("mode IN ('waiting', 'operator')"),
        ),
        Index("ix_chats_due_at", "due_at", sqlite_where=_UNFINISHED, postgresql_where=_UNFINISHED),
    )
