"""What a dialplan may say: VoiceXML 2.1's words (forms, items, prompts, executable content) as YAML.

A *form* is a list of items. The form interpretation algorithm (VoiceXML 2.1, appendix C) visits the first item that has
no value and whose `cond` holds, until none is left. Items are: `block` (speak), `field` (ask) and `object` (call a
service of the clinic). Lists of `Action` are executable content.
"""

from typing import Any

from voicebot.dialog.schema.actions import ACTION_VERBS, Action, Actions, TransferTo
from voicebot.dialog.schema.application import Application, Limits, Messages, Thresholds
from voicebot.dialog.schema.basis import Cost, Expression, Identifier, Strict
from voicebot.dialog.schema.forms import Form
from voicebot.dialog.schema.items import (
    DICTATED,
    FREELY_SAID,
    AnyItem,
    BlockItem,
    FieldItem,
    FieldType,
    Item,
    ObjectItem,
    Option,
    SubdialogItem,
    Undo,
    item_id,
)
from voicebot.dialog.schema.prompts import Prompt, Prompts

__all__ = [
    "ACTION_VERBS",
    "DICTATED",
    "FREELY_SAID",
    "Action",
    "Actions",
    "AnyItem",
    "Application",
    "BlockItem",
    "Cost",
    "Dialplans",
    "Document",
    "Expression",
    "FieldItem",
    "FieldType",
    "Form",
    "Identifier",
    "Item",
    "Limits",
    "Messages",
    "ObjectItem",
    "Option",
    "Prompt",
    "Prompts",
    "Strict",
    "SubdialogItem",
    "Thresholds",
    "TransferTo",
    "Undo",
    "item_id",
    "json_schema",
]


class Document(Strict):
    """One file."""

    application: Application | None = None
    forms: list[Form] = []


class Dialplans(Strict):
    """All files of a folder, checked against one another."""

    application: Application
    forms: dict[str, Form]

    def form(self, name: str) -> Form:
        return self.forms[name]

    def form_for(self, intent: str) -> Form | None:
        return next((form for form in self.forms.values() if intent in form.wishes), None)

    def examples(self) -> dict[str, tuple[str, ...]]:
        """What the dialplans themselves teach: intent -> phrases."""
        found: dict[str, list[str]] = {}
        for form in self.forms.values():
            if form.examples:
                found.setdefault(form.wishes[0], []).extend(form.examples)
        return {intent: tuple(dict.fromkeys(phrases)) for intent, phrases in found.items()}


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a dialplan file, for editors."""
    return Document.model_json_schema()
