"""How often somebody may try: logins and dialog IDs cannot be guessed in bulk."""

from enum import Enum

from limits import RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter


class Tries(Enum):
    """What is limited: for whom, how many in which time."""

    LOGIN_ADDRESS = RateLimitItemPerMinute(20, 1)
    LOGIN_NAME = RateLimitItemPerMinute(5, 5)
    UNKNOWN_DIALOG = RateLimitItemPerMinute(10, 10)
    HEARING = RateLimitItemPerMinute(1, 10)  # not refused, only noted so often
    SUGGESTION = RateLimitItemPerMinute(60, 1)
    EXPORT = RateLimitItemPerMinute(10, 1)
    API = RateLimitItemPerSecond(50, 1)
    POLLED = RateLimitItemPerMinute(1, 1)  # not refused, only noted so often


class RateLimits:
    """Counts in memory: each desk its own."""

    def __init__(self) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def take(self, what: Tries, who: str) -> bool:
        """Count a try; return False when there were too many."""
        return self._limiter.hit(what.value, what.name, who)

    def is_exhausted(self, what: Tries, who: str) -> bool:
        """Whether the next try would be refused; counts nothing."""
        return not self._limiter.test(what.value, what.name, who)
