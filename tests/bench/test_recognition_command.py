"""The recognition bench's command, and the recipe's way to it."""

from pathlib import Path

import pytest

import models.recipe.evaluation as evaluation
from bench.recognition.__main__ import _installed_models, _options
from bench.robot import EMBEDDED_MODEL


def test_by_default_everything_is_measured_whole() -> None:
    options = _options([])
    assert options.step == 1
    assert options.parts is None
    assert not options.development


def test_quick_is_every_eighth_utterance() -> None:
    assert _options(["--quick"]).step == 8


@pytest.mark.parametrize("wrong", [["--write-docs", "--development"], ["--write-docs", "--parts", "sets"], ["--step", "0"]])
def test_what_would_mislead_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _options(wrong)
    assert "error" in capsys.readouterr().err


def test_the_recipe_evaluates_by_a_command_that_the_bench_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = tmp_path / "python"
    python.touch()
    commands: list[list[str]] = []
    monkeypatch.setattr(evaluation, "_PYTHON", python)
    monkeypatch.setattr(evaluation.subprocess, "run", lambda command, **_: commands.append(command))
    evaluation.run(tmp_path / "model", is_development=True, is_verbose=True)
    assert commands[0][:3] == [str(python), "-m", "bench.recognition"]
    options = _options(commands[0][3:])
    assert options.model == [tmp_path / "model"]
    assert options.development
    assert options.verbose


def test_without_the_projects_environment_the_recipe_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "_PYTHON", tmp_path / "none")
    with pytest.raises(evaluation.EvaluationError, match="make bench-recognition"):
        evaluation.run(tmp_path)


def test_the_embedded_model_is_measured_once() -> None:
    models = _installed_models()
    assert models[0] == EMBEDDED_MODEL
    assert len(set(models)) == len(models)
