"""Downloads against a real server on loopback: cut, resumed, refused, changed."""

import hashlib
import random
import socket
from pathlib import Path

import pytest
from supply_server import FileServer, Served

from voicebot.supplies.download import Expected, copy, download
from voicebot.supplies.errors import SupplyError

BODY = random.Random(1).randbytes(700_000)
SHA256 = hashlib.sha256(BODY).hexdigest()


def no_sleep(_seconds: float) -> None:
    pass


def test_a_file_arrives_whole_and_progress_is_told(server: FileServer, tmp_path: Path) -> None:
    server.files["/m.zip"] = Served(BODY)
    told: list[tuple[str, int, int | None]] = []
    sha256 = download(
        f"{server.url}/m.zip",
        tmp_path / "m.zip",
        Expected(len(BODY), sha256=SHA256),
        on_progress=lambda *step: told.append(step),
    )
    assert sha256 == SHA256
    assert (tmp_path / "m.zip").read_bytes() == BODY
    assert told[-1] == ("m.zip", len(BODY), len(BODY))
    assert [path.name for path in tmp_path.iterdir()] == ["m.zip"]


def test_a_cut_download_goes_on_where_it_was_cut(server: FileServer, tmp_path: Path) -> None:
    server.files["/m.zip"] = Served(BODY, faults=["cut", "cut"])
    download(f"{server.url}/m.zip", tmp_path / "m.zip", Expected(sha256=SHA256), sleep=no_sleep)
    assert (tmp_path / "m.zip").read_bytes() == BODY
    first, second, third = server.ranges
    assert first is None
    assert second is not None
    assert third is not None
    assert 0 < int(second[6:-1]) < int(third[6:-1]) < len(BODY)


def test_a_later_call_goes_on_where_an_earlier_one_gave_up(server: FileServer, tmp_path: Path) -> None:
    server.files["/m.zip"] = Served(BODY, faults=["cut", "500", "500", "500"])
    with pytest.raises(SupplyError, match="HTTP 500"):
        download(f"{server.url}/m.zip", tmp_path / "m.zip", sleep=no_sleep)
    assert not (tmp_path / "m.zip").exists()
    download(f"{server.url}/m.zip", tmp_path / "m.zip", Expected(sha256=SHA256), sleep=no_sleep)
    assert server.ranges[-1] == f"bytes={len(BODY) // 2}-"


def test_a_file_that_changed_between_two_attempts_is_not_glued_to_the_old_half(server: FileServer, tmp_path: Path) -> None:
    server.files["/m.zip"] = Served(BODY, faults=["cut", "500", "500", "500"])
    with pytest.raises(SupplyError):
        download(f"{server.url}/m.zip", tmp_path / "m.zip", sleep=no_sleep)
    new = random.Random(2).randbytes(650_000)
    server.files["/m.zip"] = Served(new, etag='"two"')
    download(f"{server.url}/m.zip", tmp_path / "m.zip", sleep=no_sleep)
    assert (tmp_path / "m.zip").read_bytes() == new


def test_a_server_that_ignores_ranges_is_read_from_the_start(server: FileServer, tmp_path: Path) -> None:
    server.files["/m.zip"] = Served(BODY, faults=["cut", "ignore-range"])
    download(f"{server.url}/m.zip", tmp_path / "m.zip", Expected(sha256=SHA256), sleep=no_sleep)
    assert (tmp_path / "m.zip").read_bytes() == BODY


def test_a_part_that_is_whole_already_is_accepted(server: FileServer, tmp_path: Path) -> None:
    server.files["/m.zip"] = Served(BODY)
    (tmp_path / "m.zip.part").write_bytes(BODY)
    (tmp_path / "m.zip.part.json").write_text(f'{{"url": "{server.url}/m.zip", "validator": "\\"one\\""}}')
    download(f"{server.url}/m.zip", tmp_path / "m.zip", Expected(sha256=SHA256), sleep=no_sleep)
    assert (tmp_path / "m.zip").read_bytes() == BODY
    assert len(server.ranges) == 1


@pytest.mark.parametrize("status", ["403", "404", "451"])
def test_a_refusal_is_not_repeated_and_carries_the_cure(server: FileServer, tmp_path: Path, status: str) -> None:
    server.files["/m.zip"] = Served(BODY, faults=[status] * 4)
    with pytest.raises(SupplyError, match=f"HTTP {status}") as refused:
        download(f"{server.url}/m.zip", tmp_path / "m.zip", cure="Put it there yourself.", sleep=no_sleep)
    assert refused.value.cure == "Put it there yourself."
    assert len(server.ranges) == 1


def test_a_closed_port_is_tried_with_growing_waits_and_then_told(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    waits: list[float] = []
    with pytest.raises(SupplyError, match="ConnectError"):
        download(f"http://127.0.0.1:{port}/m.zip", tmp_path / "m.zip", sleep=waits.append)
    assert waits == [1, 2, 4]


@pytest.mark.parametrize(
    ("expected", "what"),
    [
        (Expected(sha256="0" * 64), "SHA-256"),
        (Expected(md5="0" * 32), "MD5"),
        (Expected(size_bytes=len(BODY) + 1), "bytes instead of"),
        (Expected(size_bytes=len(BODY) - 1), "bytes instead of"),
    ],
)
def test_another_file_than_expected_is_refused_and_not_kept(
    server: FileServer, tmp_path: Path, expected: Expected, what: str
) -> None:
    server.files["/m.zip"] = Served(BODY)
    with pytest.raises(SupplyError, match=what):
        download(f"{server.url}/m.zip", tmp_path / "m.zip", expected, sleep=no_sleep)
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_body_without_a_length_is_noticed_by_its_size(server: FileServer, tmp_path: Path) -> None:
    server.files["/m.zip"] = Served(BODY[:-1], has_length=False)
    with pytest.raises(SupplyError, match="truncated"):
        download(f"{server.url}/m.zip", tmp_path / "m.zip", Expected(size_bytes=len(BODY)), sleep=no_sleep)


def test_a_body_without_end_is_cut_off(server: FileServer, tmp_path: Path) -> None:
    server.files["/m.zip"] = Served(BODY, has_length=False, faults=["endless"])
    with pytest.raises(SupplyError, match="more than"):
        download(f"{server.url}/m.zip", tmp_path / "m.zip", Expected(size_bytes=len(BODY)), sleep=no_sleep)


def test_a_copy_is_checked_like_a_download(tmp_path: Path) -> None:
    source = tmp_path / "mirror" / "m.zip"
    source.parent.mkdir()
    source.write_bytes(BODY)
    assert copy(source, tmp_path / "m.zip", Expected(sha256=SHA256)) == SHA256
    with pytest.raises(SupplyError, match="SHA-256"):
        copy(source, tmp_path / "n.zip", Expected(sha256="1" * 64))
    with pytest.raises(SupplyError, match="cannot be read"):
        copy(tmp_path / "absent", tmp_path / "o.zip")
    assert not (tmp_path / "n.zip").exists()
