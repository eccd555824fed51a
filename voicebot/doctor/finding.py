"""What a check says: fine, doubtful or wrong, and the cure."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much it matters."""

    FINE = "fine"
    DOUBTFUL = "doubtful"  # callers are served; something is weaker than it should be
    WRONG = "wrong"  # callers are not served, or patients' data is not safe


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. Nothing personal and no secret is in it; `cure` is empty where all is fine."""

    subject: str
    level: Level
    what: str
    cure: str = ""


def fine(subject: str, what: str) -> Finding:
    return Finding(subject, Level.FINE, what)


def doubtful(subject: str, what: str, cure: str) -> Finding:
    return Finding(subject, Level.DOUBTFUL, what, cure)


def wrong(subject: str, what: str, cure: str) -> Finding:
    return Finding(subject, Level.WRONG, what, cure)
