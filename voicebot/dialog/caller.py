"""What the caller said: the best hypothesis, global commands, digressions, other wishes, answers."""

import re
from dataclasses import replace
from typing import Any

from voicebot.dialog import (
    answers,
    choices,
    commands,
    doubts,
    ending,
    half_heard,
    hypotheses,
    interpretation,
    moving,
    two_wishes,
)
from voicebot.dialog.budget import Stage
from voicebot.dialog.confirmation import Policy, policy_of_wish
from voicebot.dialog.hypotheses import Hypothesis
from voicebot.dialog.meaning import Meaning
from voicebot.dialog.recovery import ask_question_again, not_understood
from voicebot.dialog.schema import FieldItem, Form
from voicebot.dialog.state import Phase, Wish
from voicebot.dialog.talking import Heard
from voicebot.dialog.turn import Turn
from voicebot.dialog.understanding import Understood, details
from voicebot.russian.text import normalise

_WHY = re.compile(
    r"(?:^| )(?:зачем|почему|не скажу|не (?:буду|хочу|стану) (?:\w+ )?(?:называть|говорить|сообщать|давать))(?: |$)"
)
SUBJECT_SLOTS = frozenset({"doctor", "speciality", "service", "test", "faq"})
_ANSWERS = frozenset({"datetime", "name", "phone", "birth_date", "ordinal"})
#: What a question in between does not take over from the interrupted form where it names its own subject.
_OF_THE_SUBJECT = SUBJECT_SLOTS | {"datetime"}


def heard(turn: Turn, event: Heard) -> Meaning:
    """The caller spoke."""
    text, understood = _best(turn, event)
    if turn.state.phase is Phase.WAITING:
        # The clinic is being asked: only what cannot wait is served. The answer to the service may still come; it is ignored.
        if understood.intent in ("emergency", "operator"):
            turn.state.pending = None
            commands.handle(turn, understood.intent)
    else:
        _answer(turn, understood, text)
    return _meaning(turn, understood, text)


def say(turn: Turn, text: str) -> Meaning:
    """Do as if the caller had surely said this: a key may stand for a phrase."""
    understood = turn.understanding.understand(text, turn.state.expect, turn.now)
    understood = replace(understood, confidence=1.0, intent_confidence=1.0, sureness={})
    _answer(turn, understood, text)
    return _meaning(turn, understood, text)


def _meaning(turn: Turn, understood: Understood, text: str) -> Meaning:
    return Meaning(understood.intent, turn.renderer.labels(understood.slots, turn.now), understood.confidence, text)


def _answer(turn: Turn, understood: Understood, text: str) -> None:
    state = turn.state
    _remember_named(turn, understood)
    if not _is_option(turn, understood, text) and commands.handle(turn, understood.intent):
        state.noinputs = 0
        if understood.intent != "repeat":
            state.repeats = 0
        interpretation.run(turn)
        return
    state.repeats = 0
    if turn.stage() is Stage.OVER and turn.remaining_fields() > 1:
        ending.give_up(turn, "budget", "budget_over")
        return
    serve(turn, understood, text)


def _remember_named(turn: Turn, understood: Understood) -> None:
    """Tests and services named side by side ("общий анализ и сахар") stay at hand in the order they were said."""
    for kind in ("test", "service"):
        if kind in understood.slots:
            turn.state.session[f"said_{kind}s"] = understood.several.get(kind) or (understood.slots[kind],)


def serve(turn: Turn, understood: Understood, text: str) -> None:
    """Do what a phrase asks for that is no global command."""
    if _served(turn, understood, text) or _answers_the_interrupted(turn, understood, text):
        turn.state.noinputs = turn.state.nomatches = 0
        interpretation.run(turn)
    elif understood.is_unknown_doctor:
        not_understood(turn, "unknown_doctor")
    elif _asks_why(turn, text):
        commands.handle(turn, "help")
    else:
        # "Я хочу записаться", said once more where it is being done, is no riddle.
        not_understood(turn, is_known=understood.intent in turn.form.wishes and not turn.is_in_doubt)


