"""Moving between forms: opening one, going back to an interrupted one, giving back what was held."""

from collections.abc import Mapping

from voicebot.dialog import values
from voicebot.dialog.schema import ObjectItem
from voicebot.dialog.state import Place, Slot
from voicebot.dialog.turn import Turn


def enter(turn: Turn, name: str, *, is_digression: bool = False, inherited: Mapping[str, Slot] | None = None) -> None:
    """Open a form: its variables and fields start anew, but for values that are kept for the whole dialog."""
    state = turn.state
    if is_digression and state.form:
        place = Place(state.form, dict(state.slots), dict(state.variables), state.item, state.owed)
        state.stack = (*state.stack, place)
    elif state.form:
        release_all(turn)
        state.stack = ()
    form = turn.plans.forms[name]
    state.form, state.item, state.focus, state.doubt, state.page, state.owed = name, "", "", None, 0, ()
    state.slots, state.variables, state.undone = {}, {}, ()
    turn.changes = []
    state.visits = {key: count for key, count in state.visits.items() if not key.startswith(f"{name}.")}
    for variable, expression in form.vars.items():
        state.variables[variable] = turn.evaluate(expression)
    for one in form.fields():
        value = turn.evaluate(one.expr) if one.expr else None
        if one.keep and one.field in state.kept:
            state.slots[one.field] = state.kept[one.field]
        elif value is not None:
            state.slots[one.field] = Slot(value, turn.renderer.label(one.type, value, turn.now))
        elif inherited and one.field in inherited:
            state.slots[one.field] = inherited[one.field]


def resume(turn: Turn) -> bool:
    """Go back to the form that a digression interrupted."""
    state = turn.state
    if not state.stack:
        return False
    place = state.stack[-1]
    state.stack = state.stack[:-1]
    state.form, state.slots, state.variables = place.form, dict(place.slots), dict(place.variables)
    state.item, state.focus, state.doubt = "", place.focus if place.focus not in place.slots else "", None
    state.owed = place.owed
    turn.changes = []
    return True


def release_all(turn: Turn) -> None:
    """Undo what the form holds (a slot held for the caller) before it is left."""
    if turn.state.outcome and turn.state.request_started_at is None:
        return  # the request is settled: what was held is booked
    for item in turn.form.items:
        if isinstance(item, ObjectItem) and item.undo is not None and item.object in turn.state.slots:
            values.invoke_undo(turn, item)


def renew(turn: Turn) -> None:
    """A new request begins, with its own handling time."""
    state = turn.state
    state.request_started_at = turn.now
    state.is_offered = False
    state.troubles = state.noinputs = state.nomatches = 0
