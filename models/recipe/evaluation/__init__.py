"""Evaluation is `bench.recognition`, over texts, voices and noises that training never met: here is only the way to it."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.recognition.texts import secret_sentences

__all__ = ["run", "secret_sentences"]

_ROOT = Path(__file__).resolve().parents[3]
_PYTHON = _ROOT / ".venv/bin/python"


class EvaluationError(RuntimeError):
    """The bench cannot be run."""


def run(model: Path, *, is_development: bool = False, is_verbose: bool = False, is_quick: bool = False) -> None:
    """Measure `model` by the bench, in the project's own environment: it hears and understands as the product does."""
    if not _PYTHON.exists():
        raise EvaluationError(f"{_PYTHON} is missing: run `make bench-recognition` once, it sets the environment up")
    command = [str(_PYTHON), "-m", "bench.recognition", "--model", str(model.resolve())]
    command += ["--development"] if is_development else []
    command += ["--verbose"] if is_verbose else []
    command += ["--quick"] if is_quick else []
    subprocess.run(command, cwd=_ROOT, check=True)
