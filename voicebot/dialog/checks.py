"""Cross-checks of dialplans: everything that one name may say about another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from voicebot.dialog import expressions, placeholders
from voicebot.dialog.placeholders import Placeholder
from voicebot.dialog.schema import (
    DICTATED,
    Action,
    Application,
    BlockItem,
    Document,
    FieldItem,
    Form,
    ObjectItem,
    Prompt,
    SubdialogItem,
    item_id,
)
from voicebot.errors import ConfigurationError

Path = tuple[int | str, ...]

#: Variables the engine provides to every dialplan.
SESSION = frozenset(
    {
        "caller_phone",
        "channel",
        "dialog_id",
        "intent",
        "transfer_result",
        "transfer_tries",
        "operators_open",
        "interrupted",
        "said_tests",
        "said_services",
        "said_ordinal",
        "said",
        "unwanted",
        "error",
        "outcome",
        "today",
        "branches",
        "lab_branches",
        "clinic_phone",
        "partial",
    }
)
#: Keys that a dialplan may give a meaning: 0 is the operator, * is "again", # ends a number.
_FREE_KEYS = tuple("123456789")
#: What a message of the application may speak of, besides the session.
MESSAGE_VALUES = {"which": {"options"}, "confirm": {"value"}}


@dataclass(frozen=True, slots=True)
class Problem:
    path: Path  # within the document
    message: str
    cure: str


def check_document(
    document: Document, application: Application, forms: Mapping[str, Form], services: Mapping[str, type[BaseModel]]
) -> Iterator[Problem]:
    """Yield what is wrong in one file, given all the others."""
    if document.application is not None:
        yield from _check_application(document.application, forms)
    for index, form in enumerate(document.forms):
        yield from _FormCheck(form, ("forms", index), application, forms, services).run()


def _check_application(application: Application, forms: Mapping[str, Form]) -> Iterator[Problem]:
    for word in ("start", "after", "transfer_failed", "unserved"):
        name = getattr(application, word)
        if name not in forms:
            yield Problem(
                ("application", word), f"{word} names the form {name!r}, which does not exist", _known("Forms", forms)
            )
    for index, name in enumerate(application.also_start):
        if name not in forms:
            yield Problem(
                ("application", "also_start", index),
                f"also_start names the form {name!r}, which does not exist",
                _known("Forms", forms),
            )
    for name in application.notice:
        if name not in set(_opening_prompts(forms)):
            yield Problem(
                ("application", "notice"),
                f"no block says a prompt that the records call {name!r}",
                _known("Blocks", set(_opening_prompts(forms))),
            )
    known = SESSION | set(application.vars)
    for message in type(application.messages).model_fields:
        allowed = known | MESSAGE_VALUES.get(message, set())
        for prompt in getattr(application.messages, message):
            yield from _check_prompt(prompt, ("application", "messages", message), allowed)


def _opening_prompts(forms: Mapping[str, Form]) -> Iterator[str]:
    """Names of what blocks say: an announcement is a block's, a question may be skipped."""
    for form in forms.values():
        for item in form.items:
            if isinstance(item, BlockItem):
                yield from (prompt.name or f"{form.form}.{item_id(item)}" for prompt in item.prompt)


def _known(what: str, names: Mapping[str, Any] | list[str] | set[str] | frozenset[str]) -> str:
    return f"{what} here: {', '.join(sorted(names)) or 'none'}."


def _check_expression(text: str, path: Path, known: frozenset[str] | set[str]) -> Iterator[Problem]:
    if not text:
        return
    try:
        read = set(expressions.names(text))
    except ConfigurationError as error:
        yield Problem(path, error.message.rstrip("."), error.cure)
        return
    for name in sorted(read - known):
        yield Problem(path, f"{text!r} reads {name!r}, which is not defined", _known("Names", set(known)))


def _check_prompt(prompt: Prompt, path: Path, known: frozenset[str] | set[str]) -> Iterator[Problem]:
    yield from _check_expression(prompt.cond, path, known)
    for text in prompt.texts():
        try:
            holders = list(placeholders.find(text))
        except ConfigurationError as error:
            yield Problem(path, error.message.rstrip("."), error.cure)
            continue
        if any(character.isdigit() for character in placeholders.without(text)):
            yield Problem(
                path, f"the prompt {text[:40]!r} holds digits, which a voice cannot inflect", "Write numbers as words."
            )
        yield from _check_holders(holders, path, known)
    for text in prompt.written_texts() if prompt.written is not None else ():
        try:
            yield from _check_holders(list(placeholders.find(text)), path, known)
        except ConfigurationError as error:
            yield Problem(path, error.message.rstrip("."), error.cure)
        if "+" in placeholders.without(text):
            yield Problem(path, f"`written` {text[:40]!r} holds stress marks, which nobody reads", "Leave the + out.")


