"""The values of a form's items: given, corrected, forgotten; what was built on them goes with them."""

from collections.abc import Collection, Mapping
from typing import Any

from voicebot.dialog import expressions
from voicebot.dialog.schema import FieldItem, ObjectItem, SubdialogItem, item_id
from voicebot.dialog.state import Slot
from voicebot.dialog.talking import Invoke
from voicebot.dialog.turn import Turn


def fill(turn: Turn, name: str, slot: Slot, spare: Collection[str] = ()) -> bool:
    """Give an item its value; return whether it is new. What depended on another value is cleared.

    `spare`: fields that the same phrase fills; they are not voided by `replaces`.
    """
    state = turn.state
    before = state.slots.get(name)
    one = turn.field_of(name)
    if before is not None and before.value == slot.value:
        return False
    if before is not None:
        turn.changes.append(name)
    clear_dependants(turn, name)
    state.slots[name] = slot
    state.undone = (*(n for n in state.undone if n != name), name)
    if one is not None:
        for other in one.replaces:
            if other not in spare:
                clear(turn, other)
        if one.keep:
            state.kept[name] = slot
    if name not in state.owed:
        state.owed = (*state.owed, name)
    return True


def clear(turn: Turn, name: str) -> None:
    """Forget an item's value and all that was built on it."""
    state = turn.state
    slot = state.slots.pop(name, None)
    state.owed = tuple(other for other in state.owed if other != name)
    if slot is None:
        return
    state.kept.pop(name, None)
    item = turn.form.item(name)
    if isinstance(item, ObjectItem) and item.undo is not None:
        state.slots[name] = slot  # its arguments may speak of the value itself
        invoke_undo(turn, item)
        del state.slots[name]
    clear_dependants(turn, name)


def clear_dependants(turn: Turn, name: str) -> None:
    for item in turn.form.items:
        other = item_id(item)
        if other != name and name in dependencies(item):
            if isinstance(item, FieldItem) and item.from_:
                # Another list: it is told in full, from its beginning.
                turn.state.page = 0
                turn.state.visits.pop(f"{turn.state.form}.{other}", None)
            clear(turn, other)


def run_variables(turn: Turn, assignments: Mapping[str, str]) -> None:
    for name, expression in assignments.items():
        value = turn.evaluate(expression)
        one = turn.field_of(name)
        if one is not None:
            if value is None:
                clear(turn, name)
            else:
                fill(turn, name, Slot(value, turn.renderer.label(one.type, value, turn.now)))
                # "Назад" goes back to what the caller answered, not to what the dialplan worked out.
                turn.state.undone = tuple(other for other in turn.state.undone if other != name)
        elif name in turn.state.variables:
            turn.state.variables[name] = value
        else:
            turn.state.session[name] = value


def invoke_undo(turn: Turn, item: ObjectItem) -> None:
    assert item.undo is not None
    turn.acts.append(invoke(turn, item.undo.object, item.undo.arguments))


def invoke(turn: Turn, service: str, arguments: Mapping[str, str]) -> Invoke:
    values = {name: turn.evaluate(expression) for name, expression in arguments.items()}
    key = f"{turn.state.dialog_id}:{turn.state.steps}:{len(turn.acts)}:{service}"
    return Invoke(service, {name: value for name, value in values.items() if value is not None}, key)


def dependencies(item: Any) -> frozenset[str]:
    """Names an item's value was made from."""
    found = set(item.depends)
    if isinstance(item, ObjectItem | SubdialogItem):
        for expression in item.arguments.values():
            found.update(expressions.names(expression))
    if isinstance(item, FieldItem) and item.from_:
        found.update(expressions.names(item.from_))
    return frozenset(found)
