"""OpenFst's command-line tools (Debian libfst-tools): finite state transducers written as text, turned into files."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from voicebot.vocabulary.trie import Arc


class FstToolsError(RuntimeError):
    """The tools or their look-ahead plug-in are missing."""


def _library(name: str) -> Path:
    for library in sorted(Path("/usr/lib").glob(f"*/{name}.so.*")):
        return library
    raise FstToolsError(f"{name} is missing: install Debian's libfst-tools")


def _run(command: list[str], source: bytes | None = None, preload: Path | None = None) -> bytes:
    if shutil.which(command[0]) is None:
        raise FstToolsError(f"{command[0]} is missing: install Debian's libfst-tools")
    environment = {**os.environ, **({"LD_PRELOAD": str(preload)} if preload else {})}
    return subprocess.run(command, input=source, stdout=subprocess.PIPE, env=environment, check=True).stdout


def compile_text(arcs: Iterable[Arc], finals: dict[int, float], start: int, sort: str) -> bytes:
    """A binary vector FST, arcs sorted by "ilabel" or "olabel"."""
    lines = [f"{a}\t{b}\t{i}\t{o}\t{w:.5g}" for a, b, i, o, w in arcs]
    # the first line's state becomes the start
    first = next(index for index, line in enumerate(lines) if line.startswith(f"{start}\t"))
    lines.insert(0, lines.pop(first))
    lines += [f"{state}\t{cost:.5g}" for state, cost in finals.items()]
    compiled = _run(["fstcompile"], ("\n".join(lines) + "\n").encode())
    return _run(["fstarcsort", f"--sort_type={sort}"], compiled)


def write_ngram(fst: bytes, path: Path) -> None:
    """A back-off language model: less than half of what a plain read-only FST takes, for a seventh of the decoder's time."""
    path.write_bytes(_run(["fstconvert", "--fst_type=ngram"], fst, preload=_library("libfstngram")))


def write_lookahead(fst: bytes, path: Path) -> dict[int, int]:
    """An output look-ahead FST; its output labels are renumbered: returns old -> new."""
    with tempfile.TemporaryDirectory() as folder:
        pairs, result = Path(folder) / "pairs", Path(folder) / "fst"
        _run(["fstconvert", "--fst_type=olabel_lookahead", f"--save_relabel_opairs={pairs}", "-", str(result)], fst,
             preload=_library("libfstlookahead"))  # fmt: skip
        shutil.copyfile(result, path)
        return {int(old): int(new) for old, new in (line.split() for line in pairs.read_text().splitlines())}
