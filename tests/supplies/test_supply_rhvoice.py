"""What is kept of Debian's RHVoice packages."""

from pathlib import Path

import pytest

from voicebot.supplies.errors import SupplyError
from voicebot.supplies.rhvoice import PERMITTED, arrange, find_rhvoice


def unpacked(root: Path, voices: list[str]) -> Path:
    libraries = root / "usr/lib/x86_64-linux-gnu"
    libraries.mkdir(parents=True)
    for name, target in {"libsonic.so.0": "libsonic.so.0.2.0", "libRHVoice_core.so.7": "libRHVoice_core.so.7.0.0"}.items():
        (libraries / target).write_text(target)
        (libraries / name).symlink_to(target)
    (libraries / "libRHVoice.so.5").write_text("5")
    for voice in voices:
        (root / "usr/share/RHVoice/voices" / voice).mkdir(parents=True)
        (root / "usr/share/RHVoice/voices" / voice / "voice.info").write_text(f"name={voice}")
    (root / "usr/share/RHVoice/languages/Russian").mkdir(parents=True)
    (root / "usr/share/doc/rhvoice-russian").mkdir(parents=True)
    (root / "usr/share/doc/rhvoice-russian/copyright").write_text("LGPL-2.1+")
    return root


def test_only_voices_that_a_clinic_may_use_are_kept(tmp_path: Path) -> None:
    root = unpacked(tmp_path / "root", ["elena", "aleksandr-hq", "artemiy", "tatiana", "arina"])
    arrange(root, tmp_path / "rhvoice", "1.8")
    files = find_rhvoice(tmp_path)
    assert files is not None
    assert files.voices == ("aleksandr-hq", "elena")
    assert sorted(path.name for path in (files.data / "voices").iterdir()) == ["aleksandr-hq", "elena"]
    assert files.version == "1.8"
    # in the order in which they are loaded, as files rather than links, under the names they are asked for by
    assert [path.name for path in files.libraries] == ["libsonic.so.0", "libRHVoice_core.so.7", "libRHVoice.so.5"]
    assert not any(path.is_symlink() for path in files.libraries)
    assert (tmp_path / "rhvoice/licences/rhvoice-russian.txt").read_text() == "LGPL-2.1+"


def test_what_is_not_whole_does_not_count(tmp_path: Path) -> None:
    assert find_rhvoice(tmp_path) is None
    arrange(unpacked(tmp_path / "root", ["elena"]), tmp_path / "rhvoice", "1.8")
    (tmp_path / "rhvoice/lib/libRHVoice.so.5").unlink()
    assert find_rhvoice(tmp_path) is None
    (tmp_path / "rhvoice/ready.json").write_text("{")
    assert find_rhvoice(tmp_path) is None


def test_only_voices_that_a_clinic_may_not_use_are_no_voice(tmp_path: Path) -> None:
    arrange(unpacked(tmp_path / "root", ["artemiy"]), tmp_path / "rhvoice", "1.8")
    assert find_rhvoice(tmp_path) is None


def test_packages_without_the_library_are_refused(tmp_path: Path) -> None:
    root = unpacked(tmp_path / "root", ["elena"])
    (root / "usr/lib/x86_64-linux-gnu/libRHVoice.so.5").unlink()
    with pytest.raises(SupplyError, match=r"libRHVoice\.so"):
        arrange(root, tmp_path / "rhvoice", "1.8")


def test_no_permitted_licence_forbids_commercial_use() -> None:
    assert all("NC" not in licence for licence in PERMITTED.values())
