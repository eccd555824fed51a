"""The dialog engine: (state, event, time) -> (new state, acts). Pure: no clock, no chance, no I/O.

Forms are visited by VoiceXML's form interpretation algorithm with mixed initiative; what is said at any moment may fill
any field, correct an earlier one, open another form, or be a global command.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog import answers, choices, commands, interpretation
from voicebot.dialog.actions import execute
from voicebot.dialog.budget import Budget, Stage
from voicebot.dialog.rendering import Renderer
from voicebot.dialog.schema import Dialplans, FieldItem, ObjectItem, TransferTo
from voicebot.dialog.state import Phase, Slot, State
from voicebot.dialog.talking import (
    Act,
    BudgetCheck,
    Event,
    Heard,
    Keyed,
    NoInput,
    NotHeard,
    Returned,
    Started,
    TransferEnded,
)
from voicebot.dialog.turn import Turn
from voicebot.dialog.understanding import Understanding, Understood
from voicebot.russian.birth import parse_birth_date

#: A hypothesis further down the recogniser's list is believed less.
RANK_DECAY = 0.92
EMERGENCY_RANKS = 2


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the engine made of a caller's turn, for the transcript."""

    intent: str
    slots: dict[str, str]
    confidence: float
    text: str = ""  # the hypothesis that was used


@dataclass(frozen=True, slots=True)
class Step:
    state: State
    acts: tuple[Act, ...]
    understood: Meaning | None = None


class Engine:
    """Runs one clinic's dialplans. Stateless: one engine serves all dialogs of a process."""

    def __init__(
        self, dialplans: Dialplans, catalogue: Catalogue, understanding: Understanding, budget_seconds: float = 210.0
    ) -> None:
        self._plans = dialplans
        self._understanding = understanding
        self._renderer = Renderer(catalogue)
        self._budget = Budget(budget_seconds)

    def begin(self, dialog_id: str) -> State:
        """Return the state of a dialog in which nothing happened yet."""
        return State(dialog_id=dialog_id)

    def step(self, state: State, event: Event, now: datetime) -> Step:
        """Return the next state and the acts to carry out in order. `now` is aware, in the clinic's zone."""
        turn = Turn(self._plans, self._renderer, self._understanding, self._budget, state.copy(), now)
        turn.state.steps += 1
        meaning = _react(turn, event)
        said = commands.said_in(turn)
        if said and not (meaning is not None and meaning.intent in ("repeat", "hold_on")):
            turn.state.last_said = said
        return Step(turn.state, tuple(turn.acts), meaning)


def _react(turn: Turn, event: Event) -> Meaning | None:
    phase = turn.state.phase
    match event:
        case Started() if phase is Phase.NEW:
            _start(turn, event)
        case Heard() if phase in (Phase.LISTENING, Phase.WAITING):
            return _heard(turn, event)
        case Keyed() if phase is Phase.LISTENING:
            return _keyed(turn, event.digits)
        case NoInput() if phase is Phase.LISTENING:
            _silence(turn)
        case NotHeard() if phase is Phase.LISTENING:
            _not_understood(turn)
        case Returned() if phase is Phase.WAITING:
            _returned(turn, event)
        case TransferEnded() if phase is Phase.TRANSFERRING:
            _transfer_ended(turn, event.result)
        case BudgetCheck() if phase is Phase.LISTENING:
            if turn.stage() is Stage.OVER:
                turn.give_up("budget", "budget_over")
        case _:
            pass  # an event that came too late for its phase (a key during the transfer): nothing is expected now
    return None


def _start(turn: Turn, event: Started) -> None:
    state, application = turn.state, turn.plans.application
    # A name, an extension or a withheld number is no number to call back.
    own_number = turn.understanding.phone_of_keys(event.caller_phone)
    state.session.update(caller_phone=own_number, channel=event.channel, transfer_tries=0)
    for name, expression in application.vars.items():
        state.session[name] = turn.evaluate(expression)
    turn.renew()
    turn.enter(application.start)
    interpretation.run(turn)


# -- what the caller said -------------------------------------------------------------------------------------------------


def _heard(turn: Turn, event: Heard) -> Meaning:
    text, understood = _best(turn, event)
    meaning = Meaning(understood.intent, turn.renderer.labels(understood.slots, turn.now), understood.confidence, text)
    if turn.state.phase is Phase.WAITING:
        # The clinic is being asked: only what cannot wait is served. The answer to the service may still come; it is ignored.
        if understood.intent in ("emergency", "operator"):
            turn.state.pending = None
            commands.handle(turn, understood.intent)
        return meaning
    if not _is_option(turn, understood, text) and commands.handle(turn, understood.intent):
        turn.state.noinputs = 0
        interpretation.run(turn)
        return meaning
    if turn.stage() is Stage.OVER and turn.remaining_fields() > 1:
        turn.give_up("budget", "budget_over")
        return meaning
    if _served(turn, understood, text):
        turn.state.noinputs = turn.state.nomatches = 0
        interpretation.run(turn)
    else:
        _not_understood(turn, "unknown_doctor" if understood.is_unknown_doctor else "")
    return meaning


