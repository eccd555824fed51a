"""How fast a provider may be asked: an even pace, and waits that double while it does not answer well."""

import asyncio
from dataclasses import dataclass


class Pace:
    """So many a second, evenly; who comes too early waits his turn."""

    def __init__(self, per_second: float) -> None:
        self._step_seconds = 1 / per_second
        self._next_seconds = 0.0

    async def wait(self) -> None:
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_seconds)
        self._next_seconds = at + self._step_seconds
        if at > now:
            await asyncio.sleep(at - now)


@dataclass(slots=True)
class BackOff:
    """Doubles from `first_seconds` up to `most_seconds`."""

    first_seconds: float
    most_seconds: float
    next_seconds: float = 0.0

    def fail(self) -> float:
        """Return how long to wait after one more failure."""
        current = self.next_seconds or self.first_seconds
        self.next_seconds = min(self.most_seconds, current * 2)
        return current

    def reset(self) -> None:
        self.next_seconds = 0.0
