"""`voicebot dialplan` as an engineer types it."""

import json
from pathlib import Path

import pytest
from demo_clinic import DEMO
from typer.testing import CliRunner

from voicebot.dialplan_commands import app
from voicebot.errors import ConfigurationError


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOT_DIALOG__FOLDER", str(DEMO))


@pytest.mark.usefixtures("demo")
def test_the_demo_clinic_has_no_errors() -> None:
    done = CliRunner().invoke(app, ["check", "--no-words"])
    assert done.exit_code == 0, done.output
    assert "No errors" in done.output


def test_check_tells_all_mistakes_of_all_files_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOICEBOT_DIALOG__FOLDER", str(tmp_path))
    for folder in ("clinic", "dialplans", "conversations"):
        (tmp_path / folder).mkdir()
    (tmp_path / "dialplans" / "a.yaml").write_text("forms: [{form: A}]", encoding="utf-8")
    (tmp_path / "conversations" / "b.yaml").write_text("conversation: b\nturns:\n  - {talker: да}\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["check"])
    assert isinstance(done.exception, ConfigurationError)
    message = done.exception.message
    assert "clinic.yaml" in message
    assert "a.yaml:1" in message
    assert "b.yaml:3" in message


@pytest.mark.usefixtures("demo")
def test_conversations_are_played_and_a_failing_one_shows_a_diff(tmp_path: Path) -> None:
    good = DEMO / "conversations" / "operator.yaml"
    bad = tmp_path / "bad.yaml"
    bad.write_text(
        "conversation: a wrong expectation\nturns:\n  - caller: оператор\n    says: [сто рублей]\n    ends: booked\n",
        encoding="utf-8",
    )
    done = CliRunner().invoke(app, ["test", str(good), str(bad)])
    assert done.exit_code == 1
    assert "ok operator" in done.output
    assert "FAILED bad" in done.output
    assert "- ... сто рублей ..." in done.output
    assert "1 passed, 1 failed" in done.output
    alone = CliRunner().invoke(app, ["test", str(good)])
    assert alone.exit_code == 0
    with pytest.raises(ConfigurationError):
        CliRunner().invoke(app, ["test", "-k", "no such name"], catch_exceptions=False)


@pytest.mark.usefixtures("demo")
def test_the_graph_can_be_had_as_text() -> None:
    done = CliRunner().invoke(app, ["graph", "booking", "--dot"])
    assert done.output.startswith("digraph dialplans {")
    assert '"booking" [label=' in done.output


def test_the_schema_knows_the_words() -> None:
    schema = json.loads(CliRunner().invoke(app, ["schema"]).output)
    assert {"FieldItem", "SubdialogItem", "Action", "Messages"} <= schema["$defs"].keys()


@pytest.mark.usefixtures("demo")
def test_a_chat_by_pipe() -> None:
    done = CliRunner().invoke(app, ["chat", "--operators", "busy"], input="запишите к терапевту\n/quit\n")
    assert done.exit_code == 0, done.output
    assert "Вера: " in done.output
    assert "~ book" in done.output
    with pytest.raises(ConfigurationError):
        CliRunner().invoke(app, ["chat", "--operators", "asleep"], catch_exceptions=False)
