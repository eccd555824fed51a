"""One message through the engine, with the clinic's services asked on the way. Blocking; no database of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Protocol

import structlog

from voicebot.clinic.failures import ServiceFailure
from voicebot.clock import Clock
from voicebot.dialog.engine import Engine
from voicebot.dialog.meaning import Meaning
from voicebot.dialog.state import Phase, State
from voicebot.dialog.talking import Act, End, Event, HandOver, Invoke, Returned, Say, Started, TransferEnded
from voicebot.errors import StorageError
from voicebot.talk.hours import is_open

log = structlog.get_logger(__name__)

_MOST_STEPS = 40  # of one message: a dialplan that asks services in a circle


class Services(Protocol):
    """The clinic: ClinicServices, or a stand-in. Raises ServiceFailure."""

    def call(self, name: str, arguments: Mapping[str, Any], dialog_id: str, key: str) -> Any: ...


@dataclass(slots=True)
class Thought:
    """What came of a message: the new state, what to say, and how the dialog stands."""

    state: State
    says: list[Say] = field(default_factory=list)
    meaning: Meaning | None = None
    hand_over: HandOver | None = None
    end: End | None = None


@dataclass(frozen=True, slots=True)
class Thinker:
    """Asks the engine for all dialogs of a process. Use from many threads."""

    engine: Engine
    services: Services
    clock: Clock
    zone: tzinfo
    operator_hours: Mapping[str, str]

    def now(self) -> datetime:
        return self.clock.now().astimezone(self.zone)

    def is_open(self) -> bool:
        """An operator works at this hour."""
        return is_open(self.operator_hours, self.now())

    def think(self, state: State, event: Event, *, has_operators: bool) -> Thought:
        """Do one event and all that follows from it, until the patient has to answer, a human comes or the dialog ends."""
        thought = Thought(state)
        queue: list[Event] = [event]
        for _ in range(_MOST_STEPS):
            if not queue:
                return thought
            event = queue.pop(0)
            step = self.engine.step(thought.state, event, self.now())
            thought.state = step.state
            thought.meaning = thought.meaning or step.understood
            for act in step.acts:
                self._carry_out(act, thought, queue, has_operators=has_operators)
        raise RuntimeError("a dialplan goes in circles")

    def _carry_out(self, act: Act, thought: Thought, queue: list[Event], *, has_operators: bool) -> None:
        match act:
            case Say():
                thought.says.append(act)
            case Invoke():
                queue.append(self._call(act, thought.state.dialog_id))
            case HandOver() if not has_operators:
                queue.append(TransferEnded("no_operators"))
            case HandOver() if not self.is_open():
                queue.append(TransferEnded("closed"))
            case HandOver():
                thought.hand_over = act
            case End():
                thought.end = act

    def _call(self, act: Invoke, dialog_id: str) -> Returned:
        try:
            return Returned(act.service, self.services.call(act.service, act.arguments, dialog_id, act.key))
        except ServiceFailure as failure:
            return Returned(act.service, error=failure.code)
        except StorageError as error:
            log.error("clinic database refused", service=act.service, problem=type(error).__name__)
            return Returned(act.service, error="unavailable")

    def begin(self, dialog_id: str, started: Started, *, has_operators: bool) -> Thought:
        """Begin a dialog: the greeting and the first question."""
        return self.think(self.engine.begin(dialog_id), started, has_operators=has_operators)


def greeting_only(thought: Thought) -> list[Say]:
    """What is said at the beginning to somebody who has already said what they want: all but the question."""
    if thought.state.phase is not Phase.LISTENING:
        return thought.says
    question = f"{thought.state.form}.{thought.state.item}"
    return [say for say in thought.says if say.prompt != question]