def _is_option(turn: Turn, understood: Understood, text: str) -> bool:
    """ "Ещё раз" is no wish for a repetition where it is one of the answers. A human and help in danger are always served."""
    one = turn.field_of(turn.state.item) if turn.state.item else None
    if one is None or not one.options or understood.intent in ("emergency", "operator", "upset"):
        return False
    return choices.choose_option(one.options, text, {}, turn.understanding) is not None


def _best(turn: Turn, event: Heard) -> tuple[str, Understood]:
    """Return the hypothesis that answers the question, else the first that means anything, else the first."""
    expect = turn.state.expect
    read: list[tuple[str, Understood]] = []
    for rank, alternative in enumerate(event.alternatives):
        understood = turn.understanding.understand(alternative.text, expect, turn.now)
        confidence = min(understood.confidence, alternative.confidence) * RANK_DECAY**rank
        read.append((alternative.text, understood.with_confidence(confidence)))
    # An emergency is worth a false alarm: the second hypothesis may name it too (the first may come from a grammar).
    for text, understood in read[:EMERGENCY_RANKS]:
        if understood.intent == "emergency":
            return text, understood
    if read[0][1].intent in commands.GLOBAL and not _is_option(turn, read[0][1], read[0][0]):
        return read[0]
    for text, understood in read:
        if expect is not None and turn.understanding.answers(understood, expect, text):
            return text, understood
    return next((one for one in read if not one[1].is_nothing), read[0])


def _served(turn: Turn, understood: Understood, text: str) -> bool:
    if turn.state.doubt is not None and answers.answer_doubt(turn, understood, text):
        return True
    if _opens_digression(turn, understood) or _wants_another_form(turn, understood):
        return True
    if answers.take(turn, understood, text):
        _acknowledge_changes(turn)
        return True
    return _opens(turn, understood)


def _wants_another_form(turn: Turn, understood: Understood) -> bool:
    """ "Да, ещё хочу отменить запись": the wish says more than the yes."""
    one = turn.field_of(turn.state.item) if turn.state.item else None
    if one is None or one.type not in ("yes_no", "request") or understood.intent in ("yes", "no", "none", "off_topic"):
        return False
    return _opens(turn, understood)


def _acknowledge_changes(turn: Turn) -> None:
    """A correction is answered at once, so that the caller hears that it was taken."""
    if turn.changes and turn.state.item and not turn.is_over:
        turn.message("changed")


def _opens_digression(turn: Turn, understood: Understood) -> bool:
    """ "А сколько это стоит?" in the middle of another form."""
    form = turn.plans.form_for(understood.intent)
    if form is None or not form.digression or form.form == turn.state.form:
        return False
    _open(turn, understood, form.form, is_digression=bool(turn.state.item))
    return True


def _opens(turn: Turn, understood: Understood) -> bool:
    """The caller wants something that another form serves, or that none does."""
    intent = understood.intent
    form = turn.plans.form_for(intent)
    if form is not None:
        if form.form == turn.state.form:
            return False
        _open(turn, understood, form.form, is_digression=form.digression)
        return True
    if intent in ("none", "yes", "no"):
        return False
    turn.state.session["intent"] = intent
    if turn.state.form == turn.plans.application.unserved:
        return False
    turn.enter(turn.plans.application.unserved)
    return True


def _open(turn: Turn, understood: Understood, form: str, *, is_digression: bool) -> None:
    """Enter a form with what the same phrase already told, and what the interrupted form knows."""
    inherited = dict(turn.state.slots) if is_digression else {}
    turn.state.session["intent"] = understood.intent
    if turn.state.request_started_at is None:
        turn.renew()
    turn.enter(form, is_digression=is_digression, inherited=inherited)
    if is_digression and understood.slots.keys() & {"service", "speciality", "doctor", "branch"}:
        # The question names its own subject: the interrupted form's does not count.
        for one in turn.form.fields():
            turn.state.slots.pop(one.field, None)
    if understood.is_unknown_doctor:
        turn.message("unknown_doctor")
    answers.take(turn, understood, "")
    turn.changes.clear()


