"""What part of a robot's text the caller really heard."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# A pause costs about as much time as a few letters; without it the words after a comma would seem to start too early.
_PAUSE_LETTERS = {",": 3, ";": 4, ":": 4, "-": 2, "–": 3, "—": 3, ".": 6, "!": 6, "?": 6, "…": 6}
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence of an utterance and how many samples its sound has."""

    text: str
    total_samples: int


def played_text(pieces: Sequence[Piece], played_samples: int) -> str:
    """Return the words of an utterance that left for the caller, given how many of its samples did.

    Inside a piece time is shared out among words by their letters and pauses. A word counts when at least half of it was
    played: the listener then mostly knows it. All of a piece that was played whole is returned unchanged.
    """
    heard: list[str] = []
    left = played_samples
    for piece in pieces:
        if left <= 0:
            break
        heard.append(piece.text if left >= piece.total_samples else _part(piece.text, left / piece.total_samples))
        left -= piece.total_samples
    return " ".join(text for text in heard if text)


def _part(text: str, share: float) -> str:
    words = list(_WORD.finditer(text))
    spoken = [max(1, sum(c.isalnum() for c in word.group())) for word in words]
    pauses = [sum(_PAUSE_LETTERS.get(c, 0) for c in word.group()) + 1 for word in words]
    if not words:
        return ""
    pauses[-1] = 0
    reached = share * (sum(spoken) + sum(pauses))
    position = 0.0
    end = 0
    for word, letters, pause in zip(words, spoken, pauses, strict=True):
        if position + letters / 2 > reached:
            break
        end = word.end()
        position += letters + pause
    return text[:end]