def _answers_the_interrupted(turn: Turn, understood: Understood, text: str) -> bool:
    """ "Адрес какого филиала назвать?" - "На завтра": the answer to what was asked before; the digression is given up."""
    before = turn.state
    if not before.stack or before.stack[-1].returns_to or not understood.slots.keys() - {"yes_no", "ordinal"}:
        return False
    turn.state = before.copy()
    acts = len(turn.acts)
    moving.abandon(turn)
    turn.state.item = turn.state.focus
    if answers.take(turn, understood, text):
        return True
    turn.state = before
    del turn.acts[acts:]
    return False


def _asks_why(turn: Turn, text: str) -> bool:
    """ "А зачем вам моя фамилия?", "не буду называть": the question's own help tells what it is for."""
    one = turn.field_of(turn.state.item) if turn.state.item else None
    return one is not None and bool(one.help) and _WHY.search(normalise(text)) is not None


def _is_option(turn: Turn, understood: Understood, text: str) -> bool:
    """ "Ещё раз" is no wish for a repetition, "все" is no goodbye where it is one of the answers.

    A human and help in danger are always served; but "перезвоните мне" is an answer where the question lists these words.
    """
    one = turn.field_of(turn.state.item) if turn.state.item else None
    if one is None or understood.intent == "emergency":
        return False
    if _is_listed(one, text):
        return True
    if understood.intent in ("operator", "upset"):
        return False
    if normalise(text) in map(normalise, one.any) or answers.is_also_no(one, text):
        return True
    return bool(one.options) and choices.choose_option(one.options, text, {}, turn.understanding) is not None


def _is_listed(field: FieldItem, text: str) -> bool:
    """Whether the question itself lists this answer, word for word."""
    return normalise(text) in {normalise(phrase) for option in field.options for phrase in option.phrases}


def _best(turn: Turn, event: Heard) -> tuple[str, Understood]:
    several = hypotheses.read(turn.understanding, event.alternatives, turn.state.expect, turn.now)
    turn.likely_doctors = half_heard.doctors_in(several, turn.state.expect, turn.renderer.catalogue)
    best = hypotheses.best(
        several,
        turn.state.expect,
        lambda one: _fits(turn, one),
        lambda one: _is_option(turn, one.understood, one.text),
    )
    return best.text, best.understood


def _fits(turn: Turn, one: Hypothesis) -> bool:
    """Whether a hypothesis answers the question: with a value, or with words that the field itself lists."""
    expect = turn.state.expect
    if expect is not None and turn.understanding.answers(one.understood, expect, one.text):
        return True
    return _is_option(turn, one.understood, one.text)


def _served(turn: Turn, understood: Understood, text: str) -> bool:
    if details.is_wrong_number(normalise(text)) and not (turn.has_request or turn.state.outcome):
        turn.message("goodbye")
        ending.end(turn, "off_topic", "wrong_number")
        return True
    if turn.state.wish is not None and _answer_wish(turn, understood):
        return True
    if turn.state.doubt is not None and doubts.answer(turn, understood, text):
        return True
    if _asks_two(turn, text) or _opens_digression(turn, understood, text) or _wants_another_form(turn, understood, text):
        return True
    if answers.take(turn, understood, text):
        _acknowledge_changes(turn)
        if "doctor" in understood.slots or "doctor" in understood.ambiguous:
            doubts.ask_of_half_heard(turn, text, is_answered=True)  # the day was heard, the doctor was not
        return True
    return _opens(turn, understood, text) or doubts.ask_of_half_heard(turn, text)


def _wants_another_form(turn: Turn, understood: Understood, text: str) -> bool:
    """ "Да, ещё хочу отменить запись": the wish says more than the yes."""
    one = turn.field_of(turn.state.item) if turn.state.item else None
    if one is None or answers.is_also_no(one, text) or understood.intent in ("yes", "no", "none"):
        return False
    if understood.intent == "off_topic":
        return one.type == "request" and _opens(turn, understood, text)  # "какая завтра погода" tells no day
    if one.type in ("yes_no", "request") or _declines_the_call_back(turn, one, understood, text):
        return _opens(turn, understood, text)
    # "О каком враче рассказать?" - "Запишите на среду": no answer to a question in between, which is left.
    is_left = turn.form.digression and turn.plans.form_for(understood.intent) is not None
    return is_left and not _is_answer(turn, one, understood, text) and _opens(turn, understood, text)


