"""Which dialogs these are: a hash of the files that calls and chats are held by."""

import hashlib
from pathlib import Path

_LENGTH = 12
_READ = (".yaml", ".yml", ".csv", ".tsv", ".txt", ".json")
_NOT_FOR_CALLS = ("conversations", "patients")  # tests and rehearsals


def version_of(folder: Path) -> str:
    """Return it for a clinic's folder; the same files give the same version anywhere."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder)
        if file.suffix in _READ and name.parts[0] not in _NOT_FOR_CALLS and file.is_file():
            content = file.read_bytes()
            digest.update(f"{name.as_posix()}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:_LENGTH]
