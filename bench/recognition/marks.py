"""Marks the stress of every text once, so that the voices say the words right: `python -m bench.recognition.marks`.

Needs silero-stress (MIT, weights in the wheel) and torch: the recipe's environment has both. What it writes, marked.txt, is
committed: the bench itself needs neither. Marks are corrected by hand in fixed_marks.txt, which wins.
"""

import re
import sys

from bench.recognition.texts import DEVELOPMENT, MARKED, TEST, read, words_of

_LISTS = (*TEST, *DEVELOPMENT, "grammar.txt", "babble.txt")
_VOWELS = re.compile("[аеёиоуыэюя]", re.IGNORECASE)
_TOKEN = re.compile(r"[а-яёА-ЯЁ+]+")


def main() -> None:
    from silero_stress import load_accentor  # type: ignore[import-not-found, unused-ignore]

    accentor = load_accentor()
    corrections = [(_pattern(line.written), line.written) for line in read("fixed_marks.txt")]
    lines: dict[tuple[str, ...], str] = {}
    for line in (line for name in _LISTS for line in read(name)):
        marked = _TOKEN.sub(lambda word: _of_weight(word[0]), accentor(line.written))
        for pattern, right in corrections:
            marked = pattern.sub(right, marked)
        if words_of(marked) != line.words:
            sys.exit(f"The accentor changed words: {line.written} -> {marked}")
        lines[line.words] = marked
    MARKED.write_text("".join(f"{line}\n" for line in lines.values()), encoding="utf-8")
    print(f"{len(lines)} utterances in {MARKED}")


def _pattern(correction: str) -> re.Pattern[str]:
    """The correction's words as the accentor may have marked them, е for ё and the other way round."""
    letters = (f"{re.escape(letter)}\\+?" for letter in correction.replace("+", "").replace("ё", "е"))
    return re.compile(rf"(?<![а-яё+])\+?{''.join(letters)}(?![а-яё+])".replace("е", "[её]"), re.IGNORECASE)


def _of_weight(word: str) -> str:
    """A word of one vowel stays unmarked: a marked "на" would be said with weight."""
    return word.replace("+", "") if len(_VOWELS.findall(word)) < 2 else word


if __name__ == "__main__":
    main()
