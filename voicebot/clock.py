"""One clock, injected everywhere, virtual in tests."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall time for people, monotonic time for intervals."""

    def now(self) -> datetime:
        """Return the current time, aware, UTC."""
        ...

    def monotonic_seconds(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_seconds(self) -> float:
        return time.monotonic()


class SteadyClock:
    """Wall time as it was at one moment, moved on by the monotonic clock: whoever sets the machine's clock moves no call."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock.now()
        self._began_seconds = clock.monotonic_seconds()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self._clock.monotonic_seconds() - self._began_seconds)

    def monotonic_seconds(self) -> float:
        return self._clock.monotonic_seconds()


@dataclass(slots=True)
class VirtualClock:
    """A clock that moves only when told to; for tests and simulations."""

    start: datetime = field(default_factory=lambda: datetime(2026, 11, 23, 6, 0, tzinfo=UTC))
    elapsed_seconds: float = 0.0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed_seconds)

    def monotonic_seconds(self) -> float:
        return self.elapsed_seconds

    def advance(self, seconds: float) -> None:
        if seconds < 0:
            raise ValueError("a clock never goes back")
        self.elapsed_seconds += seconds
