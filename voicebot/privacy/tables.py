"""The table of what is done once a day, whichever desk does it."""

from datetime import date, datetime

from sqlalchemy import Date, String
from sqlalchemy.orm import Mapped, mapped_column

from voicebot.storage.base import Base, UtcDateTime


class ChoreRow(Base):
    """A daily piece of work. `claimed_at`: when somebody last was seen at it; `done_on`: the clinic's day it was finished."""

    __tablename__ = "chores"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    claimed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_on: Mapped[date | None] = mapped_column(Date)
