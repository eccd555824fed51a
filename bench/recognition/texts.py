"""The bench's texts: written as people write, spoken as callers talk. Standard library only: the recipe reads them too."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "texts"
MARKED = FOLDER / "marked.txt"
TEST = ("free.txt", "phrases.tsv", "outside.txt")
"""Lists that nobody tunes on; grammar.txt is no secret: a grammar's phrases are in every dialplan."""

DEVELOPMENT = (
    "development.txt", "development_early.txt", "development_fresh.txt", "development_phrases.tsv", "development_answers.tsv",
)  # fmt: skip
_WORD = re.compile("[а-яё]+")
_HESITATIONS = frozenset(["э", "ээ", "эээ", "эм", "м", "мм", "ммм"])
_LEAST_SECRET_WORDS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """One utterance. `written` has punctuation; `kind` is the type of the question it answers ("" for free speech)."""

    written: str
    kind: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        return words_of(self.written)


def read(name: str) -> list[Line]:
    """Read a list of this folder: lines, or `kind<TAB>line`."""
    return read_table(FOLDER / name)


def read_table(path: Path) -> list[Line]:
    """Read lines, or `kind<TAB>line`, from anywhere."""
    return [
        Line(line.rpartition("\t")[2], line.rpartition("\t")[0])
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip() and not line.startswith("#")
    ]


def words_of(text: str) -> tuple[str, ...]:
    """Return what is counted in a text or a hypothesis: words without case, punctuation, stress marks, hyphens, `[unk]`.

    е and ё are one letter (nobody types ё reliably), and a drawn-out vowel between words is no word.
    """
    plain = text.lower().replace("+", "").replace("ё", "е")
    return tuple(word for word in _WORD.findall(plain) if word not in _HESITATIONS)


def secret_sentences(least_words: int = _LEAST_SECRET_WORDS) -> frozenset[str]:
    """The test's utterances in the recipe's spelling (lower-case words): to be dropped wherever training text is drawn.

    Shorter answers ("не надо", "третий") are everybody's: a recogniser that had never met them would be tested for nothing.
    """
    spoken = (_WORD.findall(line.written.lower()) for name in TEST for line in read(name))
    spelled = {" ".join(words) for words in spoken if len(words) >= least_words}
    return frozenset(spelled | {text.replace("ё", "е") for text in spelled})


@cache
def _marked() -> dict[tuple[str, ...], str]:
    if not MARKED.exists():
        return {}
    return {words_of(line): line for line in MARKED.read_text(encoding="utf-8").splitlines() if line.strip()}


def stressed(line: Line) -> str:
    """Return the line with `+` before stressed vowels for a voice, as marks.py made it; KeyError where it has not."""
    return _marked()[line.words]


def unmarked(lines: Iterable[Line]) -> list[Line]:
    return [line for line in lines if line.words not in _marked()]
