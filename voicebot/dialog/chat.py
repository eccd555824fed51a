"""A dialog over a terminal: the engine without a telephone. Typed words are heard words."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from voicebot.clinic.failures import ServiceFailure
from voicebot.dialog.conversation_world import Services
from voicebot.dialog.engine import Engine
from voicebot.dialog.meaning import Meaning
from voicebot.dialog.state import Phase, State
from voicebot.dialog.talking import (
    Alternative,
    End,
    Event,
    HandOver,
    Heard,
    Invoke,
    Keyed,
    NoInput,
    NotHeard,
    Returned,
    Say,
    Started,
    TransferEnded,
)

HELP = (
    "Type what the patient says. An empty line is silence, #123 presses keys, ~ is noise without words, "
    "/state shows what the robot knows, /quit hangs up."
)


class Tone(StrEnum):
    """What kind of line is written."""

    ROBOT = "robot"
    MEANING = "meaning"  # how the caller was understood
    SERVICE = "service"  # what the clinic answered
    NOTE = "note"  # transfers, the end, help


Write = Callable[[Tone, str], None]


@dataclass(slots=True)
class Chat:
    """One dialog. `answer` is how a transfer ends: "" for a human who takes over, else busy, no_answer, closed."""

    engine: Engine
    services: Services
    write: Write
    now: Callable[[], datetime]
    dialog_id: str
    caller_phone: str = ""
    answer: str = "closed"

    def run(self, lines: Iterable[str]) -> State:
        """Talk until the dialog or the lines end."""
        state = self._turn(
            self.engine.begin(self.dialog_id),
            Started(self.caller_phone, "chat", are_operators_open=self.answer != "closed"),
        )
        for line in lines:
            if state.phase is not Phase.LISTENING:
                break
            typed = line.strip()
            if typed == "/quit":
                break
            if typed == "/state":
                self._tell(state)
            elif typed.startswith("/"):
                self.write(Tone.NOTE, HELP)
            else:
                state = self._turn(state, _event(typed))
            if state.phase is not Phase.LISTENING:
                break
        return state

    def _turn(self, state: State, event: Event) -> State:
        queue = [event]
        while queue:
            step = self.engine.step(state, queue.pop(0), self.now())
            state = step.state
            if step.understood is not None:
                self.write(Tone.MEANING, _describe(step.understood))
            for act in step.acts:
                match act:
                    case Say():
                        self.write(Tone.ROBOT, act.text.replace("+", ""))
                    case Invoke():
                        queue.append(self._call(act, state.dialog_id))
                    case HandOver():
                        told = "; ".join(f"{name}: {text}" for name, text in act.summary.items())
                        self.write(Tone.NOTE, f"[to {act.target}: {act.reason}] {told}")
                        if self.answer:
                            queue.append(TransferEnded(self.answer))
                    case End():
                        self.write(Tone.NOTE, f"[{act.outcome}]")
        return state

    def _call(self, act: Invoke, dialog_id: str) -> Returned:
        try:
            value = self.services.call(act.service, act.arguments, dialog_id, act.key)
        except ServiceFailure as failure:
            self.write(Tone.SERVICE, f"{act.service}: {failure.code}")
            return Returned(act.service, error=failure.code)
        self.write(Tone.SERVICE, f"{act.service}: {f'{len(value)} found' if isinstance(value, tuple) else 'done'}")
        return Returned(act.service, value)

    def _tell(self, state: State) -> None:
        known = "; ".join(f"{name}: {slot.label}" for name, slot in state.slots.items() if slot.label)
        asked = state.expect.type if state.expect is not None else "nothing"
        self.write(Tone.NOTE, f"form {state.form}, asks {state.item or '-'} ({asked}); knows {known or 'nothing'}")


def _event(typed: str) -> Event:
    if not typed:
        return NoInput()
    if typed == "~":
        return NotHeard()
    return Keyed(typed[1:]) if typed.startswith("#") else Heard((Alternative(typed.lower()),))


def _describe(meaning: Meaning) -> str:
    slots = ", ".join(f"{name} {text}" for name, text in meaning.slots.items())
    return f"{meaning.intent} {meaning.confidence:.2f}" + (f": {slots}" if slots else "")
