"""How people talk to each other: the Russian texts of the Battle for Wesnoth's campaigns (GPL 2 or later; Debian).

They teach the language model what follows what in speech that is not about clinics; nothing of them is spoken in training.
"""

from __future__ import annotations

import gettext
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PACKAGES = tuple(f"wesnoth-1.16-{name}" for name in (
    "did", "dm", "dw", "ei", "httt", "l", "low", "nr", "sof", "sota", "sotbe", "thot", "trow", "tsg", "utbs",
))  # fmt: skip
_CATALOGUES = "./usr/share/games/wesnoth/1.16/locale/ru/LC_MESSAGES/*.mo"
_MARKUP = re.compile(r"<[^>]*>|\{[^}]*\}")
_BREAK = re.compile(r'[.!?;:()\n"«»]|--| - | — ')
_WORD = re.compile("[а-яё]+")
_LATIN = re.compile("[a-zA-Z]")


def unpack(folder: Path) -> Path:
    """Fetches the packages with apt and keeps their Russian texts only; returns their folder."""
    texts = folder / "texts"
    if (texts / ".finished").exists():
        return texts
    texts.mkdir(parents=True, exist_ok=True)
    for package in _PACKAGES:
        with tempfile.TemporaryDirectory() as place:
            subprocess.run(["apt-get", "-q", "download", package], check=True, cwd=place, stdout=subprocess.DEVNULL)
            archive = next(Path(place).glob("*.deb"))
            files = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(archive)], check=True, stdout=subprocess.PIPE).stdout
            command = ["tar", "-x", "--wildcards", "--transform=s:.*/::", _CATALOGUES]
            subprocess.run(command, input=files, check=True, cwd=texts)
    (texts / ".finished").touch()
    return texts


def sentences(texts: Path) -> Iterator[list[str]]:
    """Lower-case words of every sentence or part of one between brackets, quotation marks and dashes."""
    for catalogue in sorted(texts.glob("*.mo")):
        with catalogue.open("rb") as file:
            messages = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        for text in dict.fromkeys(value for key, value in messages.items() if key and isinstance(value, str)):
            for part in _BREAK.split(_MARKUP.sub(" ", text)):
                if not _LATIN.search(part) and (words := _WORD.findall(part.lower())):
                    yield words
