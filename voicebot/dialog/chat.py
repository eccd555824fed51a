"""A dialog over a terminal: the engine without a telephone. Typed words are heard words; `#123` presses keys."""

from collections.abc import Callable, Iterable
from datetime import datetime

from voicebot.clinic.failures import ServiceFailure
from voicebot.dialog.conversation_world import Services
from voicebot.dialog.engine import Engine
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
    Returned,
    Say,
    Started,
    TransferEnded,
)


def chat(
    engine: Engine,
    services: Services,
    lines: Iterable[str],
    write: Callable[[str], None],
    now: Callable[[], datetime],
    *,
    dialog_id: str,
    caller_phone: str = "",
) -> State:
    """Talk until the dialog or the lines end. An empty line is silence; a transfer finds nobody ("closed")."""
    state = _turn(engine, services, engine.begin(dialog_id), Started(caller_phone, "chat"), write, now)
    for line in lines:
        if state.phase is Phase.ENDED:
            break
        typed = line.strip()
        event: Event = NoInput()
        if typed.startswith("#"):
            event = Keyed(typed[1:])
        elif typed:
            event = Heard((Alternative(typed),))
        state = _turn(engine, services, state, event, write, now)
    return state


def _turn(
    engine: Engine, services: Services, state: State, event: Event, write: Callable[[str], None], now: Callable[[], datetime]
) -> State:
    queue = [event]
    while queue:
        step = engine.step(state, queue.pop(0), now())
        state = step.state
        for act in step.acts:
            match act:
                case Say():
                    write(act.text.replace("+", ""))
                case Invoke():
                    try:
                        queue.append(Returned(act.service, services.call(act.service, act.arguments, state.dialog_id, act.key)))
                    except ServiceFailure as failure:
                        queue.append(Returned(act.service, error=failure.code))
                case HandOver():
                    write(f"[{act.target}: {act.reason}] " + "; ".join(f"{name}: {text}" for name, text in act.summary.items()))
                    queue.append(TransferEnded("closed"))
                case End():
                    write(f"[{act.outcome}]")
    return state
