"""The bench's own processes: a sipp that fails is told of, a bench that is ended leaves nothing behind, costs by thread."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from bench import capacity, machine
from bench import robot as robot_module
from bench.capacity import PATIENTS, Level
from bench.sipp import Callers
from voicebot.errors import ConfigurationError
from voicebot.threads import named_pool


def _fake_sipp(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    (folder / "bin").mkdir()
    program = folder / "bin" / "sipp"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}:{os.environ['PATH']}")


def _callers(folder: Path) -> Callers:
    return Callers(folder, folder / "books.alaw", 1.0, 5060, calls=1, at_once=1, a_second=1.0)


def test_a_sipp_that_ends_at_once_is_an_error_with_its_own_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_sipp(tmp_path, monkeypatch, 'echo "Invalid argument: -min_rtp_port"; exit 255')
    callers = _callers(tmp_path)
    with pytest.raises(ConfigurationError, match=r"status 255.*Invalid argument: -min_rtp_port"):
        capacity._look_on([callers], 10.0)


def test_a_sipp_that_calls_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_sipp(tmp_path, monkeypatch, "exec sleep 30")
    callers = _callers(tmp_path)
    try:
        capacity._look_on([callers], 0.1)
    finally:
        callers.stop()
    assert callers.process.returncode is not None


def test_a_bench_that_is_ended_ends_its_robot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []

    class Robot:
        def __init__(self, *_: Any) -> None: ...

        def wait_ready(self) -> None: ...

        def close(self) -> None:
            closed.append(True)

    monkeypatch.setattr(robot_module, "BenchRobot", Robot)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as ended, robot_module.running_robot(tmp_path, None):
        signal.raise_signal(signal.SIGTERM)
    assert (ended.value.code, closed) == (128 + signal.SIGTERM, [True])
    assert signal.getsignal(signal.SIGTERM) is before


def test_costs_are_told_by_the_threads_names() -> None:
    asked, done = threading.Event(), threading.Event()

    def work() -> None:
        began = time.thread_time()
        while time.thread_time() - began < 0.05:
            pass
        asked.set()
        done.wait(30)

    with named_pool("cost-of-test", 1) as pool:
        pool.submit(work)
        asked.wait(30)
        found = machine.thread_seconds(os.getpid())
        done.set()
    assert found["cost-of-test"] >= 0.03


def test_threads_of_one_kind_are_added_up(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = {1: {"clock": 1.0, "media": 2.0, "voicebot line": 3.0}, 2: {"clock": 4.0, "python": 5.0}}
    monkeypatch.setattr(machine, "thread_seconds", threads.__getitem__)
    stages = capacity._by_stage([1, 2], {"clock": "RTP out", "media": "RTP in"}, "rest")
    assert stages == {"RTP out": 5.0, "RTP in": 2.0, "rest": 8.0}


def test_a_level_holds_only_with_all_its_calls_up() -> None:
    told: dict[str, Any] = {
        "calls": 60, "answers": 200, "response_p50_ms": 700.0, "response_p95_ms": 1100.0, "stages_p95_ms": {}, "late_frames": 0,
        "refused": 0, "cpu_seconds": {}, "callers_cpu_seconds": 0.1, "memory_mb": {}, "memory_per_call_mb": {}, "load": 1.0,
    }  # fmt: skip
    assert Level(**told, calls_held=60).holds
    assert Level(**told, calls_held=58).holds
    assert not Level(**told, calls_held=54).holds
    assert not Level(**{**told, "late_frames": 1}, calls_held=60).holds
    assert not Level(**{**told, "answers": 0}, calls_held=60).holds


def test_no_patient_says_goodbye_while_it_is_measured() -> None:
    until = capacity._RAMP_SECONDS + capacity._SETTLE_SECONDS + capacity._WINDOW_SECONDS
    assert all(one.plan[-1][0] > until and one.plan[-1][0] < one.seconds for one in PATIENTS)
