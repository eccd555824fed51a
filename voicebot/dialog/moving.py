"""Moving between forms: opening one, interrupting one, calling one as a subdialog, coming back, giving back what was held."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from voicebot.dialog import values
from voicebot.dialog.schema import FieldItem, Form, ObjectItem, SubdialogItem
from voicebot.dialog.state import Place, Slot
from voicebot.dialog.turn import NEVER, Turn


def enter(turn: Turn, name: str) -> None:
    """Leave all forms for another one (VoiceXML: goto)."""
    if turn.state.form:
        release_all(turn)
    turn.state.stack = ()
    _open(turn, name, {})


def digress(turn: Turn, name: str, inherited: Mapping[str, Slot], *, is_first: bool = False) -> None:
    """Open a form that comes back to the present one when it is done. `inherited`: what its fields may take over.

    `is_first`: of two questions of one phrase the present one waits, and begins with what is known by then.
    """
    _push(turn, "", has_waited=is_first)
    _open(turn, name, inherited)


def call(turn: Turn, item: SubdialogItem) -> None:
    """Open a form whose values become the item's value (VoiceXML: subdialog)."""
    given = {name: turn.evaluate(expression) for name, expression in item.arguments.items()}
    _push(turn, item.subdialog)
    _open(turn, item.form, {})
    form = turn.form
    for name, value in given.items():
        if value is None:
            continue
        one = turn.field_of(name)
        if one is not None:
            turn.state.slots[name] = Slot(value, turn.renderer.label(one.type, value, turn.now))
        elif name in form.vars:
            turn.state.variables[name] = value


def back_to(turn: Turn, name: str) -> bool:
    """Go back to a form that was interrupted, leaving those opened since; return whether it is there."""
    if all(place.form != name for place in turn.state.stack):
        return False
    while turn.state.form != name:
        _release(turn)
        _pop(turn)
    return True


def abandon(turn: Turn) -> None:
    """Leave a digression unfinished; the interrupted form goes on."""
    _release(turn)
    _pop(turn)


def resume(turn: Turn) -> bool:
    """Go back to the form that was interrupted or that called this one; return whether there is one."""
    state = turn.state
    if not state.stack:
        return False
    learned = {name: slot.value for name, slot in state.slots.items()} | state.variables
    told = _told(turn.form, state.slots)
    place = _pop(turn)
    if place.returns_to:
        state.last_summary |= told
        state.slots[place.returns_to] = Slot(learned)
        state.owed = (*state.owed, place.returns_to)
    return True


def release_all(turn: Turn) -> None:
    """Undo what this form and those it interrupted hold (a slot held for the caller): they are left for good."""
    state = turn.state
    _release(turn)
    while state.stack:
        _pop(turn)
        _release(turn)


def holds_something(turn: Turn) -> bool:
    """Whether leaving now gives back what was held for the caller: what they chose is not booked."""
    state = turn.state
    places = [(state.form, state.slots, state.is_settled), *((one.form, one.slots, one.is_settled) for one in state.stack)]
    return any(
        isinstance(item, ObjectItem) and item.undo is not None and item.object in slots
        for form, slots, is_settled in places
        if form and not is_settled
        for item in turn.plans.forms[form].items
    )


def _release(turn: Turn) -> None:
    if turn.state.is_settled:
        return  # what was held is used by now
    for item in turn.form.items:
        if isinstance(item, ObjectItem) and item.undo is not None and item.object in turn.state.slots:
            values.invoke_undo(turn, item)


def renew(turn: Turn) -> None:
    """A new request begins, with its own handling time."""
    state = turn.state
    state.request_started_at = turn.now
    state.is_offered = False
    state.troubles = state.noinputs = state.nomatches = state.repeats = 0


def _told(form: Form, slots: Mapping[str, Slot]) -> dict[str, str]:
    return {
        one.label: slots[one.field].label
        for one in form.fields()
        if one.label and one.field in slots and slots[one.field].label
    }


def _place(turn: Turn, returns_to: str) -> Place:
    state = turn.state
    one = turn.field_of(state.item) if state.item else None
    focus = state.item if one is not None and one.prompt else ""
    return Place(
        state.form, dict(state.slots), dict(state.variables), focus, state.owed, state.page, state.doubt, state.undone,
        state.is_settled, returns_to,
    )  # fmt: skip


def _push(turn: Turn, returns_to: str, *, has_waited: bool = False) -> None:
    turn.state.stack = (*turn.state.stack, replace(_place(turn, returns_to), has_waited=has_waited))


def _pop(turn: Turn) -> Place:
    place = turn.state.stack[-1]
    turn.state.stack = turn.state.stack[:-1]
    _restore(turn, place)
    if place.has_waited:
        for one in turn.form.fields():
            _begin_with(turn, one, {})
    return place


def _restore(turn: Turn, place: Place) -> None:
    state = turn.state
    state.form, state.slots, state.variables = place.form, dict(place.slots), dict(place.variables)
    state.item, state.focus = "", _still_asked(turn, place)
    state.owed, state.page, state.doubt, state.wish = place.owed, place.page, place.doubt, None
    state.undone, state.is_settled = place.undone, place.is_settled
    turn.changes = []


def _still_asked(turn: Turn, place: Place) -> str:
    """What was being asked when the form was interrupted, unless the digression itself made it needless ("пришлите смс")."""
    one = turn.field_of(place.focus) if place.focus else None
    if one is None or place.focus in place.slots:
        return ""
    return place.focus if one.cond == NEVER or turn.holds(one.cond) else ""


def _open(turn: Turn, name: str, inherited: Mapping[str, Slot]) -> None:
    """Start a form: its variables and fields anew, but for values that are kept for the whole dialog."""
    state = turn.state
    form = turn.plans.forms[name]
    state.form, state.item, state.focus, state.page, state.owed = name, "", "", 0, ()
    state.doubt = state.wish = None
    state.slots, state.variables, state.undone, state.is_settled = {}, {}, (), False
    state.session["partial"] = None
    turn.changes = []
    state.visits = {key: count for key, count in state.visits.items() if not key.startswith(f"{name}.")}
    for variable, expression in form.vars.items():
        state.variables[variable] = turn.evaluate(expression)
    for one in form.fields():
        _begin_with(turn, one, inherited)


def _begin_with(turn: Turn, one: FieldItem, inherited: Mapping[str, Slot]) -> None:
    """Give a field that is open its first value, if it has one."""
    state = turn.state
    if one.field in state.slots:
        return
    value: Any = turn.evaluate(one.expr) if one.expr else None
    if one.keep and one.field in state.kept:
        state.slots[one.field] = state.kept[one.field]
    elif value is not None:
        state.slots[one.field] = Slot(value, turn.renderer.label(one.type, value, turn.now))
    elif one.field in inherited:
        state.slots[one.field] = replace(inherited[one.field])
