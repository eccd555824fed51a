"""Options of a choice that callers name without being asked: "запишите сына к лору" says for whom at once."""

from voicebot.dialog import values
from voicebot.dialog.state import Slot
from voicebot.dialog.turn import Turn
from voicebot.russian.text import normalise


def take(turn: Turn, text: str) -> bool:
    """Fill the open `anytime` choices whose phrases stand in the text, word by word; return whether there was any.

    The longest phrase counts. Nothing fuzzy: it must not be heard into a phrase that speaks of something else.
    """
    plain = f" {normalise(text)} "
    took = False
    for one in turn.form.fields():
        if not one.anytime or one.field in turn.state.slots or one.field == turn.state.item:
            continue
        said = [
            (len(phrase), option)
            for option in one.options
            for phrase in map(normalise, option.phrases)
            if phrase and f" {phrase} " in plain
        ]
        if said:
            option = max(said, key=lambda pair: pair[0])[1]
            values.fill(turn, one.field, Slot(option.value, option.label or option.phrases[0]))
            took = True
    return took
