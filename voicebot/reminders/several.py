"""One message about the visits of a family: several patients, one phone number, one day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from voicebot.clinic.tables import MessageRow
from voicebot.messages.guards import Go, Stop, Verdict, why_not
from voicebot.messages.senders.sender import Channel
from voicebot.messages.templates import Templates
from voicebot.messages.words import MOST_VISITS

SEVERAL = "reminder_several"  # the template, and the form that takes the answer


@dataclass(frozen=True, slots=True)
class Several:
    """The clinic has a text for several visits, in these channels, for so many at most."""

    channels: frozenset[str]
    most: int = MOST_VISITS


def several_of(templates: Templates) -> Several | None:
    """Return what the clinic's templates can say of several visits at once; None: nothing."""
    if SEVERAL not in templates.names():
        return None
    return Several(frozenset(channel.value for channel in templates.channels(SEVERAL)) - {Channel.CALL.value})


def several_guard(session: Session, row: MessageRow, now: datetime) -> Verdict:
    """Tell of the visits that are still ahead; of no use when none is."""
    told: Sequence[Mapping[str, Any]] = row.values["visits"]
    reasons = [why_not(session, one["appointment_id"], one["start"], now) for one in told]
    left = [one for one, reason in zip(told, reasons, strict=True) if not reason]
    return Go({**row.values, "visits": left}) if left else Stop(reasons[0])


def open_visits(session: Session, row: MessageRow, now: datetime) -> list[int]:
    """Return those of the message's visits that can still be answered for."""
    numbers = [one["appointment_id"] for one in row.values["visits"]]
    return [number for number in numbers if not why_not(session, number, None, now)]
