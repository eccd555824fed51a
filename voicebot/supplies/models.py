"""Models for production, fetched once into the cache: recognisers and voices of models/manifest.toml.

An offline machine takes them from VOICEBOT_MODELS_MIRROR: a folder (or an http(s) address) that holds the same file names.
"""

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog

from voicebot.clock import Clock, SystemClock
from voicebot.settings import Settings
from voicebot.supplies.download import Expected, copy, download, hashes
from voicebot.supplies.errors import SupplyError
from voicebot.supplies.lock import only_one
from voicebot.supplies.manifest import ModelEntry, load_manifest, manifest_path
from voicebot.supplies.progress import OnProgress, told
from voicebot.supplies.unpack import unpack_zip

log = structlog.get_logger(__name__)

PRODUCTION = ("vosk-small-ru", "silero-v5-cis-base")
MIRROR_VARIABLE = "VOICEBOT_MODELS_MIRROR"
ACCEPT_CHANGED = "voicebot models fetch NAME --accept-changed"
ACCEPT_NONCOMMERCIAL = "--accept-noncommercial"


def models_folder(settings: Settings) -> Path:
    return settings.cache / "models"


def installed(name: str, settings: Settings, manifest: dict[str, ModelEntry] | None = None) -> Path | None:
    """Return where the model `name` lies, or None where it was not fetched."""
    entry = _entry(name, manifest or load_manifest())
    path = _place(entry, settings)
    is_there = path.is_dir() if entry.folder else path.is_file()
    return path if is_there else None


def fetch(
    names: Iterable[str],
    settings: Settings,
    on_progress: OnProgress | None = None,
    *,
    manifest: dict[str, ModelEntry] | None = None,
    is_changed_accepted: bool = False,
    is_licence_accepted: bool = False,
    clock: Clock | None = None,
) -> list[Path]:
    """Fetch those models that are not there yet; return where they lie. Progress is shown where `on_progress` is None.

    Each is tried; what failed is raised at the end as one SupplyError. `is_changed_accepted` takes a file whose checksum
    differs from the known one and records the new one; `is_licence_accepted` takes a model that clinics may use only with
    a licence of their own.
    """
    manifest = manifest or load_manifest()
    wanted = {name: _entry(name, manifest) for name in names}
    folder = models_folder(settings)
    found, failed = [], []
    with only_one(folder, "models"), told(on_progress) as progress:
        for name, entry in wanted.items():
            path = installed(name, settings, manifest)
            if entry.is_shipped:
                if path is None:
                    failed.append(SupplyError(f"{name} is not there.", "It is shipped: restore it from the repository."))
                    continue
            elif path is None or is_changed_accepted:
                if not entry.may_clinics_use and not is_licence_accepted:
                    failed.append(
                        SupplyError(
                            f"{name} is {entry.licence}, which clinics may not use: {entry.note}.",
                            f"Where that is allowed, or with a licence of your own: {ACCEPT_NONCOMMERCIAL}.",
                        )
                    )
                    continue
                try:
                    path = _fetch_one(name, entry, folder, progress, clock or SystemClock(), is_changed_accepted)
                except SupplyError as error:
                    failed.append(error)
                    continue
            found.append(path)
    if failed:
        raise SupplyError(" ".join(error.message for error in failed), " ".join(dict.fromkeys(error.cure for error in failed)))
    return found


def read_verified(path: Path, settings: Settings, manifest: dict[str, ModelEntry] | None = None) -> bytes:
    """Return a model file's bytes if they are the ones known; raise SupplyError otherwise.

    Known from the manifest or the lock file. A file that neither knows (the clinic's own) is recorded at its first use.
    For files that are run when they are loaded: use the bytes, not the path, or another process may change them between.
    """
    manifest = manifest or load_manifest()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SupplyError(
            f"{path} cannot be read: {error.strerror}.", "Run `make models`, or correct voice.silero_model."
        ) from None
    sha256 = hashlib.sha256(data).hexdigest()
    is_ours = path.resolve().parent == models_folder(settings).resolve()
    name = next((name for name, entry in manifest.items() if entry.installed_name == path.name), path.name)
    lock = _LockFile(models_folder(settings))
    key = name if is_ours else str(path.resolve())
    known = lock.sha256(key) or (manifest[name].sha256 if name in manifest else None)
    if known is None:
        log.warning("a model without a known checksum is trusted at its first use", model=path.name, sha256=sha256)
        with only_one(models_folder(settings), "lock"):
            lock.record(key, {"sha256": sha256, "size_bytes": len(data), "file": str(path)})
    elif known != sha256:
        raise SupplyError(
            f"{path} has changed: SHA-256 {sha256} instead of {known}. It is not loaded, because loading it would run it.",
            f"Remove it and run `make models`; if the change is wanted: {ACCEPT_CHANGED}.",
        )
    return data


