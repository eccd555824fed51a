"""Archives that try to do harm, or arrive damaged."""

import stat
import zipfile
from pathlib import Path

import pytest

from voicebot.supplies.errors import SupplyError
from voicebot.supplies.unpack import unpack_zip


def archive(path: Path, members: dict[str, bytes], *, link: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in members.items():
            out.writestr(name, data)
        if link:
            info = zipfile.ZipInfo(link)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            out.writestr(info, "/etc/passwd")
    return path


def test_a_good_archive_replaces_what_was_there(tmp_path: Path) -> None:
    into = tmp_path / "models"
    (into / "m").mkdir(parents=True)
    (into / "m" / "old").write_text("old")
    made = unpack_zip(
        archive(tmp_path / "a.zip", {"m/am/final.mdl": b"x" * 1000}), "m", into, expects=["am/final.mdl"], limit_bytes=1000
    )
    assert made == into / "m"
    assert (made / "am" / "final.mdl").read_bytes() == b"x" * 1000
    assert not (made / "old").exists()
    assert [path.name for path in into.iterdir()] == ["m"]


@pytest.mark.parametrize("name", ["../evil", "m/../../evil", "/evil", "other/evil", "m\\..\\..\\evil", "evil"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SupplyError, match="outside its folder"):
        unpack_zip(archive(tmp_path / "a.zip", {"m/good": b"1", name: b"2"}), "m", tmp_path / "in", expects=[], limit_bytes=100)
    assert not list(tmp_path.rglob("evil*"))


def test_a_link_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SupplyError, match="link"):
        unpack_zip(archive(tmp_path / "a.zip", {"m/x": b"1"}, link="m/link"), "m", tmp_path / "in", expects=[], limit_bytes=100)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(SupplyError, match="instead of at most"):
        unpack_zip(
            archive(tmp_path / "a.zip", {"m/x": bytes(5_000_000)}), "m", tmp_path / "in", expects=[], limit_bytes=1_000_000
        )
    assert not (tmp_path / "in" / "m").exists()


def test_a_damaged_member_is_noticed(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"m/x": bytes(range(256)) * 200})
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(SupplyError, match="damaged"):
        unpack_zip(path, "m", tmp_path / "in", expects=[], limit_bytes=1_000_000)
    assert not (tmp_path / "in" / "m").exists()


def test_a_truncated_archive_is_noticed(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"m/x": bytes(range(256)) * 200})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SupplyError, match="damaged"):
        unpack_zip(path, "m", tmp_path / "in", expects=[], limit_bytes=1_000_000)


def test_a_missing_file_is_named_and_the_old_folder_stays(tmp_path: Path) -> None:
    old = tmp_path / "in" / "m"
    old.mkdir(parents=True)
    (old / "keep").write_text("")
    with pytest.raises(SupplyError, match=r"lacks graph/Gr\.fst"):
        unpack_zip(
            archive(tmp_path / "a.zip", {"m/x": b"1"}), "m", tmp_path / "in", expects=["x", "graph/Gr.fst"], limit_bytes=100
        )
    assert (old / "keep").exists()


def test_names_that_contradict_each_other_are_told(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"m/x": b"1", "m/x/y": b"2"})
    with pytest.raises(SupplyError, match="contradict"):
        unpack_zip(path, "m", tmp_path / "in", expects=[], limit_bytes=100)
    assert not (tmp_path / "in" / "m").exists()


def test_a_member_that_is_larger_than_it_says_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"m/x": bytes(500_000)})
    data = bytearray(path.read_bytes())
    size = (500_000).to_bytes(4, "little")
    assert data.count(size) == 2  # in the member's own header and in the directory
    path.write_bytes(data.replace(size, (10).to_bytes(4, "little")))
    with pytest.raises(SupplyError, match="damaged"):
        unpack_zip(path, "m", tmp_path / "in", expects=[], limit_bytes=1000)
    assert not (tmp_path / "in" / "m").exists()


def test_a_locked_archive_is_told(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", {"m/x": b"1"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1  # "encrypted"
    data[6] |= 1
    path.write_bytes(data)
    with pytest.raises(SupplyError, match="damaged"):
        unpack_zip(path, "m", tmp_path / "in", expects=[], limit_bytes=100)


def test_progress_is_told_while_unpacking(tmp_path: Path) -> None:
    told: list[tuple[str, int, int | None]] = []
    path = archive(tmp_path / "a.zip", {"m/x": bytes(10), "m/y": bytes(30)})
    unpack_zip(
        path,
        "m",
        tmp_path / "in",
        expects=[],
        limit_bytes=100,
        on_progress=lambda what, done, total: told.append((what, done, total)),
    )
    assert told == [("unpack m", 10, 40), ("unpack m", 40, 40)]
