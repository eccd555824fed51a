"""What the engine made of a caller's turn, for the transcript."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """`text` is the hypothesis that was used; slots by their display texts."""

    intent: str
    slots: dict[str, str]
    confidence: float
    text: str = ""
