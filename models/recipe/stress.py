"""Word stress and the letter ё by silero-stress (MIT, weights in the wheel).

Speech and lexicon must agree on stress: it changes the vowels. espeak-ng and RHVoice each guess on their own for rare
words, so both are told. A stressed word is written with `+` before the stressed vowel: "запис+ать".
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

VOWELS = "аеёиоуыэюя"


def _stress_words(words: list[str]) -> list[str]:
    import torch
    from silero_stress import load_accentor

    torch.set_num_threads(1)
    accentor = load_accentor()
    stressed = []
    for word in words:
        try:
            result = accentor(word)
        except (ValueError, IndexError, KeyError, RuntimeError):  # it refuses some odd words; they stay unmarked
            result = word
        stressed.append(result if result.replace("+", "").replace("ё", "е") == word.replace("ё", "е") else word)
    return stressed


def stress(words: list[str], processes: int = 2, chunk: int = 2000) -> dict[str, str]:
    """Word -> stressed word (its ё restored)."""
    chunks = [words[i : i + chunk] for i in range(0, len(words), chunk)]
    result: dict[str, str] = {}
    with ProcessPoolExecutor(processes) as pool:
        for part, stressed in zip(chunks, pool.map(_stress_words, chunks), strict=True):
            result.update(zip(part, stressed, strict=True))
            print(f"stress: {len(result)} of {len(words)} words", file=sys.stderr, flush=True)
    return result


def save(path: Path, stressed: dict[str, str]) -> None:
    path.write_text("".join(f"{word}\t{mark}\n" for word, mark in sorted(stressed.items())), encoding="utf-8")


def load(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    return dict(line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())  # type: ignore[misc]


def for_speech(marked: str) -> str:
    """The mark only where it tells something: a marked "на" would be said as if it were a word of weight."""
    return marked if sum(letter in VOWELS for letter in marked) > 1 else marked.replace("+", "")
