"""What a caller may say at any moment: a human, again, back, wait, goodbye, and an emergency."""

from voicebot.dialog import ending, moving, values
from voicebot.dialog.expectations import expect_for
from voicebot.dialog.schema import TransferTo
from voicebot.dialog.state import Phase
from voicebot.dialog.talking import Invoke, Listen, Say
from voicebot.dialog.turn import Turn

#: Intents served here; forms cannot take them away.
GLOBAL = frozenset({"emergency", "operator", "upset", "greeting", "repeat", "help", "hold_on", "back", "stop", "goodbye"})


def handle(turn: Turn, intent: str) -> bool:
    """Serve a global command; return False when it is none."""
    match intent:
        case "emergency":
            turn.message("emergency")
            ending.transfer(turn, TransferTo(reason="emergency"))
        case "operator":
            if turn.state.transfers >= turn.plans.application.limits.transfer_tries + 1:
                ending.give_up(turn, "operators_unreachable", "handover")
            else:
                turn.message("operator")
                ending.transfer(turn, TransferTo(reason="requested"))
        case "upset":
            ending.give_up(turn, "upset", "upset")
        case "greeting":
            _greet(turn)
        case "repeat":
            _repeat(turn)
        case "help":
            _help(turn)
        case "hold_on":
            _hold_on(turn)
        case "back":
            _back(turn)
        case "stop":
            _stop(turn)
        case "goodbye":
            if moving.holds_something(turn):
                turn.message("unfinished")
            turn.message("goodbye")
            ending.end(turn, turn.state.outcome or "abandoned", "caller_said_goodbye")
        case _:
            return False
    return True


def _greet(turn: Turn) -> None:
    """ "Алло?", "здравствуйте": no answer and no mistake; the question is put again as it was."""
    one = turn.field_of(turn.state.item) if turn.state.item else None
    if one is None or turn.is_in_doubt:
        repeat(turn)
        return
    key = f"{turn.state.form}.{one.field}"
    turn.state.visits[key] = max(0, turn.state.visits.get(key, 0) - 1)
    turn.ask(one)


def _repeat(turn: Turn) -> None:
    """Somebody who has to hear the same words again and again needs a human."""
    turn.state.repeats += 1
    if turn.state.repeats >= turn.plans.application.limits.repeats:
        ending.give_up(turn, "confused", "handover")
    else:
        repeat(turn)


def repeat(turn: Turn) -> None:
    """Say the last words again, as they were."""
    state = turn.state
    if not state.last_said or state.expect is None:
        turn.message("nothing_to_repeat")
    turn.acts.extend(state.last_said)
    if state.expect is not None:
        turn.listen(state.expect)


def _help(turn: Turn) -> None:
    """ "Не поняла": other words for the same question; too often, and a human is the better explainer."""
    state = turn.state
    state.troubles += 1
    if state.troubles >= turn.plans.application.limits.trouble:
        ending.give_up(turn, "confused", "handover")
        return
    one = turn.field_of(state.item) if state.item else None
    if one is None or turn.is_in_doubt:
        repeat(turn)
    elif one.help:
        turn.ask(one, one.help, "help")
    else:
        turn.ask(one)


def _hold_on(turn: Turn) -> None:
    one = turn.field_of(turn.state.item) if turn.state.item else None
    turn.message("hold_on")
    if one is None:
        repeat(turn)
        return
    application = turn.plans.application.model_copy(update={"noinput_seconds": turn.plans.application.hold_on_seconds})
    patient = one.model_copy(update={"noinput_seconds": None})
    turn.listen(expect_for(patient, application, turn.understanding, turn.page_of(one)))


def _back(turn: Turn) -> None:
    """Undo the last answer and ask for it again."""
    state = turn.state
    answered = [name for name in state.undone if name in state.slots and _is_asked(turn, name)]
    if not answered:
        turn.message("nothing_back")
        return
    last = answered[-1]
    turn.message("back")
    values.clear(turn, last)
    state.undone = tuple(name for name in state.undone if name != last)
    one = turn.field_of(last)
    asked_by = next((f.field for f in turn.form.fields() if last in f.fills), last)
    state.focus = last if one is not None and one.prompt else asked_by


def _is_asked(turn: Turn, name: str) -> bool:
    """Whether a field has a question of its own, or another asks for it: what is only said by the way cannot be asked again."""
    return any(one.prompt and (one.field == name or name in one.fills) for one in turn.form.fields())


def _stop(turn: Turn) -> None:
    """ "Стоп, не надо": a digression is closed, a request is given up; where nothing was begun it means goodbye."""
    turn.message("stopped")
    if turn.state.stack and not turn.state.stack[-1].returns_to:
        moving.abandon(turn)
    elif turn.has_request:
        moving.enter(turn, turn.plans.application.after)
    else:
        turn.message("goodbye")
        ending.end(turn, turn.state.outcome or "abandoned", "caller_said_stop")


def said_in(turn: Turn) -> tuple[Say, ...]:
    """Everything spoken in this step, for "повторите"."""
    return tuple(act for act in turn.acts if isinstance(act, Say))


__all__ = ["GLOBAL", "Invoke", "Listen", "Phase", "handle", "repeat", "said_in"]
