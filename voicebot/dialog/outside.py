"""The world outside the dialog: services of the clinic, and transfers that came to nothing."""

from voicebot.dialog import ending, interpretation, moving, recovery
from voicebot.dialog.actions import execute
from voicebot.dialog.schema import ObjectItem, TransferTo
from voicebot.dialog.state import Phase, Slot
from voicebot.dialog.talking import Returned
from voicebot.dialog.turn import Turn


def returned(turn: Turn, event: Returned) -> None:
    state = turn.state
    pending = state.pending
    if pending is None or event.service != pending.service:
        return  # the answer of an undo, or of a call that was given up
    state.pending = None
    item = turn.form.item(pending.item)
    assert isinstance(item, ObjectItem)
    name = f"{state.form}.{item.object}"
    if not event.error:
        state.slots[item.object] = Slot(event.value)
        state.owed = (*state.owed, item.object)
        interpretation.run(turn)
        return
    state.session["error"] = event.error
    actions = item.catch.get(event.error) or item.catch.get("*")
    if actions is None:
        turn.message("service_failed")
        ending.transfer(turn, TransferTo(reason=f"service:{event.error}"))
        return
    execute(turn, actions, f"{name}.{event.error}")
    interpretation.run(turn)


def resumed(turn: Turn) -> None:
    """A human has talked to the caller meanwhile: what was being asked is asked again, after a transfer what else is wanted."""
    turn.state.noinputs = turn.state.nomatches = turn.state.troubles = 0
    if turn.state.phase is Phase.LISTENING:
        recovery.ask_question_again(turn)
        return
    turn.state.expect = None
    moving.enter(turn, turn.plans.application.after)
    interpretation.run(turn)


def transfer_ended(turn: Turn, result: str) -> None:
    """No human could take the call: the caller is told, and asked what now."""
    turn.state.session["transfer_result"] = result
    if result == "closed":
        turn.state.session["operators_open"] = False
    turn.state.session["transfer_tries"] = turn.state.transfers
    turn.state.expect = None
    turn.state.noinputs = turn.state.nomatches = turn.state.troubles = 0
    moving.enter(turn, turn.plans.application.transfer_failed)
    interpretation.run(turn)
