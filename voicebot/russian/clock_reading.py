"""An hour and a minute as said, and what times of a day they may mean."""

from dataclasses import dataclass
from datetime import time

# A clinic's hours: "в три" is 15:00, "в восемь" 08:00, "в семь" 19:00.
_FIRST_HOUR = 8


@dataclass(frozen=True, slots=True)
class Clock:
    """An hour and a minute as said; `part` is "утра", "дня", "вечера", "ночи" or ""."""

    hour: int
    minute: int = 0
    part: str = ""

    def candidates(self) -> tuple[time, ...]:
        """What it may mean, the likeliest first."""
        hour, minute = self.hour, self.minute
        if hour == 24:
            return (time(0, minute),)
        if self.part:
            return (time(in_part(hour, self.part), minute),)
        if hour == 0 or hour > 12:
            return (time(hour, minute),)
        other = (hour + 12) % 24
        first = hour if _FIRST_HOUR <= hour <= 12 else other
        second = other if first == hour else hour
        return time(first, minute), time(second, minute)


def in_part(hour: int, part: str) -> int:
    """The hour 0..23 that is meant by "три часа дня", "двенадцать ночи"."""
    if hour > 12:
        return hour
    if part in ("утра", "ночи"):
        return 0 if hour == 12 else hour
    if part == "дня":
        return hour + 12 if hour <= 6 else hour
    return 0 if hour == 12 else hour + 12
