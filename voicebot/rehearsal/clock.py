"""A clock that shows another day and goes on like any other: conversations happen on the day that their file names."""

import time
from datetime import UTC, datetime, timedelta


class StageClock:
    """Wall time set anew for each conversation; monotonic time as on this machine."""

    def __init__(self) -> None:
        self.set(datetime.now(UTC))

    def set(self, now: datetime) -> None:
        """Show `now` (aware) from this moment on."""
        self._now, self._set_at = now.astimezone(UTC), time.monotonic()

    def now(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._set_at)

    def monotonic_seconds(self) -> float:
        return time.monotonic()
