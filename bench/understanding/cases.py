"""The phrases of the bench with what must be understood of them. The files' first lines say how they are written."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

FOLDER = Path(__file__).parent / "phrases"
STRANGERS = Path(__file__).parent / "strangers"
"""Phrases of a hand of whom nothing was ever taught or looked at."""
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("Europe/Moscow"))  # a Monday
ANY = "*"
BLIND = "blind_"


@dataclass(frozen=True, slots=True)
class Case:
    """A phrase, the intents that are right ("*": whatever), the question it answers ("": none) and its slots."""

    text: str
    intents: frozenset[str]
    expect: str
    slots: tuple[tuple[str, str, str], ...]  # name, "=" or "~", value
    part: str  # the file

    @property
    def is_development(self) -> bool:
        """All phrases but those written apart for measuring (files blind_*): errors in them may be read and mended."""
        return not self.part.startswith(BLIND)

    @property
    def is_outside(self) -> bool:
        """Whether nothing in it is the clinic's."""
        return self.part.endswith("outside") or "off_topic" in self.intents

    @property
    def is_emergency(self) -> bool:
        return self.intents == {"emergency"}


def read_cases(folder: Path = FOLDER) -> list[Case]:
    """Return all cases of a folder's *.txt."""
    return [case for path in sorted(folder.glob("*.txt")) for case in _read(path)]


def _read(path: Path) -> Iterator[Case]:
    intents, expect = frozenset[str](), ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("=="):
            head, _, expect = line.removeprefix("==").strip().partition(" @")
            intents = frozenset(head.strip().split("/"))
            continue
        said, _, slots = line.partition(" => ")
        text, *others = said.strip().split("/")
        yield Case(text, intents | set(others) - {""}, expect.strip(), tuple(map(_slot, _pieces(slots))), path.stem)


def _pieces(slots: str) -> Iterator[str]:
    """Split "a=b c~d e" into "a=b", "c~d e": a value may have spaces."""
    piece = ""
    for word in slots.split():
        if piece and ("=" in word or "~" in word.split("|")[0]):
            yield piece
            piece = word
        else:
            piece = f"{piece} {word}".strip()
    if piece:
        yield piece


def _slot(text: str) -> tuple[str, str, str]:
    for sign in "=~":
        name, found, value = text.partition(sign)
        if found and name.isidentifier():
            return name, sign, value
    raise ValueError(f"{text!r} is no slot: write name=value or name~part of a title")
