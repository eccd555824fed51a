"""Executable content: what happens when an item is filled, or a service failed."""

from collections.abc import Sequence

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
        turn.run_variables(action.assign)
    elif action.clear is not None:
        for item in action.clear:
            turn.clear(item)
    elif action.settle is not None:
        turn.settle(action.settle)
    elif action.renew:
        turn.renew()
    elif action.goto is not None:
        _goto(turn, action.goto)
        return True
    elif action.transfer is not None:
        turn.transfer(action.transfer)
        return True
    elif action.disconnect is not None:
        turn.end(turn.state.outcome or action.disconnect)
        return True
    elif action.reprompt:
        turn.clear(turn.state.item)
        turn.state.focus = turn.state.item
        return True
    elif action.return_:
        if not turn.resume():
            turn.enter(turn.plans.application.after)
        return True
    return False


def _goto(turn: Turn, target: str) -> None:
    if target.startswith("#"):
        item = target[1:]
        turn.clear(item)
        turn.state.focus = item
    else:
        turn.enter(target)
