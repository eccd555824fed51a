"""Silence and noise: the question is asked again in other words, until a human is better."""

from voicebot.dialog import commands, ending, interpretation
from voicebot.dialog.budget import Stage
from voicebot.dialog.turn import Turn


def silence(turn: Turn) -> None:
    state, limits = turn.state, turn.plans.application.limits
    state.noinputs += 1
    state.troubles += 1
    if state.form == turn.plans.application.after and state.noinputs > 1:
        # All is done, and to "ещё чем-то помочь?" nobody answers: no human is needed for that.
        turn.message("goodbye")
        ending.end(turn, state.outcome or "informed", "noinput")
    elif state.noinputs >= limits.noinput:
        ending.give_up(turn, "noinput", "handover")
    else:
        _ask_again(turn, "noinput", state.noinputs)


def not_understood(turn: Turn, message: str = "", *, is_known: bool = False) -> None:
    """Ask again; `message` says what is wrong where that is known. `is_known`: only said again what is being done."""
    state, limits = turn.state, turn.plans.application.limits
    if state.expect is not None and state.expect.noinput_seconds == turn.plans.application.hold_on_seconds:
        commands.handle(turn, "greeting")  # after "подождите": "да, я тут"
        return
    state.nomatches += 1
    state.troubles += 1
    if turn.stage() is Stage.OVER:
        ending.give_up(turn, "budget", "budget_over")
    elif state.nomatches >= limits.nomatch:
        ending.give_up(turn, "nomatch", "handover")
    elif state.troubles >= limits.trouble:
        ending.give_up(turn, "trouble", "handover")
    elif message or is_known:
        if message:
            turn.message(message)
        ask_question_again(turn)
    else:
        _ask_again(turn, "nomatch", state.nomatches)


def ask_question_again(turn: Turn) -> None:
    one = turn.field_of(turn.state.item) if turn.state.item else None
    if one is None or turn.is_in_doubt:
        commands.repeat(turn)
    else:
        turn.ask(one)


def _ask_again(turn: Turn, word: str, count: int) -> None:
    state = turn.state
    one = turn.field_of(state.item) if state.item else None
    if state.wish is not None:
        turn.message(word, count)
        turn.doubt_wish(state.wish)
    elif state.doubt is not None and one is not None:
        turn.message(word, count)
        turn.doubtful(state.doubt)
    elif one is None:
        interpretation.run(turn)
    elif getattr(one, word):
        turn.ask(one, getattr(one, word), word)
    else:
        turn.message(word, count)
        turn.ask(one)
