"""How one message reaches a patient: channel after channel, each with a deadline. A pure machine: no clock, no database.

A courier carries out what `advance` orders and tells what came of it. Nothing is ordered twice: an attempt has a number, and
what nobody knows the fate of (the connection broke, the process died) is repeated only where a repetition is surely the same
message, or left to the deadline.
"""

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from voicebot.messages.quiet_hours import Hours

StopOn = Literal["accepted", "delivered", "read"]

_PAUSE_SECONDS = 15.0
_LONGEST_PAUSE_SECONDS = 600.0
#: Most receipts of SMS come within seconds; what was perhaps taken and has none after so long was probably not.
_RECEIPT_SECONDS = 900.0
_MOST_REPEATS = 2


class Phase(StrEnum):
    PLANNED = "planned"  # to be sent at `due_at`
    SENDING = "sending"  # ordered; its result is not known here yet
    REPEAT = "repeat"  # the same attempt once more at `due_at`: whether it was taken is not known, and a repetition is safe
    WAITING = "waiting"  # for a receipt, until `due_at`
    DONE = "done"


class Outcome(StrEnum):
    """How it ended; the values are those of clinic.tables.MessageStatus."""

    NONE = ""
    DELIVERED = "delivered"
    READ = "read"
    SENT = "sent"  # some provider took it, and told nothing more
    FAILED = "failed"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Step:
    """One channel. `first`, `last`: the hours it may be used in ("09:00"); both empty: always."""

    channel: str
    address: str
    wait_seconds: float  # for delivery; then the next channel is tried
    stop_on: StopOn = "delivered"
    first: str = ""
    last: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """Everything that is known of a message on its way. Times are aware."""

    steps: tuple[Step, ...]
    zone: str  # whose night it is
    expires_at: datetime  # nothing is sent from then on
    due_at: datetime  # when to look at it again
    may_repeat_unsure: bool = True  # send once more what was perhaps taken, on the last channel, after its deadline
    at: int = 0  # the step
    phase: Phase = Phase.PLANNED
    attempts: tuple[int, ...] = ()  # the step of each attempt so far; attempts count from 1
    open: tuple[int, ...] = ()  # attempts that were, or perhaps were, taken over and are not known to have failed
    step_until: datetime | None = None  # how long this step may go on failing
    away: tuple[str, ...] = ()  # providers of this step that did not work in this round
    pauses: int = 0
    is_unsure: bool = False  # whether the last attempt was taken over, nobody knows
    repeats: int = 0  # how often this step was sent anew because nobody knew
    outcome: Outcome = Outcome.NONE
    reason: str = ""

    @property
    def attempt(self) -> int:
        """The number of the last attempt, 0 before the first."""
        return len(self.attempts)

    @property
    def step(self) -> Step | None:
        return self.steps[self.at] if self.at < len(self.steps) else None

    @property
    def is_done(self) -> bool:
        return self.phase is Phase.DONE


