"""Answers that a patient who reads may press: what each stands for is exact, a key or a phrase of the dialplan.

The counterpart of a grammar: hearing is told what may be said, a screen what may be pressed.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from voicebot.dialog.schema import DICTATED, FieldItem
from voicebot.dialog.state import Doubt, State
from voicebot.dialog.talking import Option
from voicebot.dialog.writing import Writer

YES, NO = Option("Да", keys="1"), Option("Нет", keys="2")
_MOST = 9  # keys of one digit
_MOST_NAMES = 6  # more of them are a list to be asked for, not buttons


def options_for(
    state: State, one: FieldItem | None, page: Sequence[Any], writer: Writer, now: datetime, *, takes_yes: bool
) -> tuple[Option, ...]:
    """Return what may be pressed at the question that is being asked. `page`: the entries on offer; `takes_yes`: a plain
    yes is a value (`on_yes`).
    """
    if state.wish is not None:
        return YES, NO
    if state.doubt is not None:
        return _of_doubt(state.doubt, writer, now)
    return () if one is None else tuple(_of_field(one, page, writer, now, takes_yes=takes_yes))[:_MOST]


def _of_doubt(doubt: Doubt, writer: Writer, now: datetime) -> tuple[Option, ...]:
    if len(doubt.candidates) == 1:
        return YES, NO
    among = [slot.value for slot in doubt.candidates]
    return tuple(Option(writer.label(doubt.type, value, among, now), keys=str(n)) for n, value in enumerate(among, 1))


def _of_field(one: FieldItem, page: Sequence[Any], writer: Writer, now: datetime, *, takes_yes: bool) -> Iterator[Option]:
    if one.type == "yes_no":
        yield YES
        yield NO
    elif one.options:
        for n, option in enumerate(one.options, 1):
            label = _capital(option.label or option.phrases[0])
            # A key that the dialplan gave another meaning is no number of an option.
            yield Option(label, says=option.phrases[0]) if str(n) in one.dtmf else Option(label, keys=str(n))
    elif one.from_ is not None:
        for n, entry in enumerate(page, 1):
            yield Option(writer.label(one.of, entry, page, now), keys=str(n))
        if page and (one.exhausted or len(page) == one.page):
            yield Option("Другие варианты", says="другие варианты")
    elif one.type == "branch" and len(writer.catalogue.branches) <= _MOST_NAMES:
        for branch in writer.catalogue.branches.values():
            yield Option(_capital(branch.name), says=branch.name)
    elif one.type not in DICTATED:
        for key, phrase in one.dtmf.items():
            yield Option(_capital(phrase), keys=key)
    if takes_yes and one.type != "yes_no":
        yield Option("Да", says="да")
    if one.any and one.type != "choice":
        yield Option(_capital(one.any_label), says=one.any[0])


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
