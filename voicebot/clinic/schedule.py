"""Weekly schedules and exceptions -> pieces of working time. Pure; safe across clock changes."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from voicebot.clinic.entries import Doctor
from voicebot.clinic.weekly import parse_days, parse_hours, time_of


@dataclass(frozen=True, slots=True)
class Piece:
    """A slot to be: `start` is aware, UTC."""

    doctor_id: str
    branch_id: str
    start: datetime
    duration_minutes: int


def pieces(doctor: Doctor, day: date, zone: ZoneInfo) -> Iterator[Piece]:
    """Yield a doctor's slots of one local date in order, never overlapping.

    Time is counted in UTC inside a span: on the night the clocks change a span is shorter or longer, and no slot is
    made for an hour that does not exist.
    """
    length = timedelta(minutes=doctor.slot_minutes)
    last_end: datetime | None = None
    for branch_id, start_minute, end_minute in sorted(_spans(doctor, day), key=lambda span: span[1]):
        start = _utc(day, start_minute, zone)
        end = _utc(day, end_minute, zone)
        if last_end is not None:
            start = max(start, last_end)  # two lines of a schedule that overlap: the earlier one counts
        while start + length <= end:
            yield Piece(doctor.id, branch_id, start, doctor.slot_minutes)
            start += length
        last_end = start if last_end is None else max(last_end, start)


def _spans(doctor: Doctor, day: date) -> Iterator[tuple[str, int, int]]:
    if any(away.first <= day <= away.last for away in doctor.away):
        return
    special = [extra for extra in doctor.extra if extra.date == day]
    for extra in special:
        for start, end in parse_hours(extra.hours):
            yield extra.branch, start, end
    if special:
        return
    is_odd = day.isocalendar().week % 2 == 1
    for shift in doctor.schedule:
        if day.weekday() in parse_days(shift.days) and shift.weeks in ("every", "odd" if is_odd else "even"):
            for start, end in parse_hours(shift.hours):
                yield shift.branch, start, end


def _utc(day: date, minute: int, zone: ZoneInfo) -> datetime:
    if minute >= 24 * 60:
        day, minute = day + timedelta(days=1), minute - 24 * 60
    return datetime.combine(day, time_of(minute), tzinfo=zone).astimezone(UTC)


def is_taken_in_demo(piece: Piece, days_ahead: int, share: float, seed: int) -> bool:
    """Tell whether a demonstration shows this slot as taken: the nearer, the likelier; always the same for a seed.

    `share` is the average over about a month; some half-days are wholly booked, as they are in life.
    """
    if share <= 0:
        return False
    nearness = max(0.35, 1.6 - 0.05 * days_ahead)
    half_day = f"{seed}/{piece.doctor_id}/{piece.start:%Y-%m-%d}/{piece.start.hour >= 11}"
    if _chance(half_day) < 0.12 * share * nearness:
        return True
    return _chance(f"{half_day}/{piece.start:%H:%M}") < min(0.95, share * nearness)


def _chance(text: str) -> float:
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
