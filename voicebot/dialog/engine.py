"""The dialog engine: (state, event, time) -> (new state, acts). Pure: no clock, no chance, no I/O.

Forms are visited by VoiceXML's form interpretation algorithm with mixed initiative; what is said at any moment may fill
any field, correct an earlier one, open another form, or be a global command.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog import caller, commands, ending, interpretation, keys, moving, outside, recovery
from voicebot.dialog.budget import Budget, Stage
from voicebot.dialog.meaning import Meaning
from voicebot.dialog.rendering import Renderer
from voicebot.dialog.schema import Dialplans
from voicebot.dialog.state import Phase, State
from voicebot.dialog.talking import (
    Act,
    BudgetCheck,
    Chosen,
    Event,
    Heard,
    Keyed,
    NoInput,
    NotHeard,
    Resumed,
    Returned,
    Started,
    TransferEnded,
)
from voicebot.dialog.turn import Turn
from voicebot.dialog.understanding import Understanding
from voicebot.dialog.writing import Writer
from voicebot.errors import ConfigurationError

#: The handling time is a matter of the phone: who writes may think, or go to the shop, between two messages.
_NO_BUDGET = Budget(math.inf)


@dataclass(frozen=True, slots=True)
class Step:
    state: State
    acts: tuple[Act, ...]
    understood: Meaning | None = None


class Engine:
    """Runs one clinic's dialplans. Stateless: one engine serves all dialogs of a process."""

    def __init__(
        self, dialplans: Dialplans, catalogue: Catalogue, understanding: Understanding, budget_seconds: float = 210.0
    ) -> None:
        self._plans = dialplans
        self._understanding = understanding
        self._renderer = Renderer(catalogue)
        self._writer = Writer(catalogue)
        self._budget = Budget(budget_seconds)

    def begin(self, dialog_id: str) -> State:
        """Return the state of a dialog in which nothing happened yet."""
        return State(dialog_id=dialog_id)

    def step(self, state: State, event: Event, now: datetime) -> Step:
        """Return the next state and the acts to carry out in order. `now` is aware, in the clinic's zone.

        Raises ConfigurationError for a Started that the dialplans do not provide for.
        """
        turn = Turn(self._plans, self._renderer, self._writer, self._understanding, self._budget, state.copy(), now)
        if isinstance(event, Started):
            turn.state.session["channel"] = event.channel
        if turn.is_read:
            turn.budget = _NO_BUDGET
        turn.state.steps += 1
        meaning = _react(turn, event)
        said = commands.said_in(turn)
        if said and not (meaning is not None and meaning.intent in ("repeat", "hold_on")):
            turn.state.last_said = said
        return Step(turn.state, tuple(turn.acts), meaning)


def _react(turn: Turn, event: Event) -> Meaning | None:
    phase = turn.state.phase
    match event:
        case Started() if phase is Phase.NEW:
            _start(turn, event)
        case Heard() if phase in (Phase.LISTENING, Phase.WAITING):
            return caller.heard(turn, event)
        case Keyed() if phase is Phase.LISTENING:
            return keys.keyed(turn, event.digits)
        case Chosen() if phase is Phase.LISTENING:
            return _chosen(turn, event.number)
        case NoInput() if phase is Phase.LISTENING:
            recovery.silence(turn)
        case NotHeard() if phase is Phase.LISTENING:
            recovery.not_understood(turn)
        case Returned() if phase is Phase.WAITING:
            outside.returned(turn, event)
        case TransferEnded() if phase is Phase.TRANSFERRING:
            outside.transfer_ended(turn, event.result)
        case Resumed() if phase in (Phase.LISTENING, Phase.TRANSFERRING):
            outside.resumed(turn)
        case BudgetCheck() if phase is Phase.LISTENING:
            if turn.stage() is Stage.OVER:
                ending.give_up(turn, "budget", "budget_over")
        case _:
            pass  # an event that came too late for its phase (a key during the transfer): nothing is expected now
    return None


def _chosen(turn: Turn, number: int) -> Meaning | None:
    options = turn.state.expect.options if turn.state.expect is not None else ()
    if not 1 <= number <= len(options):
        recovery.not_understood(turn)
        return None
    option = options[number - 1]
    meaning = keys.keyed(turn, option.keys) if option.keys else caller.say(turn, option.says)
    return replace(meaning, text=option.label)


def _start(turn: Turn, event: Started) -> None:
    state, application = turn.state, turn.plans.application
    # A name, an extension or a withheld number is no number to call back.
    own_number = turn.understanding.phone_of_keys(event.caller_phone)
    state.session.update(caller_phone=own_number, channel=event.channel, transfer_tries=0)
    state.session["operators_open"] = event.are_operators_open
    for name, expression in application.vars.items():
        state.session[name] = turn.evaluate(expression)
    for name, value in event.given.items():
        if name not in application.vars:
            raise ConfigurationError(
                f"A dialog was given {name!r}, which is no variable.", "Declare it under application.vars."
            )
        state.session[name] = value
    if event.form and event.form not in application.also_start:
        raise ConfigurationError(
            f"A dialog was to begin with the form {event.form!r}.", "Name that form under application.also_start."
        )
    moving.renew(turn)
    moving.enter(turn, event.form or application.start)
    interpretation.run(turn)


__all__ = ["Engine", "Meaning", "Step"]
