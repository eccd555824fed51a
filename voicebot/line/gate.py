"""Whether one more call would be served well, by measured load. Pure: figures and times come from outside.

A figure of 1.0 is the limit. Two thresholds and two times keep the gate from flapping, and calls that were let in a moment
ago count although no figure can show them yet.
"""

from collections import deque
from dataclasses import dataclass

_LEAST_WEIGHT, _MOST_WEIGHT = 0.01, 0.1  # of a call in the figure, where what was measured says too little or too much


@dataclass(frozen=True, slots=True)
class GateRules:
    """`always_calls` are let in whatever the figure; `settle_seconds` is how long a new call is not yet in the figure."""

    always_calls: int = 2
    reopen_below: float = 0.85
    close_after_seconds: float = 2.0
    reopen_after_seconds: float = 5.0
    settle_seconds: float = 6.0


class Gate:
    """Of one process. Without any figure only constants limit it: it stays open."""

    def __init__(self, rules: GateRules) -> None:
        self._rules = rules
        self._figure = 0.0
        self._weight = _LEAST_WEIGHT
        self._is_full = False
        self._over_since: float | None = None
        self._under_since: float | None = None
        self._recent: deque[float] = deque()

    @property
    def figure(self) -> float:
        """What was measured last."""
        return self._figure

    @property
    def is_full(self) -> bool:
        """The load was over its limit for long enough, and not yet under the lower one for long enough."""
        return self._is_full

    def measured(self, figure: float, calls: int, now: float) -> None:
        """Take a new figure, measured with so many calls."""
        self._forget(now)
        settled = calls - len(self._recent)
        self._figure = figure
        self._weight = min(_MOST_WEIGHT, max(_LEAST_WEIGHT, figure / settled if settled > 0 else 0.0))
        self._over_since = None if figure < 1.0 else self._over_since if self._over_since is not None else now
        is_low = figure <= self._rules.reopen_below
        self._under_since = None if not is_low else self._under_since if self._under_since is not None else now
        if self._over_since is not None and now - self._over_since >= self._rules.close_after_seconds:
            self._is_full = True
        elif self._under_since is not None and now - self._under_since >= self._rules.reopen_after_seconds:
            self._is_full = False

    def let_in(self, now: float) -> None:
        """A call was given to it."""
        self._recent.append(now)

    def expected(self, now: float) -> float:
        """The figure as it will be when the calls of the last seconds count."""
        self._forget(now)
        return self._figure + self._weight * len(self._recent)

    def is_open(self, calls: int, now: float) -> bool:
        """Whether one more may come in beside `calls`."""
        if calls < self._rules.always_calls:
            return True
        return not self._is_full and self.expected(now) + self._weight <= 1.0

    def _forget(self, now: float) -> None:
        while self._recent and now - self._recent[0] >= self._rules.settle_seconds:
            self._recent.popleft()
