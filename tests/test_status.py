import errno
import os
from pathlib import Path

import pytest

from voicebot import status
from voicebot.clock import VirtualClock


def test_fresh_is_alive_stale_is_not(tmp_path: Path) -> None:
    clock = VirtualClock()
    status.publish(tmp_path, "line", clock, calls=2)
    found = status.read(tmp_path, clock)
    assert found["line"]["calls"] == 2
    assert found["line"]["pid"] == os.getpid()
    assert found["line"]["is_alive"]
    clock.advance(status.STALE_SECONDS + 1)
    assert not status.read(tmp_path, clock)["line"]["is_alive"]


def test_a_full_disk_silences_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = VirtualClock()

    def no_room(self: Path, text: str) -> None:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", no_room)
    with pytest.raises(OSError, match="No such file"):
        status.publish(tmp_path, "line", clock)
    monkeypatch.undo()
    status.publish(tmp_path, "line", clock, calls=2_000_000)
    monkeypatch.setattr(Path, "write_text", no_room)
    clock.advance(60)
    status.publish(tmp_path, "line", clock, calls=3)
    assert (status.read(tmp_path, clock)["line"]["calls"], status.read(tmp_path, clock)["line"]["is_alive"]) == (3, True)
    assert [file.name for file in tmp_path.iterdir()] == ["line.json"]


def test_torn_files_are_passed_over_and_withdrawn_ones_gone(tmp_path: Path) -> None:
    (tmp_path / "brain-1.json").write_text('{"pid"')
    assert status.read(tmp_path, VirtualClock()) == {}
    status.publish(tmp_path, "line", VirtualClock())
    status.withdraw(tmp_path, "line")
    assert "line" not in status.read(tmp_path, VirtualClock())
