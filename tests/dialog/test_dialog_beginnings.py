"""A dialog of our own making (a reminder, the answer to a message) begins at its own form, with what it is about."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from small_dialog import ROOT, SERVICES

from voicebot.clinic.catalogue import Catalogue
from voicebot.dialog.engine import Engine, Step
from voicebot.dialog.loader import load_dialplans
from voicebot.dialog.talking import Listen, Say, Started
from voicebot.dialog.transitions import reachable
from voicebot.dialog.understanding import Understanding
from voicebot.errors import ConfigurationError

NOW = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Europe/Moscow"))
FORMS = """
forms:
  - form: reminder
    items:
      - {field: coming, type: yes_no, prompt: "Ждём вас {visit|text}. Придёте?"}
"""
PLANS = ROOT.replace("start: menu", "start: menu\n  also_start: [reminder]\n  vars: {visit: \"'однажды'\"}")
PLANS += FORMS.removeprefix("\nforms:\n")


@pytest.fixture
def engine(tmp_path: Path, catalogue: Catalogue, understanding: Understanding) -> Engine:
    (tmp_path / "plans.yaml").write_text(PLANS)
    return Engine(load_dialplans(tmp_path, SERVICES), catalogue, understanding)


def begin(engine: Engine, started: Started) -> Step:
    return engine.step(engine.begin("7A3KM05X"), started, NOW)


def said(step: Step) -> str:
    return " ".join(act.text for act in step.acts if isinstance(act, Say))


def test_it_begins_at_its_own_form_and_knows_what_it_is_about(engine: Engine) -> None:
    step = begin(engine, Started("+79161234567", form="reminder", given={"visit": "в среду"}))
    assert said(step) == "Ждём вас в среду. Придёте?"
    assert isinstance(step.acts[-1], Listen)


def test_what_was_not_given_has_the_value_of_the_dialplan(engine: Engine) -> None:
    assert said(begin(engine, Started(form="reminder"))) == "Ждём вас однажды. Придёте?"


def test_a_caller_begins_where_callers_begin(engine: Engine) -> None:
    assert said(begin(engine, Started())) == "Чем помочь?"


@pytest.mark.parametrize(
    ("started", "named"),
    [
        (Started(form="nobody"), "nobody"),  # a form, but no beginning
        (Started(form="reminder", given={"visti": "в среду"}), "visti"),
    ],
)
def test_what_the_dialplans_do_not_provide_for_is_refused(engine: Engine, started: Started, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        begin(engine, started)


def test_a_beginning_that_does_not_exist_is_an_error_of_the_dialplan(tmp_path: Path) -> None:
    (tmp_path / "plans.yaml").write_text(PLANS.replace("also_start: [reminder]", "also_start: [remainder]"))
    with pytest.raises(ConfigurationError, match=r"plans\.yaml:4: .*remainder"):
        load_dialplans(tmp_path, SERVICES)


def test_forms_that_a_dialog_of_ours_begins_with_can_be_reached(engine: Engine, tmp_path: Path) -> None:
    assert "reminder" in reachable(load_dialplans(tmp_path, SERVICES))
