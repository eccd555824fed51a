"""How much a process has to do: what a brain tells line, and line knows of itself."""

import math
import os
from collections import deque

WINDOW_SECONDS = 5.0


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))


class BusyMeter:
    """The share of its cores that this process used since the last look."""

    def __init__(self, cores: float, now: float, used_seconds: float) -> None:
        """`used_seconds`: processor time so far (`time.process_time()`)."""
        self._cores = cores
        self._now, self._used_seconds = now, used_seconds

    def share(self, now: float, used_seconds: float) -> float:
        """Return it and begin anew; 0 where no time has passed."""
        passed, used = now - self._now, used_seconds - self._used_seconds
        self._now, self._used_seconds = now, used_seconds
        return used / (passed * self._cores) if passed > 0 else 0.0


class Recent:
    """Values of the last seconds, and what 95 % of them do not exceed."""

    def __init__(self, seconds: float = WINDOW_SECONDS, least: int = 5) -> None:
        """`least`: of fewer values nothing is said."""
        self._seconds = seconds
        self._least = least
        self._values: deque[tuple[float, float]] = deque()

    def add(self, value: float, now: float) -> None:
        self._values.append((now, value))
        self._drop(now)

    def p95(self, now: float) -> float:
        """Return 0 where there are too few."""
        self._drop(now)
        if len(self._values) < self._least:
            return 0.0
        ordered = sorted(value for _, value in self._values)
        return ordered[math.ceil(0.95 * len(ordered)) - 1]

    def _drop(self, now: float) -> None:
        while self._values and now - self._values[0][0] > self._seconds:
            self._values.popleft()
