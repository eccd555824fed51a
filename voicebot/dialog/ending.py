"""How requests and dialogs end: settled, handed over to a human, closed."""

from voicebot.dialog import moving
from voicebot.dialog.schema import TransferTo
from voicebot.dialog.state import Phase, Place
from voicebot.dialog.talking import End, HandOver
from voicebot.dialog.turn import Turn

#: Results that count only where the dialog has no better one: an address told after a booking leaves it "booked".
WEAK = ("informed", "off_topic")


def settle(turn: Turn, outcome: str) -> None:
    """The request has its result: the handling clock stops. A digression's result leaves the interrupted request open."""
    turn.state.is_settled = True
    if turn.state.stack:
        turn.state.outcome = turn.state.outcome or outcome
        return
    turn.state.outcome = outcome if outcome not in WEAK or turn.state.outcome in ("", *WEAK) else turn.state.outcome
    turn.state.request_started_at = None
    turn.state.last_summary = summary(turn)


def summary(turn: Turn) -> dict[str, str]:
    """What is known so far, for the human who takes over: label -> text."""
    found = dict(turn.state.last_summary)
    if not turn.state.form:
        return found
    for place in [*turn.state.stack, Place(turn.state.form, turn.state.slots, {}, "", ())]:
        form = turn.plans.forms[place.form]
        if form.request:
            found["request"] = form.request
        for one in form.fields():
            if one.label and one.field in place.slots and place.slots[one.field].label:
                found[one.label] = place.slots[one.field].label
    return found


def transfer(turn: Turn, to: TransferTo) -> None:
    state = turn.state
    state.last_summary = summary(turn)
    state.transfers += 1
    state.session["transfer_tries"] = state.transfers
    state.phase = Phase.TRANSFERRING
    state.pending = None
    state.request_started_at = None
    target = turn.plans.application.operator if to.to == "operator" else to.to
    turn.acts.append(HandOver(target, to.reason, state.last_summary))


def give_up(turn: Turn, reason: str, word: str) -> None:
    """Say so and hand over to a human; a caller that no human can take is told by the transfer_failed form."""
    if turn.state.form == turn.plans.application.transfer_failed:
        # Humans are out of reach and so is understanding: promise a call-back rather than try for ever.
        turn.message("goodbye")
        end(turn, "callback" if turn.state.session.get("caller_phone") else "abandoned", reason)
        return
    turn.message(word)
    transfer(turn, TransferTo(reason=reason))


def end(turn: Turn, outcome: str, reason: str = "") -> None:
    moving.release_all(turn)
    turn.state.phase = Phase.ENDED
    turn.state.pending = None
    turn.state.outcome = outcome
    turn.acts.append(End(outcome, reason))
