"""Keys: zero is a human, star is "again"; else they answer the question."""

from typing import Any

from voicebot.dialog import answers, caller, choices, commands, doubts, interpretation, values
from voicebot.dialog.meaning import Meaning
from voicebot.dialog.recovery import not_understood
from voicebot.dialog.schema import FieldItem
from voicebot.dialog.state import Slot
from voicebot.dialog.turn import Turn
from voicebot.dialog.understanding import Understood
from voicebot.russian.birth import parse_birth_date


def keyed(turn: Turn, digits: str) -> Meaning:
    """The caller pressed keys."""
    state = turn.state
    meaning = Meaning("keys", {"keys": "*" * len(digits)}, 1.0)
    one = turn.field_of(state.item) if state.item else None
    if digits == "0":
        commands.handle(turn, "operator")
        interpretation.run(turn)
        return Meaning("operator", {}, 1.0)
    if digits == "*":
        commands.handle(turn, "repeat")
        interpretation.run(turn)
        return Meaning("repeat", {}, 1.0)
    state.repeats = 0
    if one is not None and digits in one.dtmf and not turn.is_in_doubt:
        return caller.say(turn, one.dtmf[digits])
    if state.wish is not None and digits in ("1", "2"):
        return caller.say(turn, "да" if digits == "1" else "нет")
    if one is not None and state.wish is None and _key_answer(turn, one, digits):
        state.noinputs = state.nomatches = 0
        interpretation.run(turn)
    else:
        not_understood(turn)
    return meaning


def _key_answer(turn: Turn, one: FieldItem, digits: str) -> bool:
    doubt = turn.state.doubt
    kind = one.type
    if doubt is not None:
        if len(doubt.candidates) > 1:
            if not digits.isdigit() or not 1 <= int(digits) <= len(doubt.candidates):
                return False
            slots: dict[str, Any] = {"ordinal": int(digits)}
            return doubts.answer(turn, Understood("none", slots, 1.0), "")
        kind = "yes_no"
    if kind == "yes_no":
        if digits not in ("1", "2"):
            return False
        understood = Understood("yes" if digits == "1" else "no", {"yes_no": digits == "1"}, 1.0)
        return doubts.answer(turn, understood, "") if doubt is not None else answers.take(turn, understood, "")
    if kind == "choice":
        chosen = choices.by_key(one, turn.page_of(one), digits)
        if chosen is None:
            return False
        if one.options:
            option = next(option for option in one.options if option.value == chosen)
            values.fill(turn, one.field, Slot(option.value, option.label or option.phrases[0]))
        else:
            answers.choose(turn, one, chosen, 1.0)
        return True
    if kind == "phone":
        phone = turn.understanding.phone_of_keys(digits)
        if phone is None:
            return False
        values.fill(turn, one.field, Slot(phone, turn.renderer.label("phone", phone, turn.now)))
        return True
    if kind == "birth_date":
        born = parse_birth_date(digits, turn.now.date())
        if born is None:
            return False
        values.fill(turn, one.field, Slot(born, turn.renderer.label("birth_date", born, turn.now)))
        return True
    return False
