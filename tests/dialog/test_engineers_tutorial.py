"""An engineer follows docs/dialplans.md to the letter, on a copy of the demo clinic, and talks through what came of it."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from demo_clinic import DEMO

from voicebot.clinic.catalogue import load_catalogue
from voicebot.clinic.services import SERVICES
from voicebot.conversation_stage import Stage
from voicebot.dialog.checks import SESSION
from voicebot.dialog.conversation_files import load_conversation
from voicebot.dialog.expressions import FUNCTIONS
from voicebot.dialog.loader import load_with_places
from voicebot.dialog.opening import understanding_of
from voicebot.dialog.placeholders import FILTERS
from voicebot.dialog.schema import Action, Application, FieldItem, FieldType, Form, Messages
from voicebot.dialog.survey import survey

DOC = Path(__file__).parents[2] / "docs" / "dialplans.md"
SNIPPET = re.compile(r"<!-- (append|create): (\S+) -->\n```yaml\n(.*?)```", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Snippet:
    verb: str
    path: str
    text: str


def snippets() -> list[Snippet]:
    return [Snippet(*found) for found in SNIPPET.findall(DOC.read_text(encoding="utf-8"))]


def follow(folder: Path) -> list[Path]:
    """Do what the tutorial says; return the conversations it has made."""
    shutil.copytree(DEMO, folder)
    made = []
    for snippet in snippets():
        path = folder / snippet.path
        if snippet.verb == "append":
            path.write_text(path.read_text(encoding="utf-8").rstrip("\n") + "\n\n" + snippet.text, encoding="utf-8")
        else:
            assert not path.exists(), f"{snippet.path} is the demo's own"
            path.write_text(snippet.text, encoding="utf-8")
            made.append(path)
    return [path for path in made if path.parent.name == "conversations"]


def test_the_tutorial_adds_a_doctor_a_service_an_answer_and_a_dialog() -> None:
    assert [(one.verb, one.path.partition("/")[0]) for one in snippets()] == [
        ("append", "clinic"),
        ("append", "clinic"),
        ("append", "clinic"),
        ("create", "conversations"),
        ("create", "dialplans"),
        ("create", "conversations"),
    ]


@pytest.mark.slow
@pytest.mark.timeout(400)  # another clinic: its phrases are learnt anew
def test_following_the_tutorial_works(tmp_path: Path) -> None:
    folder = tmp_path / "my-clinic"
    conversations = follow(folder)
    catalogue = load_catalogue(folder / "clinic")
    loaded = load_with_places(folder / "dialplans", SERVICES)
    understanding = understanding_of(catalogue, loaded.plans, folder, tmp_path)
    warnings = [one.message for one in survey(loaded.plans, understanding) if one.form == "lost_things"]
    assert warnings == []
    with Stage(catalogue, loaded.plans, understanding) as stage:
        for path in conversations:
            played = stage.play(load_conversation(path))
            assert not played.failures, "\n".join([path.stem, *played.failures, "", *played.lines])


def test_the_manual_names_every_word_of_the_language() -> None:
    text = DOC.read_text(encoding="utf-8")
    words = {
        *FieldType.__args__,
        *(info.alias or name for model in (Form, FieldItem, Action) for name, info in model.model_fields.items()),
        *Application.model_fields,
        *Messages.model_fields,
        *SESSION,
        *FUNCTIONS,
        *FILTERS,
    }
    missing = sorted(word for word in words if not re.search(rf"`[^`]*\b{word}\b[^`]*`", text))
    assert missing == []
