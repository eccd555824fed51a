"""Debian packages without root and without touching the system.

A private apt lives in a folder of ours: its own source line, lists, cache and an empty package status. From the
system it takes the mirror's address, the release's name, proxy and other Acquire settings, and the archive's keyring
(so signatures are checked as always). Formats: sources.list(5), apt.conf(5), apt-get(8) indextargets.
"""

import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from voicebot.supplies.errors import SupplyError
from voicebot.supplies.progress import OnProgress, unseen
from voicebot.supplies.shell import read, run

KEYRINGS = ("debian-archive-keyring.gpg", "debian-archive-keyring.pgp")
NEEDS_DEBIAN = "Debian 12 (or newer) with apt and the package debian-archive-keyring is needed for this."


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source package, as the signed index describes it."""

    uri: str
    name: str
    sha256: str


def codename(os_release: Path = Path("/etc/os-release")) -> str:
    """Return the name of this Debian release, for example "bookworm"."""
    try:
        system = platform.freedesktop_os_release() if os_release == Path("/etc/os-release") else _pairs(os_release)
    except OSError:
        system = {}
    if system.get("ID") != "debian" or not system.get("VERSION_CODENAME"):
        raise SupplyError("This system is not a Debian release.", NEEDS_DEBIAN)
    return system["VERSION_CODENAME"]


def _pairs(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines()
    return {key: value.strip("\"'") for key, _, value in (line.partition("=") for line in lines) if value}


def mirrors(release: str) -> list[str]:
    """Return addresses of archives that this system uses for `release`, the likeliest first."""
    if shutil.which("apt-get") is None:
        raise SupplyError("This system has no apt.", NEEDS_DEBIAN)
    fields = "$(ORIGIN)|$(REPO_URI)|$(CODENAME)|$(RELEASE)"
    known = read(["apt-get", "indextargets", "--format", fields], cure=NEEDS_DEBIAN)
    found = [
        uri
        for origin, uri, *suites in (line.split("|") for line in known.splitlines() if line.count("|") == 3)
        if origin == "Debian" and release in suites
    ]
    # where lists were never fetched (a fresh container) apt knows no origins yet, but tells what it would fetch
    planned = read(["apt-get", "--print-uris", "update"], cure=NEEDS_DEBIAN)
    found += [uri for uri, suite in re.findall(r"'(\S+?/)dists/([^/']+)/InRelease'", planned) if suite == release]
    unique = list(dict.fromkeys(found))
    if not unique:
        raise SupplyError(
            f"apt on this system names no Debian mirror of {release}.",
            "Add one to /etc/apt/sources.list.d/.",
        )
    return unique


def keyring(folder: Path = Path("/usr/share/keyrings")) -> Path:
    """Return the keyring that the archive is signed by."""
    for name in KEYRINGS:
        if (folder / name).is_file():
            return folder / name
    raise SupplyError("The keyring of Debian's archive is missing.", "Install the package debian-archive-keyring.")


class PrivateApt:
    """apt on a private folder. Made by `private_apt`."""

    def __init__(self, folder: Path, log_file: Path) -> None:
        self.folder = folder
        self.log_file = log_file
        for name in ("conf.d", "lists/partial", "cache/archives/partial", "trusted.d"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        self.environment = {"APT_CONFIG": str(folder / "apt.conf"), "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        (folder / "apt.conf").write_text(configuration(folder, read(["apt-config", "dump", "Acquire"], cure=NEEDS_DEBIAN)))

    def use(self, source_line: str) -> None:
        """Fetch the lists of one source line; its signature is verified."""
        (self.folder / "sources.list").write_text(source_line + "\n")
        # without Error-Mode apt answers 0 even where nothing could be fetched
        self._run("-o", "APT::Update::Error-Mode=any", "update")

    def names(self, prefix: str) -> list[str]:
        """Return the names of known packages that begin with `prefix`."""
        return read(["apt-cache", "pkgnames", prefix], cure=NEEDS_DEBIAN, environment=self.environment).split()

    def version(self, package: str) -> str:
        """Return the version that `download` would fetch."""
        shown = read(["apt-cache", "policy", package], cure=NEEDS_DEBIAN, environment=self.environment)
        match = re.search(r"Candidate: (\S+)", shown)
        return match[1] if match else ""

    def download(self, packages: Sequence[str], into: Path) -> list[Path]:
        """Download .deb files, verified by the signed index."""
        into.mkdir(parents=True, exist_ok=True)
        self._run("download", *packages, cwd=into)
        return sorted(into.glob("*.deb"))

    def source_files(self, package: str) -> list[SourceFile]:
        """Return the files of a source package from the signed source index."""
        command = ["apt-get", "-qq", "--print-uris", "--download-only", "--only-source", "source", package]
        return parse_source_files(read(command, cure=NEEDS_DEBIAN, environment=self.environment))

    def fetch(self, file: SourceFile, target: Path) -> None:
        """Download one source file with apt's own transports; a wrong checksum is an error."""
        helper = "/usr/lib/apt/apt-helper"
        cure = "Check the network and try again."
        command: list[str | Path] = [helper, "download-file", file.uri, target, f"SHA256:{file.sha256}"]
        run(command, log_file=self.log_file, cure=cure, environment=self.environment, timeout_seconds=600)

    def _run(self, *arguments: str, cwd: Path | None = None) -> None:
        cure = "Check that this machine reaches its Debian mirror (`apt-get update`), and try again."
        run(["apt-get", "-q", *arguments], log_file=self.log_file, cure=cure, cwd=cwd, environment=self.environment)


