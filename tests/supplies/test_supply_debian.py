"""The private apt: against an archive of our own, signed with a key of our own, on loopback."""

import gzip
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from supply_server import FileServer, Served

from voicebot.supplies import debian
from voicebot.supplies.debian import codename, configuration, keyring, mirrors, parse_source_files, private_apt, unpack_packages
from voicebot.supplies.errors import SupplyError

TOOLS = ("apt-get", "apt-cache", "dpkg-deb", "gpg", "gpgv")
LACKING = [tool for tool in TOOLS if shutil.which(tool) is None]
needs_tools = pytest.mark.skipif(bool(LACKING), reason=f"not installed: {', '.join(LACKING)}")


def package(folder: Path, name: str, version: str) -> bytes:
    root = folder / name
    (root / "DEBIAN").mkdir(parents=True)
    (root / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: a <a@b.invalid>\nDescription: test\n"
    )
    # a package's scripts are never run
    (root / "DEBIAN" / "preinst").write_text(f"#!/bin/sh\ntouch {folder}/was-run\n")
    (root / "DEBIAN" / "preinst").chmod(0o755)
    (root / "usr/share").mkdir(parents=True)
    (root / "usr/share" / name).write_text(version)
    made = folder / f"{name}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", root, made], check=True, capture_output=True)
    return made.read_bytes()


class Archive:
    """A signed archive with one release, one component, a few packages and one source package."""

    def __init__(self, server: FileServer, work: Path) -> None:
        self.server, self.work = server, work
        self.home = work / "gnupg"
        self.home.mkdir(mode=0o700)
        self.gpg("--quick-generate-key", "--passphrase", "", "archive@test.invalid", "ed25519", "sign", "never")
        self.keyring = work / "debian-archive-keyring.gpg"
        self.keyring.write_bytes(self.gpg("--export"))
        self.source = b"source of a library" * 100
        index = ""
        for name, version in {"libthing7": "1.8-3", "libthing-core7": "1.8-3", "thing-voice": "2.0"}.items():
            data = package(work, name, version)
            path = f"pool/{name}.deb"
            server.files[f"/debian/{path}"] = Served(data)
            index += (
                f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: a <a@b.invalid>\nFilename: {path}\n"
                f"Size: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\nDescription: test\n\n"
            )
        server.files["/debian/pool/thing_1.orig-Xpjproject.tar.xz"] = Served(self.source)
        dsc = b"Format: 3.0 (quilt)\nSource: thing\n"
        server.files["/debian/pool/thing_1-1.dsc"] = Served(dsc)
        listed = "".join(
            f"\n {hashlib.sha256(data).hexdigest()} {len(data)} {name}"
            for name, data in {"thing_1-1.dsc": dsc, "thing_1.orig-Xpjproject.tar.xz": self.source}.items()
        )
        sources = (
            "Package: thing\nFormat: 3.0 (quilt)\nBinary: thing\nArchitecture: any\nVersion: 1-1\n"
            f"Maintainer: a <a@b.invalid>\nDirectory: pool\nChecksums-Sha256:{listed}\n\n"
        )
        architecture = subprocess.run(
            ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
        ).stdout.strip()
        self.publish({f"main/binary-{architecture}/Packages": index, "main/source/Sources": sources})

    def gpg(self, *arguments: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self.home), "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback", *arguments]
        return subprocess.run(command, input=data, check=True, capture_output=True).stdout

    def publish(self, indexes: dict[str, str]) -> None:
        lines = ""
        for name, text in indexes.items():
            data = gzip.compress(text.encode(), mtime=0)
            self.server.files[f"/debian/dists/bookworm/{name}.gz"] = Served(data)
            for what, content in {name: text.encode(), f"{name}.gz": data}.items():
                lines += f" {hashlib.sha256(content).hexdigest()} {len(content)} {what}\n"
        release = (
            "Origin: Debian\nSuite: stable\nCodename: bookworm\nDate: Sat, 21 Nov 2026 00:00:00 UTC\n"
            f"Architectures: amd64 arm64 all\nComponents: main\nSHA256:\n{lines}"
        )
        signed = self.gpg("--clearsign", data=release.encode())
        self.server.files["/debian/dists/bookworm/InRelease"] = Served(signed)