def _check_holders(holders: list[Placeholder], path: Path, known: frozenset[str] | set[str]) -> Iterator[Problem]:
    for holder in holders:
        if holder.root not in known:
            yield Problem(path, f"the prompt speaks of {{{holder.root}}}, which is not defined", _known("Names", set(known)))


class _FormCheck:
    def __init__(
        self,
        form: Form,
        path: Path,
        application: Application,
        forms: Mapping[str, Form],
        services: Mapping[str, type[BaseModel]],
    ) -> None:
        self.form = form
        self.path = path
        self.forms = forms
        self.services = services
        self.ids = form.ids()
        self.known = SESSION | set(application.vars) | set(form.vars) | set(self.ids)
        self.fields = {field.field for field in form.fields()}

    def run(self) -> Iterator[Problem]:
        for name, expression in self.form.vars.items():
            yield from _check_expression(expression, (*self.path, "vars", name), self.known)
        for index, item in enumerate(self.form.items):
            path = (*self.path, "items", index)
            if self.ids.index(item_id(item)) != index:
                yield Problem(path, f"two items are called {item_id(item)!r}", "Rename one.")
            yield from _check_expression(item.cond, (*path, "cond"), self.known)
            yield from self._references(item.depends, (*path, "depends"))
            yield from self._actions(item.filled, (*path, "filled"))
            match item:
                case BlockItem():
                    yield from self._prompts(item.prompt, (*path, "prompt"))
                case FieldItem():
                    yield from self._field(item, path)
                case ObjectItem():
                    yield from self._object(item, path)
                case SubdialogItem():
                    yield from self._subdialog(item, path)

    def _field(self, field: FieldItem, path: Path) -> Iterator[Problem]:
        for word in ("prompt", "noinput", "nomatch", "help", "acknowledge", "confirm_prompt", "partial"):
            yield from self._prompts(getattr(field, word), (*path, word))
        yield from _check_expression(field.expr, (*path, "expr"), self.known)
        yield from _check_expression(field.on_yes, (*path, "on_yes"), self.known)
        yield from _check_expression(field.told_from, (*path, "told_from"), self.known)
        yield from _check_expression(field.from_ or "", (*path, "from"), self.known)
        yield from self._references(field.fills, (*path, "fills"))
        yield from self._references(field.replaces, (*path, "replaces"))
        yield from self._references(field.beside, (*path, "beside"))
        yield from self._actions(field.exhausted, (*path, "exhausted"))
        if field.type == "choice" and bool(field.options) == bool(field.from_):
            yield Problem(path, f"the choice {field.field!r} needs either options or from", "Give exactly one of them.")
        yield from self._actions(field.earlier, (*path, "earlier"))
        yield from self._actions(field.later, (*path, "later"))
        for key in field.dtmf:
            if field.type in DICTATED:
                yield Problem((*path, "dtmf", key), f"{field.field!r} collects the digits of a {field.type}", "Remove dtmf.")
            elif key not in _FREE_KEYS:
                yield Problem((*path, "dtmf", key), f"the key {key!r} is not free", f"Use one of {', '.join(_FREE_KEYS)}.")
        if field.anytime and not field.options:
            yield Problem((*path, "anytime"), f"{field.field!r} has no options to be said at any time", "Give options.")
        if field.type != "choice" and (field.options or field.from_):
            yield Problem(path, f"options and from belong to type choice, {field.field!r} is {field.type}", "Change the type.")
        if field.type == "subject" and not field.fills:
            yield Problem(path, f"the subject {field.field!r} fills nothing", "Name the fields in `fills`.")
        if field.others and (field.type != "subject" or field.others not in self.form.vars):
            yield Problem((*path, "others"), f"{field.others!r} is no variable for a subject", "Declare it in `vars`.")
        if field.confirm != "never" and field.type in ("yes_no", "choice", "subject", "correction", "request"):
            yield Problem((*path, "confirm"), f"a {field.type} cannot be confirmed", "Remove confirm.")
        for index, option in enumerate(field.options):
            if not all(phrase.strip() for phrase in option.phrases):
                yield Problem((*path, "options", index), "the option's grammar is empty", "Give words that callers say.")

    def _object(self, item: ObjectItem, path: Path) -> Iterator[Problem]:
        yield from self._prompts(item.prompt, (*path, "prompt"))
        yield from self._call(item.service, item.arguments, path, "service")
        for error, actions in item.catch.items():
            yield from self._actions(actions, (*path, "catch", error))
        if item.undo is not None:
            yield from self._call(item.undo.object, item.undo.arguments, (*path, "undo"), "object")

    def _subdialog(self, item: SubdialogItem, path: Path) -> Iterator[Problem]:
        called = self.forms.get(item.form)
        if called is None:
            yield Problem((*path, "form"), f"there is no form {item.form!r} to call", _known("Forms", self.forms))
            return
        if _calls(called, self.form.form, self.forms, frozenset()):
            yield Problem(
                (*path, "form"), f"the form {item.form!r} leads back to {self.form.form!r}", "Call no form in a circle."
            )
        takes = {field.field for field in called.fields()} | set(called.vars)
        for name, expression in item.arguments.items():
            if name not in takes:
                yield Problem(
                    (*path, "arguments", name),
                    f"the form {item.form} has no field and no variable {name!r}",
                    _known("Names", takes),
                )
            yield from _check_expression(expression, (*path, "arguments", name), self.known)

    def _call(self, service: str, arguments: Mapping[str, str], path: Path, key: str) -> Iterator[Problem]:
        model = self.services.get(service)
        if model is None:
            yield Problem((*path, key), f"there is no service {service!r}", _known("Services", self.services))
            return
        for name, expression in arguments.items():
            if name not in model.model_fields:
                yield Problem(
                    (*path, "arguments", name),
                    f"the service {service} has no argument {name!r}",
                    _known("Arguments", list(model.model_fields)),
                )
            yield from _check_expression(expression, (*path, "arguments", name), self.known)
        for name, info in model.model_fields.items():
            if info.is_required() and name not in arguments:
                yield Problem(path, f"the service {service} needs the argument {name!r}", "Add it under `arguments`.")

    def _prompts(self, prompts: list[Prompt], path: Path) -> Iterator[Problem]:
        for prompt in prompts:
            yield from _check_prompt(prompt, path, self.known)

    def _references(self, names: list[str], path: Path) -> Iterator[Problem]:
        for name in names:
            if name not in self.ids:
                yield Problem(path, f"{name!r} is no item of the form {self.form.form!r}", _known("Items", self.ids))

    def _actions(self, actions: list[Action], path: Path) -> Iterator[Problem]:
        for index, action in enumerate(actions):
            here = (*path, index)
            yield from self._prompts(action.prompt or [], here)
            yield from self._references(action.clear or [], here)
            for name, expression in (action.assign or {}).items():
                if name not in self.known:
                    yield Problem(here, f"{name!r} is assigned, but is no variable and no item", "Declare it in `vars`.")
                yield from _check_expression(expression, here, self.known)
            if action.goto is not None:
                yield from self._goto(action.goto, here)
            if action.if_ is not None:
                yield from _check_expression(action.if_, here, self.known)
                yield from self._actions(action.then, (*here, "then"))
                yield from self._actions(action.else_, (*here, "else"))

    def _goto(self, target: str, path: Path) -> Iterator[Problem]:
        if target.startswith("#"):
            yield from self._references([target[1:]], path)
        elif target not in self.forms:
            yield Problem(path, f"goto names the form {target!r}, which does not exist", _known("Forms", self.forms))


