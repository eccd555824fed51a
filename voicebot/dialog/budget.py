"""The handling budget of one request: a pure function of time and what is still missing.

Prompts shorten first, then a human is announced, and before the budget ends the caller has a result or is being
transferred. Shares are of the whole budget, so a short budget (tests, a busy clinic) behaves alike.
"""

from dataclasses import dataclass
from enum import IntEnum

SECONDS_PER_FIELD = 13.0  # one short question, its answer and the pause between; measured on the demo's conversations
SHORT_SHARE = 0.6
OFFER_SHARE = 0.8
RESERVE_SHARE = 0.06  # the hand-over sentence must fit in what is left
RESERVE_SECONDS = 12.0
LEAST_RESERVE_SECONDS = 8.0


class Stage(IntEnum):
    """Later stages include the earlier ones."""

    FULL = 0  # all prompts, all confirmations
    SHORT = 1  # short prompts, no optional confirmations
    OFFER = 2  # a human is announced with the next prompt
    OVER = 3  # hand over now


@dataclass(frozen=True, slots=True)
class Budget:
    """`budget_seconds` is the whole handling time of one request."""

    budget_seconds: float = 210.0

    @property
    def reserve_seconds(self) -> float:
        least = min(LEAST_RESERVE_SECONDS, self.budget_seconds / 3)
        return min(RESERVE_SECONDS, max(self.budget_seconds * RESERVE_SHARE, least))

    def left(self, elapsed_seconds: float) -> float:
        return max(0.0, self.budget_seconds - elapsed_seconds)

    def stage(self, elapsed_seconds: float, remaining_fields: int) -> Stage:
        return stage(elapsed_seconds, remaining_fields, self.budget_seconds, self.reserve_seconds)


def stage(
    elapsed_seconds: float, remaining_fields: int, budget_seconds: float = 210.0, reserve_seconds: float = RESERVE_SECONDS
) -> Stage:
    """Return how to talk now, given the time used and the number of fields not yet filled."""
    if elapsed_seconds >= budget_seconds - reserve_seconds:
        return Stage.OVER
    share = elapsed_seconds / budget_seconds
    needed_seconds = remaining_fields * SECONDS_PER_FIELD
    if share >= OFFER_SHARE:
        return Stage.OFFER
    if share >= SHORT_SHARE:
        fits = needed_seconds <= budget_seconds - reserve_seconds - elapsed_seconds
        return Stage.SHORT if fits else Stage.OFFER
    return Stage.FULL