def _is_answer(turn: Turn, one: FieldItem, understood: Understood, text: str) -> bool:
    """Whether a phrase has what the question asks for, or one of the things that a subject may be."""
    types = {field.type for field in turn.form.fields() if field.field in one.fills}
    if types & (understood.slots.keys() | understood.ambiguous.keys()):
        return True
    return turn.state.expect is not None and turn.understanding.answers(understood, turn.state.expect, text)


def _declines_the_call_back(turn: Turn, one: FieldItem, understood: Understood, text: str) -> bool:
    """No human could come, and "нет, тогда сами отмените" is said: the robot goes on."""
    if turn.state.form != turn.plans.application.transfer_failed or _is_listed(one, text):
        return False
    option = choices.choose_option(one.options, text, understood.slots, turn.understanding)
    return option is None or option.means == "no"


def _acknowledge_changes(turn: Turn) -> None:
    """A correction is answered at once, so that the caller hears that it was taken."""
    if turn.changes and turn.state.item and not turn.is_over:
        turn.message("changed")


def _opens_digression(turn: Turn, understood: Understood, text: str) -> bool:
    """ "А сколько это стоит?" in the middle of another form."""
    form = turn.plans.form_for(understood.intent)
    if form is None or not form.digression or form.form == turn.state.form:
        return False
    one = turn.field_of(turn.state.item) if turn.state.item else None
    if one is not None and _is_listed(one, text):
        return False
    is_free = one is not None and one.type == "free"
    if is_free and understood.intent_confidence < turn.plans.application.confirm_below.high:
        return False  # anything may be the answer here: only a sure wish is another matter
    return _open(turn, understood, form, text)


def _opens(turn: Turn, understood: Understood, text: str) -> bool:
    """The caller wants something that another form serves, or that none does."""
    intent = understood.intent
    form = turn.plans.form_for(intent)
    if form is not None:
        if form.form == turn.state.form:
            return False
        return _open(turn, understood, form, text)
    if intent in ("none", "yes", "no") or understood.intent_confidence < turn.plans.application.reject_below:
        return False
    if intent == "off_topic":
        return understood.intent_confidence >= turn.plans.application.off_topic_above and _off_topic(turn)
    turn.state.session["intent"] = intent
    if turn.state.form == turn.plans.application.unserved:
        return False
    moving.enter(turn, turn.plans.application.unserved)
    return True


def _off_topic(turn: Turn) -> bool:
    """Say politely what we are for; a call that never had a request is closed after some turns, and counted so."""
    application, state = turn.plans.application, turn.state
    state.off_topics += 1
    is_served = turn.has_request or state.outcome not in ("", "off_topic")
    if state.off_topics >= application.limits.off_topic and not is_served:
        turn.message("off_topic_goodbye" if application.messages.off_topic_goodbye else "goodbye")
        ending.end(turn, state.outcome or "off_topic", "off_topic")
        return True
    if not application.messages.off_topic:
        if state.form == application.unserved:
            return False
        state.session["intent"] = "off_topic"
        moving.enter(turn, application.unserved)
        return True
    state.troubles += 1
    if state.troubles >= application.limits.trouble:
        ending.give_up(turn, "trouble", "handover")
        return True
    turn.message("off_topic")
    ask_question_again(turn)
    return True


