"""Executable content: what happens when an item is filled, or a service failed."""

from collections.abc import Sequence

from voicebot.dialog import ending, moving, values
from voicebot.dialog.schema import Action
from voicebot.dialog.turn import Turn


def execute(turn: Turn, actions: Sequence[Action], name: str) -> bool:
    """Carry actions out in order; return True when the dialog moved elsewhere and the rest is void."""
    return any(_execute(turn, action, name) for action in actions)


def _execute(turn: Turn, action: Action, name: str) -> bool:
    if action.prompt is not None:
        turn.say(action.prompt, name)
    elif action.if_ is not None:
        return execute(turn, action.then if turn.holds(action.if_) else action.else_, name)
    elif action.assign is not None:
        values.run_variables(turn, action.assign)
    elif action.clear is not None:
        for item in action.clear:
            values.clear(turn, item)
    elif action.settle is not None:
        ending.settle(turn, action.settle)
    elif action.renew:
        moving.renew(turn)
    elif action.goto is not None:
        _goto(turn, action.goto)
        return True
    elif action.transfer is not None:
        ending.transfer(turn, action.transfer)
        return True
    elif action.disconnect is not None:
        ending.end(turn, turn.state.outcome or action.disconnect)
        return True
    elif action.reprompt:
        values.clear(turn, turn.state.item)
        turn.state.focus = turn.state.item
        return True
    elif action.return_:
        if not moving.resume(turn):
            moving.enter(turn, turn.plans.application.after)
        return True
    return False


def _goto(turn: Turn, target: str) -> None:
    if target.startswith("#"):
        item = target[1:]
        values.clear(turn, item)
        turn.state.focus = item
    else:
        moving.enter(turn, target)
