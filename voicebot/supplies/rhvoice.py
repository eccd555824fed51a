"""RHVoice's library and its Russian voices, unpacked from Debian's packages into the cache.

Only voices that a clinic may use are kept; the other Russian voices are for non-commercial use. Licences: Debian's
copyright file of rhvoice-russian, and each voice's own README.
"""

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from voicebot.settings import Settings
from voicebot.supplies.debian import unpack_packages
from voicebot.supplies.errors import SupplyError
from voicebot.supplies.lock import only_one
from voicebot.supplies.progress import OnProgress, told

PACKAGES = (r"libsonic\d+", r"librhvoice-core\d+", r"librhvoice\d+", r"rhvoice-russian")
# folder of the voice -> its licence
PERMITTED = {
    "elena": "LGPL-2.1-or-later",
    "anna": "LGPL-2.1-or-later",
    "irina": "LGPL-2.1-or-later",
    "aleksandr": "LGPL-2.1-or-later",
    "aleksandr-hq": "CC-BY-SA-4.0",
}
MARK = "ready.json"


@dataclass(frozen=True, slots=True)
class RhvoiceFiles:
    """Where RHVoice lies. `libraries` are in the order in which they must be loaded."""

    libraries: tuple[Path, ...]
    data: Path
    config: Path
    version: str
    voices: tuple[str, ...]


def find_rhvoice(cache: Path) -> RhvoiceFiles | None:
    """Return RHVoice of the cache, or None where it was not unpacked (or not to the end)."""
    folder = cache / "rhvoice"
    try:
        mark = json.loads((folder / MARK).read_text())
    except (OSError, ValueError):
        return None
    libraries = tuple(folder / name for name in mark["libraries"])
    voices = tuple(sorted(path.name for path in (folder / "data" / "voices").glob("*") if path.name in PERMITTED))
    if not voices or not all(path.is_file() for path in libraries):
        return None
    return RhvoiceFiles(libraries, folder / "data", folder / "config", mark["version"], voices)


def ensure_rhvoice(settings: Settings, on_progress: OnProgress | None = None) -> RhvoiceFiles:
    """Return RHVoice of the cache; unpack it first where it is missing (once a machine, some seconds).

    Progress is shown on the console where `on_progress` is None.
    """
    cache = settings.cache
    cache.mkdir(parents=True, exist_ok=True)
    with only_one(cache, "rhvoice"):
        found = find_rhvoice(cache)
        if found is not None:
            return found
        with told(on_progress) as progress, tempfile.TemporaryDirectory(prefix="rhvoice-", dir=cache) as name:
            root = Path(name) / "root"
            versions = unpack_packages(cache, PACKAGES, root, components="main non-free", what="RHVoice", on_progress=progress)
            made = Path(name) / "made"
            arrange(root, made, next(v for n, v in versions.items() if n.startswith("librhvoice-core")))
            shutil.rmtree(cache / "rhvoice", ignore_errors=True)
            made.rename(cache / "rhvoice")
        found = find_rhvoice(cache)
    if found is None:
        raise SupplyError("Debian's RHVoice packages hold no Russian voice.", "Report this with your Debian release.")
    return found


def arrange(root: Path, made: Path, version: str) -> None:
    """Bring unpacked packages into our layout: lib/, data/{languages,voices}/, config/, licences/, and a mark at the end."""
    (made / "lib").mkdir(parents=True)
    names = []
    for pattern in ("libsonic.so.*", "libRHVoice_core.so.*", "libRHVoice.so.*"):
        links = sorted(root.glob(f"usr/lib/**/{pattern}"), key=lambda path: len(path.name))
        if not links:
            raise SupplyError(f"Debian's packages hold no {pattern}.", "Report this with the name of your Debian release.")
        # the shortest name is the one that other libraries ask for
        shutil.copy2(links[0].resolve(), made / "lib" / links[0].name)
        names.append(f"lib/{links[0].name}")
    data = root / "usr/share/RHVoice"
    shutil.copytree(data / "languages", made / "data" / "languages")
    for voice in PERMITTED:
        if (data / "voices" / voice).is_dir():
            shutil.copytree(data / "voices" / voice, made / "data" / "voices" / voice)
    (made / "config").mkdir()
    (made / "licences").mkdir()
    for copyright_file in root.glob("usr/share/doc/*/copyright"):
        shutil.copy2(copyright_file, made / "licences" / f"{copyright_file.parent.name}.txt")
    (made / MARK).write_text(json.dumps({"version": version, "libraries": names}))


def main() -> None:
    """Unpack RHVoice into the cache: `python -m voicebot.supplies.rhvoice`."""
    from rich.console import Console

    from voicebot.settings import load

    console = Console()
    try:
        files = ensure_rhvoice(load())
    except SupplyError as error:
        console.print(f"[red]{error.message}[/red]\n{error.cure}")
        raise SystemExit(1) from None
    console.print(f"RHVoice {files.version} is in {files.data.parent}: {', '.join(files.voices)}")


if __name__ == "__main__":
    main()