@pytest.fixture
def archive(server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    work = tmp_path / "archive"
    work.mkdir()
    made = Archive(server, work)
    monkeypatch.setattr(debian, "mirrors", lambda release: [f"{server.url}/debian/"])
    monkeypatch.setattr(debian, "codename", lambda: "bookworm")
    monkeypatch.setattr(debian, "keyring", lambda: made.keyring)
    yield made
    subprocess.run(["gpgconf", "--homedir", made.home, "--kill", "all"], check=False, capture_output=True)


PATTERNS = (r"libthing-core\d+", r"libthing\d+", "thing-voice")


@needs_tools
def test_packages_are_unpacked_and_nothing_of_them_is_run(archive: Archive, tmp_path: Path) -> None:
    before = system_state()
    told: list[tuple[str, int, int | None]] = []
    root = tmp_path / "root"
    versions = unpack_packages(
        tmp_path / "cache", PATTERNS, root, components="main", what="things", on_progress=lambda *step: told.append(step)
    )
    assert versions == {"libthing-core7": "1.8-3", "libthing7": "1.8-3", "thing-voice": "2.0"}
    assert sorted(path.name for path in (root / "usr/share").iterdir()) == sorted(versions)
    assert told[-1] == ("things", 5, 5)
    assert not (archive.work / "was-run").exists()
    assert system_state() == before
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["log"]  # the private lists are gone


def system_state() -> list[tuple[str, int]]:
    """What a private apt must not change."""
    places = [Path("/var/lib/dpkg/status"), Path("/var/lib/apt/lists"), Path("/var/cache/apt/archives")]
    files = [path for place in places if place.exists() for path in (place.iterdir() if place.is_dir() else [place])]
    return sorted((str(path), path.stat().st_mtime_ns) for path in files if os.access(path, os.R_OK))


@needs_tools
def test_a_package_that_was_changed_is_refused(archive: Archive, tmp_path: Path) -> None:
    served = archive.server.files["/debian/pool/thing-voice.deb"]
    served.body = served.body[:-1] + bytes([served.body[-1] ^ 1])
    with pytest.raises(SupplyError, match="apt-get failed"):
        unpack_packages(tmp_path / "cache", PATTERNS, tmp_path / "root", components="main", what="things")
    assert not (tmp_path / "root").exists()


@needs_tools
def test_an_archive_signed_by_another_key_is_refused(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.gpg"
    other.write_bytes(b"")
    monkeypatch.setattr(debian, "keyring", lambda: other)
    with pytest.raises(SupplyError, match="apt-get failed") as refused:
        unpack_packages(tmp_path / "cache", PATTERNS, tmp_path / "root", components="main", what="things")
    assert "apt-get update" in refused.value.cure


@needs_tools
def test_the_next_mirror_is_tried(archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = archive.server.url
    monkeypatch.setattr(debian, "mirrors", lambda release: [f"{url}/absent/", f"{url}/debian/"])
    with private_apt(tmp_path / "cache", "bookworm", "main") as apt:
        assert set(apt.names("libthing")) == {"libthing-core7", "libthing7"}


@needs_tools
def test_a_name_that_this_release_does_not_have_is_told(archive: Archive, tmp_path: Path) -> None:
    with pytest.raises(SupplyError, match=r"bookworm has no package named librhvoice\\d\+"):
        unpack_packages(tmp_path / "cache", [r"librhvoice\d+"], tmp_path / "root", components="main", what="things")


@needs_tools
def test_a_source_component_is_found_and_verified(archive: Archive, tmp_path: Path) -> None:
    with private_apt(tmp_path / "cache", "bookworm", "main", is_source=True) as apt:
        files = apt.source_files("thing")
        component = next(file for file in files if "orig-Xpjproject" in file.name)
        apt.fetch(component, tmp_path / "source.tar.xz")
        assert (tmp_path / "source.tar.xz").read_bytes() == archive.source
        archive.server.files["/debian/pool/thing_1.orig-Xpjproject.tar.xz"].body = b"x" * len(archive.source)
        with pytest.raises(SupplyError, match="apt-helper failed"):
            apt.fetch(component, tmp_path / "changed.tar.xz")


def fake_apt(folder: Path, known: str, planned: str) -> None:
    folder.mkdir()
    script = folder / "apt-get"
    script.write_text(f"#!/bin/sh\ncase $1 in\nindextargets) printf '%s' '{known}';;\n*) cat <<'END'\n{planned}\nEND\nesac\n")
    script.chmod(0o755)


def test_the_mirror_is_the_one_that_the_system_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = (
        "Other|http://other.invalid/debian/|bookworm|bookworm\n"
        "Debian|http://mirror.invalid/debian/|bookworm|bookworm\n"
        "Debian|http://mirror.invalid/debian/|bookworm-updates|bookworm-updates\n"
    )
    fake_apt(tmp_path / "bin", known, "'http://other.invalid/debian/dists/bookworm/InRelease' other_InRelease 0")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert mirrors("bookworm") == ["http://mirror.invalid/debian/", "http://other.invalid/debian/"]


def test_a_system_whose_lists_were_never_fetched_still_names_its_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = (
        "'http://mirror.invalid/debian/dists/bookworm/InRelease' x 0\n"
        "'http://mirror.invalid/debian-security/dists/bookworm-security/InRelease' y 0"
    )
    fake_apt(tmp_path / "bin", "", planned)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert mirrors("bookworm") == ["http://mirror.invalid/debian/"]
    with pytest.raises(SupplyError, match="names no Debian mirror of trixie"):
        mirrors("trixie")


def test_a_system_without_apt_or_debian_says_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = tmp_path / "os-release"
    release.write_text('ID=fedora\nVERSION_CODENAME=""\n')
    with pytest.raises(SupplyError, match="not a Debian release") as refused:
        codename(release)
    assert "Debian 12" in refused.value.cure
    release.write_text("ID=debian\nVERSION_CODENAME=bookworm\n")
    assert codename(release) == "bookworm"
    with pytest.raises(SupplyError, match="keyring"):
        keyring(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SupplyError, match="has no apt"):
        mirrors("bookworm")


def test_the_private_configuration_takes_the_proxy_and_no_hooks(tmp_path: Path) -> None:
    system = (
        'Acquire "";\nAcquire::http::Proxy "http://proxy.invalid:3128";\nAcquire::IndexTargets::deb::DEP-11 "";\n'
        'APT::Update::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb";\n'
    )
    made = configuration(tmp_path, system)
    assert 'Acquire::http::Proxy "http://proxy.invalid:3128";' in made
    assert "Post-Invoke" not in made
    assert "IndexTargets" not in made
    assert f'Dir::State::lists "{tmp_path}/lists";' in made


def test_source_files_are_read_from_what_apt_prints() -> None:
    printed = (
        "Need to get 13 MB\n"
        f"'http://m.invalid/a%2bb.dsc' a+b.dsc 5389 SHA256:{'a' * 64}\n"
        f"'http://m.invalid/a.orig.tar.xz' a.orig.tar.xz 12 MD5Sum:{'b' * 32}\n"
    )
    (file,) = parse_source_files(printed)
    assert (file.uri, file.name, file.sha256) == ("http://m.invalid/a%2bb.dsc", "a+b.dsc", "a" * 64)
