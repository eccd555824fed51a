"""Where the recipe keeps what it makes: one folder outside the repository."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

#: sample rate of the telephone and of everything in this recipe, Hz
RATE_HZ = 8000


@dataclass(frozen=True)
class WorkFolder:
    """Paths below the work folder; folders are made on first use."""

    root: Path

    @classmethod
    def choose(cls, argument: str | None) -> WorkFolder:
        """The argument, else the environment, else the user's cache."""
        root = argument or os.environ.get("VOICEBOT_RECIPE_WORK") or "~/.cache/voicebot/recipe"
        return cls(Path(root).expanduser())

    def path(self, *parts: str) -> Path:
        """A file's path, its folder existing."""
        path = self.root.joinpath(*parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def vocabulary(self) -> Path:
        return self.path("vocabulary.txt")

    @property
    def stresses(self) -> Path:
        return self.path("stresses.tsv")

    @property
    def lexicon(self) -> Path:
        return self.path("lexicon.tsv")

    @property
    def speech(self) -> Path:
        folder = self.root / "speech"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def other_speech(self) -> Path:
        """Speech in other languages, which is no words to the model."""
        folder = self.root / "other_speech"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def held_out(self) -> Path:
        folder = self.root / "held_out"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def checkpoint(self) -> Path:
        return self.path("train", "checkpoint.pt")

    @property
    def rhvoice(self) -> Path:
        return self.root / "rhvoice"

    @property
    def conversation(self) -> Path:
        return self.root / "conversation"