def _keyed(turn: Turn, digits: str) -> Meaning:
    """Keys: zero is a human, star is "again"; else they answer the question."""
    state = turn.state
    meaning = Meaning("keys", {"keys": "*" * len(digits)}, 1.0)
    one = turn.field_of(state.item) if state.item else None
    if digits == "0":
        commands.handle(turn, "operator")
        return Meaning("operator", {}, 1.0)
    if digits == "*":
        commands.handle(turn, "repeat")
        return Meaning("repeat", {}, 1.0)
    if one is not None and _key_answer(turn, one, digits):
        state.noinputs = state.nomatches = 0
        interpretation.run(turn)
    else:
        _not_understood(turn)
    return meaning


def _key_answer(turn: Turn, one: FieldItem, digits: str) -> bool:
    doubt = turn.state.doubt
    kind = one.type
    if doubt is not None:
        if len(doubt.candidates) > 1:
            if not digits.isdigit() or not 1 <= int(digits) <= len(doubt.candidates):
                return False
            slots: dict[str, Any] = {"ordinal": int(digits)}
            return answers.answer_doubt(turn, Understood("none", slots, 1.0), "")
        kind = "yes_no"
    if kind == "yes_no":
        if digits not in ("1", "2"):
            return False
        understood = Understood("yes" if digits == "1" else "no", {"yes_no": digits == "1"}, 1.0)
        return answers.answer_doubt(turn, understood, "") if doubt is not None else answers.take(turn, understood, "")
    if kind == "choice":
        chosen = choices.by_key(one, turn.page_of(one), digits)
        if chosen is None:
            return False
        if one.options:
            option = next(option for option in one.options if option.value == chosen)
            turn.fill(one.field, Slot(option.value, option.label or option.phrases[0]))
        else:
            answers.choose(turn, one, chosen, 1.0)
        return True
    if kind == "phone":
        phone = turn.understanding.phone_of_keys(digits)
        if phone is None:
            return False
        turn.fill(one.field, Slot(phone, turn.renderer.label("phone", phone, turn.now)))
        return True
    if kind == "birth_date":
        born = parse_birth_date(digits, turn.now.date())
        if born is None:
            return False
        turn.fill(one.field, Slot(born, turn.renderer.label("birth_date", born, turn.now)))
        return True
    return False


# -- silence and noise ----------------------------------------------------------------------------------------------------


def _silence(turn: Turn) -> None:
    state, limits = turn.state, turn.plans.application.limits
    state.noinputs += 1
    state.troubles += 1
    if state.noinputs >= limits.noinput:
        turn.give_up("noinput", "handover")
    else:
        _ask_again(turn, "noinput", state.noinputs)


def _not_understood(turn: Turn, message: str = "") -> None:
    """Ask again; `message` says what is wrong where that is known."""
    state, limits = turn.state, turn.plans.application.limits
    state.nomatches += 1
    state.troubles += 1
    if turn.stage() is Stage.OVER:
        turn.give_up("budget", "budget_over")
    elif state.nomatches >= limits.nomatch:
        turn.give_up("nomatch", "handover")
    elif state.troubles >= limits.trouble:
        turn.give_up("trouble", "handover")
    elif message:
        turn.message(message)
        _ask_question_again(turn)
    else:
        _ask_again(turn, "nomatch", state.nomatches)


def _ask_question_again(turn: Turn) -> None:
    one = turn.field_of(turn.state.item) if turn.state.item else None
    if one is None or turn.state.doubt is not None:
        commands.repeat(turn)
    else:
        turn.ask(one)


def _ask_again(turn: Turn, word: str, count: int) -> None:
    state = turn.state
    one = turn.field_of(state.item) if state.item else None
    if state.doubt is not None and one is not None:
        turn.message(word, count)
        turn.doubtful(state.doubt)
    elif one is None:
        interpretation.run(turn)
    elif getattr(one, word):
        turn.ask(one, getattr(one, word), word)
    else:
        turn.message(word, count)
        turn.ask(one)


# -- services and transfers -----------------------------------------------------------------------------------------------


def _returned(turn: Turn, event: Returned) -> None:
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
        turn.transfer(TransferTo(reason=f"service:{event.error}"))
        return
    execute(turn, actions, f"{name}.{event.error}")
    interpretation.run(turn)


def _transfer_ended(turn: Turn, result: str) -> None:
    """No human could take the call: the caller is told, and asked what now."""
    turn.state.session["transfer_result"] = result
    turn.state.session["transfer_tries"] = turn.state.transfers
    turn.state.expect = None
    turn.state.noinputs = turn.state.nomatches = turn.state.troubles = 0
    turn.enter(turn.plans.application.transfer_failed)
    interpretation.run(turn)
