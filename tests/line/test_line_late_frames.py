"""Does the count of late frames count them? The line is stopped for a moment, in a call."""

import signal
import time
from pathlib import Path

import pytest
from line_brain import PATIENT_HZ, Brain
from sip_peers import Baresip, LineProcess, running_line, tone, wait_until

from voicebot.line import media as media_module
from voicebot.line.media import MediaSession
from voicebot.link.messages import CallStarted

_STOP_SECONDS = 0.5


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(media_module.time, "monotonic", lambda: now[0])
    return now


def asked_after(media: MediaSession, clock: list[float], *gaps_ms: float) -> int:
    before = media.late_frames
    for gap_ms in gaps_ms:
        clock[0] += gap_ms / 1000
        media.requested()
        media.received(b"")
    return media.late_frames - before


def test_each_frame_that_should_have_left_in_a_gap_is_late(clock: list[float]) -> None:
    media = MediaSession("c1")
    assert asked_after(media, clock, 20, 20, 35, 5, 20) == 0  # a jitter of less than a frame is nothing
    assert asked_after(media, clock, 60) == 2
    assert asked_after(media, clock, 0, 0, 20, 20) == 0  # made up for in a burst: counted once
    assert asked_after(media, clock, 500) == 24


@pytest.mark.call
def test_a_line_that_stood_still_counts_the_frames_it_owed(tmp_path: Path) -> None:
    with running_line(tmp_path) as line, Brain(line.socket) as brain:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        with Baresip(tmp_path, says=tone(PATIENT_HZ, 20)) as patient:
            patient.dial(line.uri)
            brain.wait(CallStarted)
            wait_until(lambda: line.status()["calls"] == 1, "line tells of the call")
            before = line.status()["late_frames"]
            _stand_still(line)
            wait_until(lambda: line.status()["late_frames"] >= before + _STOP_SECONDS * 50 - 2, "the late frames are counted")


def _stand_still(line: LineProcess) -> None:
    line.process.send_signal(signal.SIGSTOP)
    time.sleep(_STOP_SECONDS)
    line.process.send_signal(signal.SIGCONT)
