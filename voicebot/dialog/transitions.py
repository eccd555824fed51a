"""How forms lead to one another: by what is done, by subdialogs, by what callers wish. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from voicebot.dialog.schema import Action, AnyItem, Dialplans, FieldItem, Form, ObjectItem, SubdialogItem, item_id


class Kind(StrEnum):
    GOTO = "goto"
    SUBDIALOG = "subdialog"
    TRANSFER = "transfer"  # to a human; `target` is "", `label` the reason
    DISCONNECT = "disconnect"  # `label` is the outcome
    RETURN = "return"
    DONE = "done"  # no item is left: the form that follows


@dataclass(frozen=True, slots=True)
class Transition:
    """`item` of `form` leads to the form or item (`#item`) `target`."""

    form: str
    item: str
    kind: Kind
    target: str = ""
    label: str = ""  # when: an error's name, "nothing left to offer"


def transitions(plans: Dialplans) -> list[Transition]:
    """Return every way out of every item, each once, in the dialplans' order."""
    found: dict[Transition, None] = {}
    for form in plans.forms.values():
        for item in form.items:
            for transition in _of_item(form, item):
                found[transition] = None
        if not _never_done(form):
            found[Transition(form.form, item_id(form.items[-1]), Kind.DONE, plans.application.after)] = None
    return list(found)


def reachable(plans: Dialplans) -> frozenset[str]:
    """Return the forms that a dialog can come to."""
    application = plans.application
    reached: set[str] = set()
    open_ = [application.start, *application.also_start, application.after, application.transfer_failed, application.unserved]
    open_ += [form.form for form in plans.forms.values() if form.wishes]
    ways = transitions(plans)
    while open_:
        name = open_.pop()
        if name in reached or name not in plans.forms:
            continue
        reached.add(name)
        open_ += [way.target for way in ways if way.form == name and way.kind in (Kind.GOTO, Kind.SUBDIALOG, Kind.DONE)]
    return frozenset(reached)


def groups_of(item: AnyItem) -> Iterator[tuple[str, Sequence[Action]]]:
    """Yield (when, actions) of all executable content of an item; "" is its filling."""
    yield "", item.filled
    if isinstance(item, FieldItem):
        yield from (("exhausted", item.exhausted), ("earlier", item.earlier), ("later", item.later))
    if isinstance(item, ObjectItem):
        yield from item.catch.items()


def _of_item(form: Form, item: AnyItem) -> Iterator[Transition]:
    name = item_id(item)
    if isinstance(item, SubdialogItem):
        yield Transition(form.form, name, Kind.SUBDIALOG, item.form)
    for when, actions in groups_of(item):
        yield from _of_actions(form.form, name, when, actions)


def _of_actions(form: str, item: str, when: str, actions: Sequence[Action]) -> Iterator[Transition]:
    for action in actions:
        if action.goto is not None:
            yield Transition(form, item, Kind.GOTO, action.goto, when)
        elif action.transfer is not None:
            yield Transition(form, item, Kind.TRANSFER, action.transfer.to, action.transfer.reason)
        elif action.disconnect is not None:
            yield Transition(form, item, Kind.DISCONNECT, "", action.disconnect)
        elif action.return_:
            yield Transition(form, item, Kind.RETURN, "", when)
        yield from _of_actions(form, item, when, action.then)
        yield from _of_actions(form, item, when, action.else_)


def _never_done(form: Form) -> bool:
    """Whether the last item always moves on by itself: the form cannot simply come to its end."""
    last = form.items[-1]
    return not last.cond and any(_moves(action) for action in last.filled)


def _moves(action: Action) -> bool:
    if action.if_ is not None:
        return bool(action.else_) and any(map(_moves, action.then)) and any(map(_moves, action.else_))
    return any(value is not None for value in (action.goto, action.transfer, action.disconnect, action.return_))
