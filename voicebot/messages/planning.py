"""Which channels a message takes: those of the settings, for which there are an address, a text and a provider."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicebot.clinic.contact_points import ContactPoint, address_for
from voicebot.clinic.tables import MessageRow
from voicebot.messages.cascade import State, Step
from voicebot.settings import Cascade

CALL = "call"
#: Telegram and MAX take a message into the patient's chat: whoever has blocked the bot is refused at once.
_WAIT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Considered:
    """A channel, and why it is left out: "" if it is not."""

    channel: str
    address: str = ""
    why_not: str = ""


def consider(
    row: MessageRow, settings: Cascade, points: Iterable[ContactPoint], texts: Collection[str], routes: Collection[str]
) -> Sequence[Considered]:
    """Return each channel in its order. `texts`: channels the template has a text for. `routes`: channels with a provider."""
    known = tuple(points)
    found = []
    for channel in dict.fromkeys(row.channels if row.channels is not None else settings.order):
        point = address_for(known, channel, row.phone)
        if channel not in routes:
            found.append(Considered(channel, why_not="no_provider"))
        elif channel not in texts:
            found.append(Considered(channel, why_not="no_text"))
        elif point is None:
            found.append(Considered(channel, why_not=_why_no_address(known, channel)))
        else:
            found.append(Considered(channel, point.value))
    return found


def first_state(row: MessageRow, settings: Cascade, channels: Iterable[Considered], zone: str, now: datetime) -> State:
    """Return the state of a message that was not looked at before."""
    after = row.not_before or row.created_at
    return State(
        steps=tuple(_step(row, settings, one) for one in channels if not one.why_not),
        zone=zone,
        expires_at=row.expires_at or after + timedelta(hours=settings.message_hours),
        due_at=row.not_before or now,
        may_repeat_unsure=settings.when_unsure == "again",
    )


def _step(row: MessageRow, settings: Cascade, one: Considered) -> Step:
    day = settings.call_day if one.channel == CALL else "" if row.is_urgent else settings.day
    first, _, last = day.partition("-")
    return Step(
        channel=one.channel,
        address=one.address,
        wait_seconds=settings.wait_seconds.get(one.channel, _WAIT_SECONDS),
        stop_on=settings.stop_on.get(one.channel, "delivered"),
        first=first,
        last=last,
    )


def _why_no_address(points: Iterable[ContactPoint], channel: str) -> str:
    of_channel = [point for point in points if point.system == channel]
    if any(point.withdrawn_at is not None for point in of_channel):
        return "withdrawn"
    if any(point.refused_at is not None for point in of_channel):
        return "refused_before"
    return "no_consent" if channel == CALL else "no_address"
