"""Phone numbers hidden from those who do not need them: in a dialog's head, its slots, keys and texts. Pure.

What a patient dictated stays readable otherwise: the quality department needs the words around it.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from voicebot.records.dialogs import Dialog, HeardAs, Turn, mask_phone
from voicebot.russian.numbers import numeral_at
from voicebot.russian.text import words

HIDDEN = "[номер]"
_LEAST_DIGITS = 7  # of a phone number; a birth date in words has fewer in a row
_TOKEN = re.compile(r"[\w+]+")
_FIGURES = re.compile(r"\+?\d[\d\s()\-–.]{5,}\d")
_DATE = re.compile(r"(\d{4}-\d\d-\d\d|\d{1,2}\.\d{1,2}\.\d{4})( \d\d)?")
_BETWEEN = frozenset({"и", "потом", "дальше", "далее", "затем", "тире", "плюс", "код", "ну", "вот", "так"})
_PHONE_SLOTS = frozenset({"phone", "caller_phone", "телефон"})


def masked(dialog: Dialog) -> Dialog:
    """Return a dialog as it is shown to a role without SEE_PHONES."""
    return replace(
        dialog,
        caller_phone=mask_phone(dialog.caller_phone),
        summary=_slots(dialog.summary),
        turns=tuple(masked_turn(turn) for turn in dialog.turns),
    )


def masked_turn(turn: Turn) -> Turn:
    """Return a turn without phone numbers."""
    alternatives: list[HeardAs] = [{**one, "text": masked_text(one.get("text", ""))} for one in turn.alternatives]
    return replace(
        turn,
        text=masked_text(turn.text),
        played_text=None if turn.played_text is None else masked_text(turn.played_text),
        alternatives=tuple(alternatives),
        slots=_slots(turn.slots),
        digits=mask_phone(turn.digits) if len(turn.digits) >= _LEAST_DIGITS else turn.digits,
    )


def masked_text(text: str) -> str:
    """Hide runs of seven digits and more, in figures or dictated: "восемь девятьсот шестнадцать ..."."""
    text = _FIGURES.sub(_figures, text)
    spans = [match.span() for match in _TOKEN.finditer(text)]
    said = [" ".join(words(text[start:end])) for start, end in spans]
    hidden: list[tuple[int, int]] = []
    index = 0
    while index < len(said):
        end, digits = _run(said, index)
        if digits >= _LEAST_DIGITS:
            hidden.append((spans[index][0], spans[end - 1][1]))
        index = max(end, index + 1)
    for start, stop in reversed(hidden):
        text = text[:start] + HIDDEN + text[stop:]
    return text


def _figures(found: re.Match[str]) -> str:
    written = found.group()
    is_phone = sum(map(str.isdigit, written)) >= _LEAST_DIGITS and not _DATE.fullmatch(written)
    return HIDDEN if is_phone else written


def _run(said: list[str], first: int) -> tuple[int, int]:
    """Return (where a run of dictated digits that begins at `first` ends, how many digits it has)."""
    end = index = first
    digits = 0
    while index < len(said):
        numeral = None if said[index].isdigit() else numeral_at(said, index)  # figures are seen to
        if numeral is not None and not numeral.is_half_more and not numeral.is_ordinal:  # ordinals are dates
            digits += len(numeral.digits or str(numeral.value))
            end = index = numeral.end
        elif said[index] in _BETWEEN:
            index += 1
        else:
            break
    return end, digits


def _slots(slots: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _slot(name, value) for name, value in slots.items()}


def _slot(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return mask_phone(value) if name in _PHONE_SLOTS else masked_text(value)
