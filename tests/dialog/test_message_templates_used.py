"""Every message that a dialplan or the code queues has a template with the fields that come with it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from demo_clinic import DEMO

from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.services import SERVICES
from voicebot.clinic.visit_services import QueueMessage
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.schema import ObjectItem
from voicebot.messages.loading import load_templates
from voicebot.messages.senders.sender import Channel
from voicebot.messages.templates import Templates

CODE = Path(__file__).parents[2] / "voicebot"
#: What `queue_message` makes of a visit (visit_services._of_appointment).
OF_VISIT = {"appointment_id", "start", "doctor", "branch", "service"}


@pytest.fixture(scope="module")
def templates() -> Templates:
    return load_templates(DEMO / "messages", load_catalogue(DEMO / "clinic"))


def queued_by_dialplans() -> Iterator[tuple[str, str, set[str]]]:
    """Where, template, names of the values that surely come."""
    for name, form in load_dialplans(DEMO / "dialplans", SERVICES).forms.items():
        for item in form.items:
            if isinstance(item, ObjectItem) and item.service == "queue_message":
                given = set(item.arguments) - {"template", "phone", "caller_phone", "appointment", "values"}
                if "appointment" in item.arguments:
                    given |= OF_VISIT
                yield f"{name}.{item.object}", ast.literal_eval(item.arguments["template"]), given


def queued_by_code() -> Iterator[tuple[str, str]]:
    """File and template of every literal first argument of Outbox.put or template argument of enqueue."""
    for file in sorted(CODE.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if "outbox" not in text:
            continue
        constants = dict(re.findall(r'^(\w+)(?:: [^=]+)? = "([a-z_]+)"$', text, re.MULTILINE))
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = {"put": 0, "enqueue": 2}.get(called)
            if place is None or len(node.args) <= place:
                continue
            argument = node.args[place]
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield file.name, argument.value
            elif isinstance(argument, ast.Name) and argument.id in constants:
                yield file.name, constants[argument.id]


def test_dialplans(templates: Templates) -> None:
    found = list(queued_by_dialplans())
    assert found
    for where, name, given in found:
        assert name in templates.names(), where
        needed = {field for field, spec in templates.spec(name).fields.items() if not spec.optional}
        assert needed <= given, where
        assert Channel.SMS in templates.channels(name), where


def test_code(templates: Templates) -> None:
    found = set(queued_by_code())
    assert ("pins.py", "pin") in found
    assert {name for _, name in found} <= set(templates.names()), found


def test_reminders_and_offers(templates: Templates) -> None:
    """What the settings and other rooms name."""
    wanted = {"reminder_day", "reminder_hours", "reminder_several", "waiting_offer", "waiting_booked", "waiting_gone"}
    wanted |= {"results_ready", "dialog_reply", "alice_dialog_id", "call_back", "pin"}
    assert wanted <= set(templates.names())


def test_the_services_own_arguments_are_fields() -> None:
    assert {"branch", "doctor", "service", "test", "appointment", "values"} <= set(QueueMessage.model_fields)
