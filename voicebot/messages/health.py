"""Which provider is well: a circuit breaker, as a pure machine that is told of each try and each receipt with a clock value.

A provider that fails again and again, answers too slowly or delivers too little is left alone for a while (OPEN); then single
messages try it (HALF_OPEN); a few that go well bring it back (CLOSED). Each further failure doubles the while.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class Condition(StrEnum):
    CLOSED = "closed"  # well
    OPEN = "open"  # left alone
    HALF_OPEN = "half-open"  # tried with single messages


class Try(StrEnum):
    """How a try went, as far as it tells of the provider."""

    WELL = "well"  # taken, or refused for the address's sake: it answers
    SLOW = "slow"
    BUSY = "busy"  # throttled: no illness
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Limits:
    """`failures_in_row` or `failed_share` of the last `window` tries open the breaker; so does a delivered share below
    `least_delivered` of the last `delivery_window` final receipts. `slow_seconds`: an answer later than this is a failure.
    """

    failures_in_row: int = 3
    failed_share: float = 0.5
    window: int = 20
    least_tries: int = 10
    slow_seconds: float = 8.0
    open_seconds: float = 30.0
    longest_open_seconds: float = 900.0
    probes: int = 3
    probe_seconds: float = 60.0
    delivery_window: int = 50
    least_delivered: float = 0.5


@dataclass(slots=True)
class Breaker:
    """One provider's health. Every method takes the time in seconds that never go back."""

    limits: Limits = field(default_factory=Limits)
    condition: Condition = Condition.CLOSED
    reason: str = ""
    _tries: deque[bool] = field(default_factory=deque)  # failed?
    _row: int = 0
    _deliveries: deque[bool] = field(default_factory=deque)  # reached?
    _open_until_seconds: float = 0.0
    _next_open_seconds: float = 0.0
    _probe_at_seconds: float | None = None  # a probe is on its way since then
    _good_probes: int = 0

    def may_try(self, now_seconds: float) -> bool:
        """Whether a message may be given to it now. Asking changes nothing; `begin` does."""
        if self.condition is Condition.CLOSED:
            return True
        if now_seconds < self._open_until_seconds:
            return False
        # One probe at a time; one that never came back is forgotten.
        return self._probe_at_seconds is None or now_seconds - self._probe_at_seconds >= self.limits.probe_seconds

    def begin(self, now_seconds: float) -> None:
        """A message is being given to it."""
        if self.condition is Condition.CLOSED or now_seconds < self._open_until_seconds:
            return
        self.condition = Condition.HALF_OPEN
        self._probe_at_seconds = now_seconds

    def tried(self, outcome: Try, now_seconds: float) -> None:
        """A try has ended."""
        if outcome is Try.BUSY:
            self._probe_at_seconds = None
            return
        has_failed = outcome is not Try.WELL
        if self.condition is Condition.OPEN and now_seconds >= self._open_until_seconds:
            self.condition = Condition.HALF_OPEN  # tried without having been asked: it tells as much as a probe
        if self.condition is Condition.HALF_OPEN:
            self._probed(has_failed, outcome, now_seconds)
            return
        self._row = self._row + 1 if has_failed else 0
        self._tries.append(has_failed)
        while len(self._tries) > self.limits.window:
            self._tries.popleft()
        if self.condition is Condition.OPEN:
            return  # begun before it was opened
        share = sum(self._tries) / len(self._tries)
        if self._row >= self.limits.failures_in_row:
            self._open(f"{self._row} failures in a row", now_seconds)
        elif len(self._tries) >= self.limits.least_tries and share >= self.limits.failed_share:
            self._open(f"{share:.0%} of tries failed", now_seconds)

    def delivered(self, has_reached: bool, now_seconds: float) -> None:
        """A final receipt has come."""
        self._deliveries.append(has_reached)
        while len(self._deliveries) > self.limits.delivery_window:
            self._deliveries.popleft()
        if self.condition is not Condition.CLOSED or len(self._deliveries) < self.limits.delivery_window:
            return
        share = sum(self._deliveries) / len(self._deliveries)
        if share < self.limits.least_delivered:
            self._open(f"only {share:.0%} delivered", now_seconds)

    def _probed(self, has_failed: bool, outcome: Try, now_seconds: float) -> None:
        self._probe_at_seconds = None
        if has_failed:
            self._open(f"the probe {outcome.value}", now_seconds)
            return
        self._good_probes += 1
        if self._good_probes >= self.limits.probes:
            self.condition, self.reason = Condition.CLOSED, ""
            self._next_open_seconds = 0.0
            self._clear()

    def _open(self, reason: str, now_seconds: float) -> None:
        self.condition, self.reason = Condition.OPEN, reason
        current = self._next_open_seconds or self.limits.open_seconds
        self._open_until_seconds = now_seconds + current
        self._next_open_seconds = min(current * 2, self.limits.longest_open_seconds)
        self._clear()

    def _clear(self) -> None:
        self._tries.clear()
        self._deliveries.clear()
        self._row = self._good_probes = 0
        self._probe_at_seconds = None
