"""Marks the stress of every text once, so that the voices say the words right: `python -m bench.recognition.marks`.

Needs silero-stress (MIT, weights in the wheel) and torch: the recipe's environment has both. What it writes, marked.txt, is
committed: the bench itself needs neither. Marks are corrected by hand in fixed_marks.txt, which wins.
"""

import re
import sys

from bench.recognition.texts import DEVELOPMENT, FOLDER, MARKED, TEST, Line, read, words_of

_LISTS = (*TEST, *DEVELOPMENT, "grammar.txt", "babble.txt")
_VOWELS = re.compile("[аеёиоуыэюя]", re.IGNORECASE)
_TOKEN = re.compile(r"[а-яёА-ЯЁ+]+")


def main() -> None:
    from silero_stress import load_accentor

    accentor = load_accentor()
    corrected = dict(_corrections())
    lines: dict[tuple[str, ...], str] = {}
    for line in (line for name in _LISTS for line in read(name)):
        marked = _TOKEN.sub(lambda word: _corrected(word[0], corrected), accentor(line.written))
        if words_of(marked) != line.words:
            sys.exit(f"The accentor changed words: {line.written} -> {marked}")
        lines[line.words] = marked
    MARKED.write_text("".join(f"{line}\n" for line in lines.values()), encoding="utf-8")
    print(f"{len(lines)} utterances in {MARKED}")


def _corrections() -> list[tuple[str, str]]:
    path = FOLDER / "fixed_marks.txt"
    lines = read(path.name) if path.exists() else list[Line]()
    return [(line.written.replace("+", "").lower().replace("ё", "е"), line.written) for line in lines]


def _corrected(word: str, corrected: dict[str, str]) -> str:
    """A word of one vowel stays unmarked: a marked "на" would be said with weight."""
    plain = word.replace("+", "")
    known = corrected.get(plain.lower().replace("ё", "е"))
    if known is not None:
        return known
    return plain if len(_VOWELS.findall(plain)) < 2 else word


if __name__ == "__main__":
    main()
