"""Doctors and branches that the caller rules out ("только не на Парковой"): kept for the dialog, until they are asked for."""

from collections.abc import Mapping

from voicebot.dialog import values
from voicebot.dialog.turn import Turn
from voicebot.dialog.understanding import Understood

#: The name by which dialplans read it: `unwanted.doctor`, `unwanted.branch`, tuples of IDs.
NAME = "unwanted"


def take(turn: Turn, understood: Understood) -> bool:
    """Remember what is ruled out; return whether this form heeds it, so that the phrase was of use."""
    is_heeded = any(NAME in values.dependencies(item) for item in turn.form.items)
    known: Mapping[str, tuple[str, ...]] = turn.state.session.get(NAME) or {}
    wanted = set(understood.slots.items() if is_heeded else ()) if known else set()
    pairs = [(kind, one) for kind, several in known.items() for one in several if (kind, one) not in wanted]
    pairs = list(dict.fromkeys([*pairs, *understood.unwanted]))
    now = {kind: tuple(one for other, one in pairs if other == kind) for kind, _ in pairs}
    turn.state.session[NAME] = now
    if not is_heeded or now == known:
        return is_heeded and bool(understood.unwanted)
    values.clear_dependants(turn, NAME)
    for one in turn.form.fields():
        slot = turn.state.slots.get(one.field)
        if slot is not None and (one.type, slot.value) in understood.unwanted:
            values.clear(turn, one.field)
    if understood.unwanted:
        turn.changes.append(NAME)
    return bool(understood.unwanted)
