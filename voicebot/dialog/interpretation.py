"""The form interpretation algorithm (VoiceXML 2.1, appendix C): select an item, visit it, until somebody must answer."""

from voicebot.dialog import ending, moving, values
from voicebot.dialog.actions import execute
from voicebot.dialog.schema import BlockItem, FieldItem, Item, ObjectItem, SubdialogItem, item_id
from voicebot.dialog.state import Pending, Phase, Slot
from voicebot.dialog.turn import Turn

#: A dialplan that visits so many items without waiting for anybody goes in circles.
MAX_VISITS_PER_STEP = 60
#: A service of one form that had to be called so often does not help the caller.
MAX_CALLS_PER_ITEM = 12


def run(turn: Turn) -> None:
    """Go on until the robot listens, waits for a service, hands over or ends."""
    for _ in range(MAX_VISITS_PER_STEP):
        if turn.is_over:
            return
        if owed(turn) or turn.is_over:
            continue
        if turn.state.doubt is not None and not turn.state.item:
            turn.doubtful(turn.state.doubt)  # it was being asked when a digression interrupted
            continue
        item = select(turn)
        if item is None:
            _leave(turn)
            continue
        visit(turn, item)
    if not turn.is_over:
        ending.give_up(turn, "dialplan_loop", "handover")


def owed(turn: Turn) -> bool:
    """Carry out the `filled` of what got a value, in the form's order; return True when that moved the dialog."""
    while turn.state.owed:
        item = next(item for item in turn.form.items if item_id(item) in turn.state.owed)
        turn.state.owed = tuple(name for name in turn.state.owed if name != item_id(item))
        if execute(turn, item.filled, f"{turn.state.form}.{item_id(item)}.filled"):
            return True
    return False


def select(turn: Turn) -> Item | None:
    """Return the item to visit next: the one gone to, else the first that is open and whose condition holds."""
    state = turn.state
    if state.focus:
        if state.focus not in state.slots:
            return turn.form.item(state.focus)
        state.focus = ""
    for item in turn.form.items:
        if item_id(item) in state.slots:
            continue
        if isinstance(item, FieldItem):
            if not item.prompt:
                continue  # only ever filled by mixed initiative
            if item.type == "subject" and any(name in state.slots for name in item.fills):
                continue
        if turn.holds(item.cond):
            return item
    return None


def visit(turn: Turn, item: Item) -> None:
    state = turn.state
    match item:
        case BlockItem():
            state.slots[item.block] = Slot(True)
            state.focus = ""
            turn.say(item.prompt, f"{state.form}.{item.block}")
            execute(turn, item.filled, f"{state.form}.{item.block}.filled")
        case ObjectItem():
            state.focus = ""
            _call(turn, item)
        case SubdialogItem():
            state.focus = ""
            moving.call(turn, item)
        case FieldItem():
            turn.ask(item)


def _call(turn: Turn, item: ObjectItem) -> None:
    """Call the item's service; its answer comes as an event."""
    state = turn.state
    key = f"{state.form}.{item.object}"
    state.visits[key] = state.visits.get(key, 0) + 1
    if state.visits[key] > MAX_CALLS_PER_ITEM:
        ending.give_up(turn, f"too_often:{item.service}", "handover")
        return
    turn.say(item.prompt, key, state.visits[key])
    turn.acts.append(values.invoke(turn, item.service, item.arguments))
    state.pending = Pending(item.object, item.service)
    state.phase = Phase.WAITING


def _leave(turn: Turn) -> None:
    """A form without open items is done."""
    if moving.resume(turn):
        return
    if turn.state.form == turn.plans.application.after:
        ending.end(turn, turn.state.outcome or "informed")
    else:
        moving.enter(turn, turn.plans.application.after)