def verify(name: str, settings: Settings, manifest: dict[str, ModelEntry] | None = None) -> bool | None:
    """Compare what lies on the disk with what was fetched: True if it is the same, None where nothing is known of it.

    Raise SupplyError naming what is missing or changed. A model that is not there is an error too.
    """
    manifest = manifest or load_manifest()
    entry = _entry(name, manifest)
    path = installed(name, settings, manifest)
    again = f"Remove {path} and fetch it again: voicebot models fetch {name}."
    if path is None:
        raise SupplyError(f"{name} was not fetched.", f"voicebot models fetch {name}")
    lacking = [file for file in entry.expects if not (path / file).is_file()]
    if lacking:
        raise SupplyError(f"{path} lacks {', '.join(lacking)}.", again)
    lock = _LockFile(models_folder(settings))
    if entry.folder:
        known = lock.files(name)
        found = _checksums(path) if known else {}
        changed = sorted(file for file in known.keys() | found.keys() if known.get(file) != found.get(file))
    else:
        sha256 = lock.sha256(name) or entry.sha256
        known = {path.name: sha256} if sha256 else {}
        changed = [path.name] if sha256 not in (None, hashes(path)[0]) else []
    if changed:
        raise SupplyError(f"Of {path} have changed: {', '.join(changed[:10])}.", again)
    return True if known else None


def _fetch_one(
    name: str, entry: ModelEntry, folder: Path, on_progress: OnProgress, clock: Clock, is_changed_accepted: bool
) -> Path:
    lock = _LockFile(folder)
    known = lock.sha256(name) or entry.sha256
    expected = Expected(entry.size_bytes, entry.md5, known)
    if is_changed_accepted:
        expected = Expected()
    target = folder / entry.file_name
    sha256 = _get(entry, target, expected, on_progress)
    path = target
    if entry.folder:
        limit_bytes = entry.unpacked_limit_mb * 1_000_000
        path = unpack_zip(target, entry.folder, folder, expects=entry.expects, limit_bytes=limit_bytes, on_progress=on_progress)
        target.unlink()
    facts: dict[str, Any] = {"sha256": sha256, "url": entry.url, "fetched_at": clock.now().isoformat(timespec="seconds")}
    if entry.folder:
        facts["files"] = _checksums(path)
    lock.record(name, facts)
    log.info("model fetched", model=name, sha256=sha256, licence=entry.licence, is_checksum_new=known is None)
    return path


def _get(entry: ModelEntry, target: Path, expected: Expected, on_progress: OnProgress) -> str:
    mirror = os.environ.get(MIRROR_VARIABLE, "").rstrip("/")
    cure = (
        f"Check the network and the proxy. Without network: fetch {entry.url} elsewhere, put {entry.file_name} into a folder "
        f"and set {MIRROR_VARIABLE} to that folder. The embedded models work meanwhile."
    )
    try:
        if mirror and urlsplit(mirror).scheme not in ("http", "https"):
            return copy(Path(mirror) / entry.file_name, target, expected)
        url = f"{mirror}/{entry.file_name}" if mirror else entry.url
        return download(url, target, expected, cure=cure, on_progress=on_progress)
    except SupplyError as error:
        if "instead of" in error.message:
            raise SupplyError(error.message, f"{error.cure} If a change by the author is known: {ACCEPT_CHANGED}.") from None
        raise


def _place(entry: ModelEntry, settings: Settings) -> Path:
    return manifest_path().parent / entry.installed_name if entry.is_shipped else models_folder(settings) / entry.installed_name


def _checksums(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashes(path)[0] for path in sorted(folder.rglob("*")) if path.is_file()}


def _entry(name: str, manifest: dict[str, ModelEntry]) -> ModelEntry:
    if name not in manifest:
        raise SupplyError(f'No model is named "{name}".', f"Known: {', '.join(manifest)}.")
    return manifest[name]


class _LockFile:
    """cache/models/lock.json: which file was accepted under which name."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock.json"

    def sha256(self, name: str) -> str | None:
        value = self._read().get(name, {}).get("sha256")
        return value if isinstance(value, str) else None

    def files(self, name: str) -> dict[str, str]:
        """SHA-256 of each file of an unpacked archive."""
        files = self._read().get(name, {}).get("files")
        return files if isinstance(files, dict) else {}

    def record(self, name: str, facts: dict[str, Any]) -> None:
        everything = self._read() | {name: facts}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(everything, indent=2, sort_keys=True) + "\n")
        part.replace(self._path)

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            content = json.loads(self._path.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            # forgetting what was accepted would let a changed file in
            raise SupplyError(
                f"{self._path} cannot be read.", "Restore it, or remove the folder and fetch the models anew."
            ) from None
        return content if isinstance(content, dict) else {}