@contextmanager
def private_apt(cache: Path, release: str, components: str, *, is_source: bool = False) -> Iterator[PrivateApt]:
    """Open a private apt on one release (or "sid") with its lists fetched; its folder is removed at the end.

    Raises SupplyError when no mirror of this system serves that release with Debian's signature.
    """
    cache.mkdir(parents=True, exist_ok=True)
    log_file = cache / "log" / "apt.log"
    with tempfile.TemporaryDirectory(prefix="apt-", dir=cache) as name:
        apt = PrivateApt(Path(name), log_file)
        refused: SupplyError | None = None
        for uri in mirrors(codename()):
            kind = "deb-src" if is_source else "deb"
            try:
                apt.use(f"{kind} [signed-by={keyring()}] {uri} {release} {components}")
            except SupplyError as error:
                refused = error
                continue
            yield apt
            return
        assert refused is not None
        raise refused


def configuration(folder: Path, acquire: str) -> str:
    """Return an apt.conf that keeps everything inside `folder`; `acquire` is `apt-config dump Acquire` of the system.

    The system's other settings are left out: its hooks would run as if the system's own lists had been renewed.
    """
    kept = [line for line in acquire.splitlines() if line.startswith("Acquire::") and "IndexTargets" not in line]
    ours = {
        "Dir::Etc::parts": folder / "conf.d",
        "Dir::Etc::main": folder / "none",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": folder / "conf.d",
        "Dir::Etc::preferences": folder / "none",
        "Dir::Etc::preferencesparts": folder / "conf.d",
        "Dir::Etc::trusted": folder / "none",
        "Dir::Etc::trustedparts": folder / "trusted.d",
        "Dir::State": folder,
        "Dir::State::lists": folder / "lists",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Log": folder,
        "Acquire::Languages": "none",
        # root fetches as root: the cache may lie where the user _apt may not enter; signatures are checked all the same
        "APT::Sandbox::User": "root",
    }
    return "\n".join([*kept, *(f'{key} "{value}";' for key, value in ours.items())]) + "\n"


def parse_source_files(printed: str) -> list[SourceFile]:
    """Read the lines of `apt-get source --print-uris`: 'URI' NAME SIZE SHA256:HEX."""
    lines = re.findall(r"^'([^']+)' (\S+) \d+ SHA256:([0-9a-f]{64})$", printed, flags=re.MULTILINE)
    return [SourceFile(uri, name, sha256) for uri, name, sha256 in lines]


def unpack(package: Path, folder: Path) -> None:
    """Unpack a .deb into `folder`; nothing of it is run."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["dpkg-deb", "-x", package, folder], capture_output=True, check=False)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise SupplyError(f"{package.name} cannot be unpacked: {said}", "Fetch it again.")


def unpack_packages(
    cache: Path, patterns: Sequence[str], folder: Path, *, components: str, what: str, on_progress: OnProgress = unseen
) -> dict[str, str]:
    """Unpack packages of this Debian release into `folder`; return name -> version. `what` names the job for people.

    A pattern is a regular expression for a whole package name: library names carry numbers that differ by release.
    """
    release = codename()
    on_progress(what, 0, len(patterns) + 2)
    with private_apt(cache, release, components) as apt:
        on_progress(what, 1, len(patterns) + 2)
        names = [_one(apt, pattern, release) for pattern in patterns]
        versions = {name: apt.version(name) for name in names}
        packages = apt.download(names, apt.folder / "debs")
        on_progress(what, 2, len(patterns) + 2)
        for count, package in enumerate(packages, start=3):
            unpack(package, folder)
            on_progress(what, count, len(patterns) + 2)
    return versions


def _one(apt: PrivateApt, pattern: str, release: str) -> str:
    prefix = re.split(r"[\[\\.(*+?]", pattern, maxsplit=1)[0]
    found = sorted(name for name in apt.names(prefix) if re.fullmatch(pattern, name))
    if not found:
        raise SupplyError(f"Debian {release} has no package named {pattern}.", NEEDS_DEBIAN)
    return found[-1]
