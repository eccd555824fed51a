import os
from pathlib import Path

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


def test_torn_files_are_passed_over_and_withdrawn_ones_gone(tmp_path: Path) -> None:
    (tmp_path / "brain-1.json").write_text('{"pid"')
    assert status.read(tmp_path, VirtualClock()) == {}
    status.publish(tmp_path, "line", VirtualClock())
    status.withdraw(tmp_path, "line")
    assert "line" not in status.read(tmp_path, VirtualClock())
