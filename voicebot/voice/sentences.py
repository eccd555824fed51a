"""A text in pieces that are spoken one after another, and the silence after each. Pure.

Pieces are sentences: the first can be heard while the next is still being made. A silence can be asked for in the text
with `<pause 400>` (milliseconds).
"""

import re
from dataclasses import dataclass, replace

SENTENCE_PAUSE_MS = 220
PARAGRAPH_PAUSE_MS = 400
CLAUSE_PAUSE_MS = 90
LONGEST_PAUSE_MS = 5000
SHORTEST_CLAUSE = 18  # characters; shorter first pieces sound chopped

_PAUSE = re.compile(r"<pause\s+(\d{1,5})(?:\s*ms)?\s*/?>")
# the end of a sentence: marks, then space or the end; not after an initial ("А. Петров") or within a number ("10.30")
_SENTENCE = re.compile(r"(?<!\b[А-ЯЁA-Z])[.!?…]+[»\")]*(?=\s|$)|[!?…]+[»\")]*(?=\s|$)")
_CLAUSE = re.compile(r"[,;:](?=\s)|\s[—–-](?=\s)")
_SPOKEN = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to say in one breath, and how long to be silent afterwards."""

    text: str
    pause_ms: int = 0


def split(text: str, *, longest: int = 400, first_longest: int | None = None) -> list[Piece]:
    """Return the pieces of `text`, none longer than `longest` characters; nothing for a text without words.

    `first_longest` asks for a first piece of about that length where a clause ends, so that it is ready sooner. The last
    piece has no pause, unless the text asks for one.
    """
    pieces: list[Piece] = []
    parts = _PAUSE.split(text)  # text, ms, text, ms, ..., text
    for number in range(0, len(parts), 2):
        pieces += _sentences(parts[number])
        if number + 1 < len(parts) and pieces:
            pause_ms = min(int(parts[number + 1]), LONGEST_PAUSE_MS)
            pieces[-1] = replace(pieces[-1], pause_ms=pause_ms)
        elif pieces and number + 1 == len(parts) and _SPOKEN.search(parts[number]):
            pieces[-1] = replace(pieces[-1], pause_ms=0)
    pieces = [short for piece in pieces for short in _shorten(piece, longest)]
    if first_longest is not None and pieces:
        pieces[:1] = _early(pieces[0], first_longest)
    return pieces


def _sentences(text: str) -> list[Piece]:
    pieces = []
    for paragraph in re.split(r"\n\s*\n", text):
        start = 0
        in_paragraph = []
        for end in [match.end() for match in _SENTENCE.finditer(paragraph)] + [len(paragraph)]:
            sentence = " ".join(paragraph[start:end].split())
            start = end
            if _SPOKEN.search(sentence):
                in_paragraph.append(Piece(sentence, SENTENCE_PAUSE_MS))
        if in_paragraph:
            in_paragraph[-1] = replace(in_paragraph[-1], pause_ms=PARAGRAPH_PAUSE_MS)
        pieces += in_paragraph
    return pieces


def _shorten(piece: Piece, longest: int) -> list[Piece]:
    """Cut at clauses, else between words, else anywhere."""
    pieces = []
    rest = piece.text
    while len(rest) > longest:
        clauses = [match.end() for match in _CLAUSE.finditer(rest, 0, longest)]
        at = clauses[-1] if clauses else rest.rfind(" ", 1, longest + 1)
        if at <= 0:
            at = longest
        pieces.append(Piece(rest[:at].strip(), CLAUSE_PAUSE_MS if clauses else 0))
        rest = rest[at:].strip()
    pieces.append(Piece(rest, piece.pause_ms))
    return [short for short in pieces if _SPOKEN.search(short.text)]


def _early(piece: Piece, first_longest: int) -> list[Piece]:
    if len(piece.text) <= first_longest:
        return [piece]
    ends = [match.end() for match in _CLAUSE.finditer(piece.text)]
    for end in sorted(ends, key=lambda end: abs(end - first_longest)):
        if end >= SHORTEST_CLAUSE and len(piece.text) - end >= SHORTEST_CLAUSE:
            return [Piece(piece.text[:end].strip(), CLAUSE_PAUSE_MS), Piece(piece.text[end:].strip(), piece.pause_ms)]
    return [piece]
