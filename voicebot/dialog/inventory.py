"""What dialplans will say and listen for, known before the first call: prompts to render, grammars to prove."""

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from voicebot.dialog.expectations import expect_for
from voicebot.dialog.schema import Dialplans, Prompt
from voicebot.dialog.understanding import Understanding

_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+")


def fixed_sentences(plans: Dialplans) -> list[str]:
    """Return every sentence without a placeholder, as the engine will say it, each once."""
    found: dict[str, None] = {}
    for prompt in _prompts(plans):
        for text in prompt.texts():
            for sentence in _SENTENCE_END.split(" ".join(text.split())):
                if sentence and "{" not in sentence and "}" not in sentence:
                    found[sentence] = None
    return list(found)


def grammars(plans: Dialplans, understanding: Understanding) -> dict[str, tuple[str, ...]]:
    """Return field ("form.field") -> the phrases of its runtime grammar, apart from what is offered at run time."""
    return {
        f"{form.form}.{field.field}": expect_for(field, plans.application, understanding, ()).grammar
        for form in plans.forms.values()
        for field in form.fields()
    }


def own_words(plans: Dialplans) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return (form, field) -> the words that the dialplan itself expects there, each once."""
    found = {}
    for form in plans.forms.values():
        for field in form.fields():
            phrases = [phrase for option in field.options for phrase in option.phrases] + list(field.any)
            if phrases:
                words = re.findall(r"[а-яё]+", " ".join(phrases).lower())
                found[form.form, field.field] = tuple(dict.fromkeys(words))
    return found


def _prompts(value: Any) -> Iterator[Prompt]:
    if isinstance(value, Prompt):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _prompts(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _prompts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _prompts(item)
