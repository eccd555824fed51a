"""Which words a clinic needs heard: what its questions listen for, and every Russian word of its files in all its forms."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from voicebot.russian.morphology import parses
from voicebot.vocabulary.pronounce import ACUTE, plain, problem

SUFFIXES = frozenset((".yaml", ".yml", ".csv", ".json", ".txt"))
_WORD = re.compile(f"[А-ЯЁа-яё+{ACUTE}]*[А-ЯЁа-яё][А-ЯЁа-яё+{ACUTE}]*")
_PIECE = re.compile(f"[0-9A-Za-zА-ЯЁа-яё+{ACUTE}]+")
_INFLECTED = frozenset(("NOUN", "ADJF"))
_RARE = frozenset(("V-oy", "V-ey", "Arch", "Infr", "Litr"))  # "английскою"
_SHORTEST_INFLECTED = 4
# (stem, endings it may stand in) -> all endings
_SURNAME_ENDINGS = (
    (("(?:[оеё]в|[иы]н)", "а?"), ",а,у,ым,е,ой,ы,ых"),
    (("[сц]к", "(?:ий|ая)"), "ий,ого,ому,им,ом,ая,ой,ую,ие,их"),
    (("[бвгдзклмнпрстфх]", ""), ",а,у,ом,е"),
    (("[жчшщц]", ""), ",а,у,ем,е"),
)


@dataclass(frozen=True, slots=True)
class Unsayable:
    """A word that cannot be heard as it is written. `place`: "file:line", or empty."""

    word: str
    why: str
    place: str

    def __str__(self) -> str:
        return f"{self.place}: {self.word}: {self.why}" if self.place else f"{self.word}: {self.why}"


@dataclass(frozen=True)
class Wanted:
    """`written`: a plain word -> the ways it is written (marks, capitals), which tell how it is said. `stressed`: those
    of the added words whose stress is given, to be said so even if they are known."""

    written: dict[str, tuple[str, ...]]
    stressed: frozenset[str] = frozenset()
    unsayable: tuple[Unsayable, ...] = ()


def wanted(phrases: Iterable[str], names: Iterable[Sequence[str]], files: Sequence[Path], own: Iterable[str] = ()) -> Wanted:
    """Collect the words of grammars, of the clinic's files and those an engineer has added.

    `names`: for each thing of the clinic all its names; a name with pieces that cannot be said is told of unless the
    thing has another name.
    """
    found: dict[str, dict[str, None]] = {}
    for text in [word for phrase in phrases for word in phrase.split()]:
        found.setdefault(plain(text), {})[text] = None
    own, in_files = list(own), words_of_files(files)
    for text in [*own, *in_files, *(form for one in in_files for form in forms(one))]:
        if len(plain(text)) > 1:
            found.setdefault(plain(text), {})[text] = None
    return Wanted(
        {word: tuple(ways) for word, ways in found.items() if not problem(_clearest(ways))},
        frozenset(plain(text) for text in own if plain(text) != text.lower()),
        (*_unsayable_words(found, phrases), *_unsayable_names(names, files)),
    )


def clinic_files(folder: Path) -> list[Path]:
    """The data and dialplans of a clinic's folder, without its conversations for tests."""
    parts = [folder / name for name in ("clinic", "dialplans")]
    return sorted(path for part in parts for path in part.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def words_of_files(files: Iterable[Path]) -> list[str]:
    """The Russian words of text files as they are written, each way once; comments of YAML are left out."""
    found: dict[str, None] = {}
    for path in files:
        for line in _lines(path):
            found.update(dict.fromkeys(_WORD.findall(line)))
    return list(found)


def forms(word: str) -> set[str]:
    """Case forms of a noun or adjective the dictionary knows, and of what is capitalised like a name; plain words."""
    lower = plain(word)
    if len(lower) < _SHORTEST_INFLECTED or word.isupper():
        return set()
    readings = parses(lower)
    is_name = word[:1].isupper()
    chosen = next((r for r in readings if "Surn" in r.tag and "nomn" in r.tag), None) if is_name else None
    if chosen is None and readings[0].is_known and readings[0].tag.POS in _INFLECTED:
        chosen = readings[0]
    if chosen is None:
        return _surname_forms(lower) if is_name else set()
    same = (form for form in chosen.lexeme if form.tag.POS == chosen.tag.POS and not _RARE & form.tag.grammemes)
    return {str(form.word) for form in same if _WORD.fullmatch(str(form.word))}


def _surname_forms(lower: str) -> set[str]:
    """Case forms of a name that the dictionary does not know, for both genders, by its ending."""
    for ending, endings in _SURNAME_ENDINGS:
        if found := re.fullmatch(f"(.+{ending[0]}){ending[1]}", lower):
            return {found[1] + tail for tail in endings.split(",")}
    return set()


def ways_to_say(written: Collection[str]) -> list[str]:
    """Of the ways a word is written those that tell most: with marks, else with capitals, else any."""
    marked = [text for text in written if "+" in text or ACUTE in text]
    capitals = [text for text in written if text.isupper() and len(text) > 1]
    return marked or capitals or list(written)[:1]


def _clearest(written: Collection[str]) -> str:
    return ways_to_say(written)[0]


def _unsayable_words(found: dict[str, dict[str, None]], phrases: Iterable[str]) -> list[Unsayable]:
    listened_for = dict.fromkeys(plain(word) for phrase in phrases for word in phrase.split())
    return [Unsayable(word, why, "") for word in listened_for if (why := problem(_clearest(found[word])))]


def _unsayable_names(names: Iterable[Sequence[str]], files: Sequence[Path]) -> list[Unsayable]:
    bad = []
    for ways in names:
        pieces = [[piece for piece in _PIECE.findall(way) if re.search("[0-9A-Za-z]", piece)] for way in ways]
        if ways and all(pieces):  # else another name can be said
            bad += [Unsayable(piece, problem(piece), _place(ways[0], files)) for piece in pieces[0]]
    return bad


def _place(text: str, files: Sequence[Path]) -> str:
    for path in files:
        for number, line in enumerate(_lines(path), start=1):
            if text in line:
                return f"{path}:{number}"
    return ""


def _lines(path: Path) -> list[str]:
    """Lines of a file, comments of YAML emptied; a file that is no UTF-8 is the loader's matter, not ours."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if path.suffix in (".yaml", ".yml"):
        return ["" if line.lstrip().startswith("#") else line for line in lines]
    return lines