def _calls(form: Form, name: str, forms: Mapping[str, Form], seen: frozenset[str]) -> bool:
    """Whether a form calls another as a subdialog, itself or through others."""
    if form.form == name:
        return True
    called = [item.form for item in form.items if isinstance(item, SubdialogItem) and item.form in forms]
    return any(_calls(forms[one], name, forms, seen | {form.form}) for one in called if one not in seen)


def prompts_of_form(form: Form) -> Iterator[tuple[str, Prompt]]:
    """Yield (default name, prompt) of everything a form can say."""
    for item in form.items:
        name = f"{form.form}.{item_id(item)}"
        if not isinstance(item, SubdialogItem):
            for prompt in item.prompt:
                yield name, prompt
        groups = [("filled", item.filled)]
        if isinstance(item, FieldItem):
            for word in ("noinput", "nomatch", "help", "acknowledge", "confirm_prompt", "partial"):
                for prompt in getattr(item, word):
                    yield f"{name}.{word}", prompt
            groups += [("exhausted", item.exhausted), ("earlier", item.earlier), ("later", item.later)]
        if isinstance(item, ObjectItem):
            groups += list(item.catch.items())
        for word, actions in groups:
            for prompt in _prompts_of(actions):
                yield f"{name}.{word}", prompt


def _prompts_of(actions: list[Action]) -> Iterator[Prompt]:
    for action in actions:
        yield from action.prompt or []
        yield from _prompts_of(action.then)
        yield from _prompts_of(action.else_)
