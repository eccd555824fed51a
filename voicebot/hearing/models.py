"""Which recogniser model is in use, and where it lies."""

import os
from dataclasses import dataclass
from pathlib import Path

import structlog

from voicebot.errors import ModelError
from voicebot.settings import Settings

log = structlog.get_logger(__name__)

PRODUCTION_PATTERN = "vosk-model-small-ru-*"
EMBEDDED_NAME = "vosk-embedded-ru"
EMBEDDED_VARIABLE = "VOICEBOT_EMBEDDED_MODEL"
"""Where the embedded model lies, for an installed package without the repository's `models` folder."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    path: Path
    kind: str  # "configured", "production" or "embedded"

    def describe(self) -> str:
        """One line for people: which model hears the callers."""
        if self.kind == "embedded":
            return f"{self.path.name} (embedded; `make models` fetches the production model, which hears free speech better)"
        return f"{self.path.name} ({self.kind})"


def choose_model(settings: Settings) -> ModelChoice:
    """The configured model, else the production model if it was fetched, else the embedded one; else ModelError."""
    if settings.hearing.model is not None:
        return ModelChoice(settings.hearing.model, "configured")
    fetched = sorted(path for path in (settings.cache / "models").glob(PRODUCTION_PATTERN) if (path / "am").is_dir())
    if fetched:
        return ModelChoice(fetched[-1], "production")
    for folder in _embedded_places():
        if folder.is_dir():
            return ModelChoice(folder, "embedded")
    raise ModelError(
        "There is no recogniser model.",
        f"Run `make models`, set hearing.model, or name the embedded model's folder in {EMBEDDED_VARIABLE}.",
    )


def default_model_path(settings: Settings) -> Path:
    return choose_model(settings).path


def _embedded_places() -> list[Path]:
    places = [Path(__file__).resolve().parents[2] / "models" / EMBEDDED_NAME]  # the repository
    if named := os.environ.get(EMBEDDED_VARIABLE):
        places.insert(0, Path(named))
    return places
