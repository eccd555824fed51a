"""What is allowed in dialplans but will disappoint callers: forms nobody reaches, wishes nobody serves, questions that repeat
themselves, answers that collide, examples that mean something else. Findings name file, line and cure; none stops the robot.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from voicebot.dialog import commands, placeholders, transitions
from voicebot.dialog.checks import Problem, prompts_of_form
from voicebot.dialog.expectations import expect_for
from voicebot.dialog.schema import Dialplans, FieldItem, Form
from voicebot.dialog.understanding import Understanding
from voicebot.russian.text import normalise

#: A prompt of more letters takes more than twenty seconds to say.
_LONGEST_PROMPT = 280
#: Filters that speak of one type of value: another type's field cannot fill them.
_OF_TYPE = ("doctor", "speciality", "service", "test", "branch", "faq", "phone", "name")
#: Intents of every clinic that the `unserved` form or the engine itself answers.
_NO_FORM_NEEDED = commands.GLOBAL | {"yes", "no", "none", "off_topic", "answer"}
_SOME_MORNING = datetime(2026, 1, 12, 9, 0)  # noqa: DTZ001 - any day will do: no example speaks of one


@dataclass(frozen=True, slots=True)
class Finding:
    """`form` and `path` say where: the path is within the form."""

    form: str
    path: tuple[int | str, ...]
    message: str
    cure: str


def survey(plans: Dialplans, understanding: Understanding, taught: Iterable[str] = ()) -> list[Finding]:
    """Return what is worth a second look. `taught`: the intents that the clinic's phrases teach, if they are known."""
    return [
        *_unreachable(plans),
        *_wishes(plans, frozenset(taught)),
        *(finding for form in plans.forms.values() for finding in _of_form(form)),
        *_examples(plans, understanding),
        *_keys(plans, understanding),
    ]


def unserved(plans: Dialplans, taught: Iterable[str]) -> list[str]:
    """Intents that callers' phrases may mean but no form serves: the `unserved` form answers them all."""
    served = {wish for form in plans.forms.values() for wish in form.wishes}
    return sorted(set(taught) - served - _NO_FORM_NEEDED)


def _unreachable(plans: Dialplans) -> Iterator[Finding]:
    reached = transitions.reachable(plans)
    for name in plans.forms:
        if name not in reached:
            yield Finding(
                name, (), f"nothing leads to the form {name!r}", "Give it intents or examples, or go to it from another form."
            )


def _wishes(plans: Dialplans, taught: frozenset[str]) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for form in plans.forms.values():
        for wish in form.wishes:
            if wish in commands.GLOBAL:
                cure = "Remove it: the engine serves it at any moment."
                yield Finding(form.form, ("intents",), f"the intent {wish!r} never reaches a form", cure)
            elif wish in seen:
                cure = f"The form {seen[wish]!r} has it already and comes first."
                yield Finding(form.form, ("intents",), f"the intent {wish!r} opens another form", cure)
            elif taught and wish not in taught and not (form.examples and wish == form.wishes[0]):
                cure = "Add examples to the form, or phrases to understanding/*.yaml."
                yield Finding(form.form, ("intents",), f"no phrase teaches the intent {wish!r}", cure)
            seen.setdefault(wish, form.form)


def _of_form(form: Form) -> Iterator[Finding]:
    types: Mapping[str, str] = {field.field: field.type for field in form.fields()}
    for name, prompt in prompts_of_form(form):
        for text in prompt.texts():
            if len(placeholders.without(text)) > _LONGEST_PROMPT:
                yield Finding(form.form, (), f"the prompt {name} takes more than twenty seconds to say", "Shorten or split it.")
            for holder in placeholders.find(text):
                known = types.get(holder.root)
                if "." not in holder.path and known in _OF_TYPE and holder.filter in _OF_TYPE and holder.filter != known:
                    message = f"the prompt {name} speaks of {{{holder.root}}}, a {known}, as a {holder.filter}"
                    yield Finding(form.form, (), message, f"Write {{{holder.root}|{known}}}.")
    for index, item in enumerate(form.items):
        if isinstance(item, FieldItem):
            yield from _of_field(form, item, ("items", index))


def _of_field(form: Form, field: FieldItem, path: tuple[int | str, ...]) -> Iterator[Finding]:
    is_tapered = any(prompt.count > 1 for prompt in field.prompt)
    for word in ("noinput", "nomatch"):
        if field.prompt and not getattr(field, word) and not is_tapered:
            message = f"after a {word} {form.form}.{field.field} asks in the same words again"
            yield Finding(form.form, path, message, f"Add `{word}:` or a prompt with `count: 2`.")
    said: dict[str, str] = {}
    for number, option in enumerate(field.options):
        for phrase in map(normalise, option.phrases):
            if said.setdefault(phrase, option.value) != option.value:
                message = f"{phrase!r} means both {said[phrase]!r} and {option.value!r}"
                yield Finding(form.form, (*path, "options", number), message, "Leave it to one of them.")


def _examples(plans: Dialplans, understanding: Understanding) -> Iterator[Finding]:
    for form in plans.forms.values():
        for index, phrase in enumerate(form.examples):
            intent = understanding.understand(phrase, None, _SOME_MORNING).intent
            if intent not in form.wishes:
                message = f"the example {phrase!r} is understood as {intent!r}"
                yield Finding(form.form, ("examples", index), message, "Say it otherwise, or leave it out.")


def _keys(plans: Dialplans, understanding: Understanding) -> Iterator[Finding]:
    for form in plans.forms.values():
        for index, item in enumerate(form.items):
            if not isinstance(item, FieldItem):
                continue
            for key, phrase in item.dtmf.items():
                expect = expect_for(item, plans.application, understanding, ())
                if understanding.understand(phrase, expect, _SOME_MORNING).is_nothing and not item.options:
                    path = ("items", index, "dtmf", key)
                    yield Finding(
                        form.form, path, f"the key {key} stands for {phrase!r}, which means nothing", "Say it otherwise."
                    )


def problem_of(finding: Finding, index: int) -> Problem:
    """A finding as a place in the document of its file. `index`: the form's number in that file."""
    return Problem(("forms", index, *finding.path), finding.message, finding.cure)