def _answer_wish(turn: Turn, understood: Understood) -> bool:
    """The answer to "вы хотите отменить запись?": a yes opens the form with all that was told before."""
    wish = turn.state.wish
    assert wish is not None
    said = understood.slots.get("yes_no")
    other = turn.plans.form_for(understood.intent)
    # "Речь о вашей записи, верно?" - "Зайцева Дарья": who says whose it is agrees.
    if said is True or (other is not None and other.form == wish.form) or (said is None and "name" in understood.slots):
        turn.state.wish = None
        form = turn.plans.forms[wish.form]
        named = wish.understood.named | (understood.slots.keys() & {"name"})
        told = replace(wish.understood, slots={**wish.understood.slots, **_without_answer(understood)}, named=named)
        _enter(turn, told, form, wish.text)
        return True
    if said is False and other is None and not _without_answer(understood):
        turn.state.wish = None
        ask_question_again(turn)
        return True
    return False


def _without_answer(understood: Understood) -> dict[str, Any]:
    return {name: value for name, value in understood.slots.items() if name not in ("yes_no", "ordinal")}


def _open(turn: Turn, understood: Understood, form: Form, text: str) -> bool:
    """Enter a form, or ask first whether it is meant; return whether the wish counts at all."""
    decision = policy_of_wish(form, understood.intent_confidence, turn.stage(), turn.plans.application)
    if decision is Policy.REJECT:
        return False
    if decision is Policy.CONFIRM:
        turn.doubt_wish(Wish(form.form, understood, text))
    else:
        _enter(turn, understood, form, text)
    return True


def _answers_and_asks(turn: Turn, text: str) -> bool:
    """ "Иванова Мария, а паспорт брать с собой?": the answer is taken, then the question in between is served."""
    both = two_wishes.beside_answer(turn, text)
    if both is None:
        return False
    (answer, said), question = both
    if answers.take(turn, answer, said) and not turn.is_over:
        _enter(turn, question.understood, turn.plans.forms[question.form], question.text)
    return True


def _leave_word(turn: Turn, understood: Understood, form: Form) -> None:
    """ "На завтра, а сколько стоит?": what was asked is answered before the question in between, which has no use for it."""
    one = turn.field_of(turn.state.item) if turn.state.item else None
    if one is None or turn.is_in_doubt:
        return
    kind = "ordinal" if one.type == "choice" and one.from_ else one.type
    is_answer = kind in _ANSWERS and kind in understood.slots
    if is_answer and kind not in {other.type for other in form.fields()}:
        told = Understood("none", {kind: understood.slots[kind]}, understood.confidence, sureness=understood.sureness)
        answers.take(turn, told, "")


def _asks_two(turn: Turn, text: str) -> bool:
    """ "Сколько стоит узи почек и как готовиться": both are answered, one after the other."""
    two = two_wishes.of(turn, text)
    if two is None:
        return _answers_and_asks(turn, text)
    first, second = two
    _enter(turn, second.understood, turn.plans.forms[second.form], second.text)
    _enter(turn, first.understood, turn.plans.forms[first.form], first.text, is_first=True)
    return True


def _enter(turn: Turn, understood: Understood, form: Form, text: str, *, is_first: bool = False) -> None:
    """Enter a form with what the same phrase already told, and what the interrupted form knows."""
    is_digression = form.digression and bool(turn.state.form)
    turn.state.session.update(intent=understood.intent, said=text, said_ordinal=details.ordinal(normalise(text)))
    if turn.state.request_started_at is None:
        moving.renew(turn)
    if moving.back_to(turn, form.form):
        pass  # "да, запишите" in a question asked while booking: the booking goes on with what it knows
    elif is_digression:
        _leave_word(turn, understood, form)
        moving.digress(turn, form.form, dict(turn.state.slots), is_first=is_first)
    else:
        moving.enter(turn, form.form)
    if is_digression and (understood.slots.keys() | understood.ambiguous.keys()) & SUBJECT_SLOTS:
        # The question names its own subject: the interrupted form's does not count. A branch tells where, not what.
        for one in turn.form.fields():
            if one.type in _OF_THE_SUBJECT:
                turn.state.slots.pop(one.field, None)
    if understood.is_unknown_doctor and not turn.likely_doctors:
        turn.message("unknown_doctor")
    answers.take(turn, understood, text)
    doubts.ask_of_half_heard(turn, text, is_answered=True)
    turn.changes.clear()