# -- what may happen --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Look:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Whoever was sending has died. `is_idempotent`: the provider takes a repetition for the same message."""

    is_idempotent: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    attempt: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Not to this address, not this text."""

    attempt: int
    reason: str = "refused"


@dataclass(frozen=True, slots=True)
class Throttled:
    attempt: int
    after_seconds: float


@dataclass(frozen=True, slots=True)
class Away:
    """A provider does not work; surely not taken. `has_other`: the channel has another one that was not tried."""

    attempt: int
    provider: str
    has_other: bool


@dataclass(frozen=True, slots=True)
class Unsure:
    """Perhaps taken."""

    attempt: int
    is_idempotent: bool


@dataclass(frozen=True, slots=True)
class Reached:
    """A receipt: the patient has it."""

    attempt: int
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class NotReached:
    """A receipt: it will not be delivered."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Unusable:
    """The step cannot be used after all: consent withdrawn, no template, no provider."""

    reason: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Of no use any more."""

    reason: str


Event = Look | Interrupted | Accepted | Refused | Throttled | Away | Unsure | Reached | NotReached | Unusable | Drop


@dataclass(frozen=True, slots=True)
class Send:
    """Hand it over now. `is_repeat`: attempt number `attempt` again, by the same provider, under the same key."""

    attempt: int
    step: Step
    is_repeat: bool = False


Next = tuple[State, Send | None]


def advance(state: State, event: Event, now: datetime) -> Next:
    """Return what becomes of a message, and what is to be sent at once: only ever for Look and Interrupted."""
    match event:
        case Look():
            return _look(state, now)
        case Interrupted(is_idempotent):
            return _interrupted(state, is_idempotent, now)
        case Accepted(attempt):
            return _accepted(state, attempt, now), None
        case Reached(attempt, is_read):
            return _reached(state, attempt, is_read, now), None
        case NotReached(attempt):
            return _not_reached(state, attempt, now), None
        case Unsure(attempt, is_idempotent):
            return (_unsure(state, is_idempotent, now) if _is_current(state, attempt) else state), None
        case Throttled(attempt, after_seconds):
            return _again_in(state, attempt, after_seconds, now), None
        case Away(attempt, provider, has_other):
            if has_other and _is_current(state, attempt) and not state.is_unsure:
                return replace(state, phase=Phase.PLANNED, due_at=now, away=(*state.away, provider)), None
            return _again_in(state, attempt, _pause_seconds(state), now), None
        case Refused(attempt, reason):
            if not _is_current(state, attempt):
                return state, None
            return _next_step(replace(state, open=_without(state.open, attempt)), now, reason), None
        case Unusable(reason):
            return (state if state.is_done else _next_step(state, now, reason)), None
        case Drop(reason):
            if state.is_done:
                return state, None
            return _done(state, Outcome.SENT if state.open else Outcome.DROPPED, reason), None


# -- time ---------------------------------------------------------------------------------------------------------------------


def _look(state: State, now: datetime) -> Next:
    if state.phase in (Phase.DONE, Phase.SENDING) or now < state.due_at:
        return state, None
    if state.phase is Phase.PLANNED:
        return _send(state, now)
    if state.phase is Phase.REPEAT and now < _patience(state):
        return _send(state, now, is_repeat=True)
    is_lost = state.is_unsure and state.at == len(state.steps) - 1 and state.may_repeat_unsure and state.repeats < _MOST_REPEATS
    if state.phase is Phase.WAITING and is_lost:
        # No receipt of what was perhaps taken, and no other channel: rather twice than never.
        return _send(replace(state, repeats=state.repeats + 1, is_unsure=False, step_until=None), now)
    return _look(_next_step(state, now), now)


def _send(state: State, now: datetime, *, is_repeat: bool = False) -> Next:
    """Order the step, or wait for its hours, or pass on where these do not come in time."""
    step = state.step
    if step is None or now >= state.expires_at:
        return _finished(state, "too_late" if step is not None else "no_channel"), None
    opening = _opening(state, step, now)
    if opening > now:
        if opening >= state.expires_at:
            return _look(_next_step(state, now, "too_late"), now)
        return replace(state, phase=Phase.REPEAT if is_repeat else Phase.PLANNED, due_at=opening), None
    if not is_repeat:
        state = replace(state, attempts=(*state.attempts, state.at), is_unsure=False)
    until = state.step_until or now + timedelta(seconds=step.wait_seconds)
    # Due at once: whoever claims it next, when our lease has run out, sees that we died.
    return replace(state, phase=Phase.SENDING, step_until=until, due_at=now), Send(state.attempt, step, is_repeat)


def _next_step(state: State, now: datetime, reason: str = "undelivered") -> State:
    if state.at + 1 >= len(state.steps):
        return _finished(state, reason)
    return replace(
        state, at=state.at + 1, phase=Phase.PLANNED, due_at=now, step_until=None, away=(), pauses=0, is_unsure=False,
        repeats=0,
    )  # fmt: skip


def _opening(state: State, step: Step, now: datetime) -> datetime:
    return _hours(state, step).next_open(now) if step.first else now


def _closing(state: State, step: Step, now: datetime) -> datetime:
    return _hours(state, step).closing(now) if step.first else state.expires_at


def _hours(state: State, step: Step) -> Hours:
    return Hours(time.fromisoformat(step.first), time.fromisoformat(step.last), ZoneInfo(state.zone))


def _patience(state: State) -> datetime:
    """Until when a step may go on failing: its deadline, or to the end where no other channel is left."""
    has_next = state.at + 1 < len(state.steps)
    return min(state.step_until, state.expires_at) if has_next and state.step_until is not None else state.expires_at


def _pause_seconds(state: State) -> float:
    return min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2.0**state.pauses)


# -- what came of an attempt ---------------------------------------------------------------------------------------------------


def _is_current(state: State, attempt: int) -> bool:
    return not state.is_done and attempt == state.attempt


def _accepted(state: State, attempt: int, now: datetime) -> State:
    state = replace(state, open=_with(state.open, attempt))
    if state.outcome is Outcome.FAILED:
        return replace(state, outcome=Outcome.SENT)
    if not _is_current(state, attempt) or state.phase not in (Phase.SENDING, Phase.REPEAT, Phase.WAITING):
        return state
    step = state.steps[state.at]
    if step.stop_on == "accepted":
        return _done(state, Outcome.SENT)
    return replace(state, phase=Phase.WAITING, is_unsure=False, due_at=now + timedelta(seconds=step.wait_seconds))


def _unsure(state: State, is_idempotent: bool, now: datetime) -> State:
    state = replace(state, is_unsure=True, open=_with(state.open, state.attempt))
    if is_idempotent:
        due_at = now + timedelta(seconds=_pause_seconds(state))
        return replace(state, phase=Phase.REPEAT, due_at=due_at, pauses=state.pauses + 1)
    step = state.steps[state.at]
    seconds = step.wait_seconds
    if state.at == len(state.steps) - 1 and state.may_repeat_unsure and state.repeats < _MOST_REPEATS:
        # Without a receipt it is sent once more: while that is still of use, and not yet night.
        left_seconds = (min(state.expires_at, _closing(state, step, now)) - now).total_seconds()
        seconds = min(seconds, _RECEIPT_SECONDS, max(0.0, left_seconds / 2))
    return replace(state, phase=Phase.WAITING, due_at=now + timedelta(seconds=seconds))


def _interrupted(state: State, is_idempotent: bool, now: datetime) -> Next:
    if state.phase is not Phase.SENDING:
        return _look(state, now)
    state = replace(_unsure(state, is_idempotent, now), pauses=state.pauses)
    return _look(replace(state, due_at=now), now) if is_idempotent else (state, None)


def _again_in(state: State, attempt: int, seconds: float, now: datetime) -> State:
    """The provider is busy or away: the same channel later, or the next one if that would be too late."""
    if not _is_current(state, attempt) or state.phase is not Phase.SENDING:
        return state
    due_at = now + timedelta(seconds=max(1.0, seconds))
    if due_at >= _patience(state):
        return _next_step(state, now, "provider_away")
    # What was perhaps taken before stays with its provider and its key.
    phase = Phase.REPEAT if state.is_unsure else Phase.PLANNED
    return replace(state, phase=phase, due_at=due_at, away=(), pauses=state.pauses + 1)


def _reached(state: State, attempt: int, is_read: bool, now: datetime) -> State:
    if not 1 <= attempt <= state.attempt or state.outcome in (Outcome.DROPPED, Outcome.READ):
        return state
    state = replace(state, open=_with(state.open, attempt))
    outcome = Outcome.READ if is_read else Outcome.DELIVERED
    step = state.steps[state.attempts[attempt - 1]]
    if state.is_done or is_read or step.stop_on != "read":
        return _done(state, outcome)
    if _is_current(state, attempt) and state.phase in (Phase.SENDING, Phase.REPEAT):
        return replace(state, phase=Phase.WAITING, is_unsure=False, due_at=state.step_until or now)
    return replace(state, is_unsure=state.is_unsure and not _is_current(state, attempt))


def _not_reached(state: State, attempt: int, now: datetime) -> State:
    state = replace(state, open=_without(state.open, attempt))
    if state.outcome is Outcome.SENT and not state.open:
        return replace(state, outcome=Outcome.FAILED, reason="undelivered")
    is_waited_for = state.phase in (Phase.WAITING, Phase.SENDING, Phase.REPEAT)
    return _next_step(state, now) if _is_current(state, attempt) and is_waited_for else state


def _finished(state: State, reason: str) -> State:
    """Return the end without a receipt."""
    if state.open:
        return _done(state, Outcome.SENT)
    if not state.attempts and reason == "too_late":
        return _done(state, Outcome.DROPPED, reason)
    return _done(state, Outcome.FAILED, reason)


def _done(state: State, outcome: Outcome, reason: str = "") -> State:
    return replace(state, phase=Phase.DONE, outcome=outcome, reason=reason)


def _with(known: tuple[int, ...], one: int) -> tuple[int, ...]:
    return known if one in known else (*known, one)


def _without(known: tuple[int, ...], one: int) -> tuple[int, ...]:
    return tuple(other for other in known if other != one)
