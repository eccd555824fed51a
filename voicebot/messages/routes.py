"""The providers of a channel in the order to try them: the main one, or a backup while the main one is ill."""

from collections.abc import Mapping, Sequence

import structlog

from voicebot.clock import Clock
from voicebot.messages.health import Breaker, Limits, Try
from voicebot.messages.senders.sender import (
    IncomingText,
    Listener,
    Receipt,
    Refused,
    Sender,
    SendFailure,
    Throttled,
)

log = structlog.get_logger(__name__)


class Route:
    """One channel's providers, the main one first. Health is what this process saw; each process finds out for itself."""

    def __init__(self, senders: Sequence[Sender], clock: Clock, limits: Limits | None = None) -> None:
        self._senders = tuple(senders)
        self._clock = clock
        self._limits = limits or Limits()
        self._breakers = {sender.provider: Breaker(self._limits) for sender in senders}

    def order(self) -> tuple[Sender, ...]:
        """All providers, the one to try first first. The ill ones stand last: better a small chance than none."""
        now = self._clock.monotonic_seconds()
        return tuple(sorted(self._senders, key=lambda sender: not self._breakers[sender.provider].may_try(now)))

    def begin(self, provider: str) -> None:
        """A message is about to be given to it: one that is on probation gets no second before the first came back."""
        self._breakers[provider].begin(self._clock.monotonic_seconds())

    def note(self, provider: str, failure: SendFailure | None, seconds: float) -> None:
        """A try has ended, after so many seconds."""
        breaker = self._breakers[provider]
        before = breaker.condition
        breaker.tried(_outcome(failure, seconds, self._limits.slow_seconds), self._clock.monotonic_seconds())
        if breaker.condition is not before:
            log.warning("provider_health", provider=provider, condition=breaker.condition.value, reason=breaker.reason)

    def receipt(self, receipt: Receipt) -> None:
        """What became of a message tells of its provider too."""
        breaker = self._breakers.get(receipt.provider)
        if breaker is None or not receipt.status.is_final:
            return
        before = breaker.condition
        breaker.delivered(receipt.status.has_reached, self._clock.monotonic_seconds())
        if breaker.condition is not before:
            log.warning("provider_health", provider=receipt.provider, condition=breaker.condition.value, reason=breaker.reason)

    def conditions(self) -> Mapping[str, str]:
        """Provider -> closed, open, half-open; for health pages."""
        return {provider: breaker.condition.value for provider, breaker in self._breakers.items()}

    async def open(self, listener: Listener) -> None:
        """Open all senders; receipts are counted on their way to the listener."""
        counting = _Counting(self, listener)
        for sender in self._senders:
            await sender.open(counting)

    async def close(self) -> None:
        for sender in self._senders:
            await sender.close()


def _outcome(failure: SendFailure | None, seconds: float, slow_seconds: float) -> Try:
    if isinstance(failure, Throttled):
        return Try.BUSY
    if failure is not None and not isinstance(failure, Refused):
        return Try.FAILED
    return Try.SLOW if seconds > slow_seconds else Try.WELL


class _Counting:
    """A Listener between a sender and the real one."""

    def __init__(self, route: Route, listener: Listener) -> None:
        self._route = route
        self._listener = listener

    async def receipt(self, receipt: Receipt) -> None:
        await self._listener.receipt(receipt)
        self._route.receipt(receipt)

    async def answer(self, incoming: IncomingText) -> None:
        await self._listener.answer(incoming)
