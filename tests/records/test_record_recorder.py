import os
import resource
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from voicebot.errors import StorageError
from voicebot.records.flac import blocks, is_complete, repair, repair_all
from voicebot.records.recorder import GAP_LIMIT_FRAMES, Recorder, RecordingStopped, recording_path


def frame(number: int, side: int) -> bytes:
    """20 ms of noise that only this frame of this side has."""
    return np.random.default_rng([number, side]).integers(-8000, 8000, 160).astype("<i2").tobytes()


def expected(caller: list[bytes], robot: list[bytes]) -> NDArray[np.int16]:
    silence = bytes(320)
    sides = [np.frombuffer(b"".join(f or silence for f in side), dtype="<i2") for side in (caller, robot)]
    return np.stack(sides, axis=1)


def test_both_sides_come_back_exactly(tmp_path: Path) -> None:
    path = tmp_path / "2026" / "11" / "22" / "A.flac"
    recorder = Recorder(path, minimum_free_mb=1)
    caller = [frame(n, 0) if n % 3 else b"" for n in range(130)]
    robot = [frame(n, 1) if n % 5 else b"" for n in range(130)]
    for mine, theirs in zip(caller, robot, strict=True):
        recorder.write(mine, theirs)
    assert recorder.duration_ms == 2600
    recorder.close()
    recorder.close()
    samples, rate = soundfile.read(path, dtype="int16")
    assert rate == 8000
    np.testing.assert_array_equal(samples, expected(caller, robot))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert recorder.stopped is None
    info = soundfile.info(path)
    assert (info.format, info.subtype, info.channels) == ("FLAC", "PCM_16", 2)
    assert is_complete(path)


def test_gaps_become_silence_and_late_frames_are_dropped(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    recorder = Recorder(path, minimum_free_mb=0)
    recorder.write(frame(0, 0), frame(0, 1), frame=0)
    recorder.write(frame(160, 0), frame(160, 1), frame=160)
    recorder.write(frame(3, 0), b"", frame=3)
    recorder.write(frame(161, 0)[:100], b"", frame=161)
    recorder.write(b"", b"", frame=162 + GAP_LIMIT_FRAMES + 1)
    recorder.close()
    assert recorder.late_frames == 2
    samples, _ = soundfile.read(path, dtype="int16")
    caller = [b""] * 162
    robot = [b""] * 162
    caller[0], caller[160], caller[161] = frame(0, 0), frame(160, 0), frame(161, 0)[:100] + bytes(220)
    robot[0], robot[160] = frame(0, 1), frame(160, 1)
    np.testing.assert_array_equal(samples, expected(caller, robot))


class Killed(NamedTuple):
    path: Path
    frames: int


@pytest.fixture
def killed(tmp_path: Path) -> Killed:
    """A recording whose process got SIGKILL in mid-call."""
    path = tmp_path / "2026" / "11" / "22" / "KILLED00.flac"
    script = dedent(
        f"""
        import os, signal
        from pathlib import Path
        import numpy as np
        from voicebot.records.recorder import Recorder
        recorder = Recorder(Path({str(path)!r}), 0)
        for n in range(500):
            side = [np.random.default_rng([n, s]).integers(-8000, 8000, 160).astype("<i2").tobytes() for s in (0, 1)]
            recorder.write(*side)
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    return Killed(path, 500)


def all_of(path: Path) -> NDArray[np.int16]:
    return np.concatenate(list(blocks(path)))


def check_killed(samples: NDArray[np.int16], killed: Killed) -> None:
    whole = expected([frame(n, 0) for n in range(killed.frames)], [frame(n, 1) for n in range(killed.frames)])
    assert len(samples) > len(whole) - 2 * 8000, "at most two seconds are lost"
    np.testing.assert_array_equal(samples, whole[: len(samples)])


def test_after_sigkill_what_was_written_is_readable_and_repaired(killed: Killed) -> None:
    assert not is_complete(killed.path)
    check_killed(all_of(killed.path), killed)
    seconds = repair(killed.path)
    assert is_complete(killed.path)
    samples, _ = soundfile.read(killed.path, dtype="int16")
    assert len(samples) == seconds * 8000
    check_killed(samples, killed)
    assert stat.S_IMODE(killed.path.stat().st_mode) == 0o600
    assert [p.name for p in killed.path.parent.iterdir()] == [killed.path.name]
    size = killed.path.stat().st_size
    assert repair(killed.path) == seconds
    assert killed.path.stat().st_size == size


def test_a_torn_last_block_costs_only_itself(killed: Killed) -> None:
    size = killed.path.stat().st_size
    os.truncate(killed.path, size - 1000)
    repair(killed.path)
    samples, _ = soundfile.read(killed.path, dtype="int16")
    whole = expected([frame(n, 0) for n in range(500)], [frame(n, 1) for n in range(500)])
    assert len(samples) > len(whole) - 3 * 8000
    np.testing.assert_array_equal(samples, whole[: len(samples)])


def test_repair_all_leaves_good_files_and_survives_bad_ones(killed: Killed, tmp_path: Path) -> None:
    good = Recorder(killed.path.with_name("GOOD0000.flac"), 0)
    good.write(frame(0, 0), b"")
    good.close()
    before = good.path.read_bytes()
    killed.path.with_name("BAD00000.flac").write_bytes(b"not a recording")
    assert repair_all(tmp_path) == 1
    assert good.path.read_bytes() == before
    assert is_complete(killed.path)
    with pytest.raises(StorageError):
        repair(killed.path.with_name("BAD00000.flac"))


def run(recorder: Recorder, seconds: int) -> None:
    for n in range(seconds * 50):
        recorder.write(frame(n, 0), frame(n, 1))
    recorder.close()


def test_too_little_space_stops_before_it_begins(tmp_path: Path) -> None:
    alarms: list[RecordingStopped] = []
    recorder = Recorder(tmp_path / "a.flac", minimum_free_mb=10**9, on_alarm=alarms.append)
    run(recorder, 1)
    assert recorder.stopped is not None
    assert alarms == [recorder.stopped]
    assert not (tmp_path / "a.flac").exists()


def test_a_folder_that_cannot_be_made_or_a_name_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "a.flac", Path("/proc/voicebot/a.flac"), tmp_path / "file"):
        alarms: list[RecordingStopped] = []
        recorder = Recorder(path, 0, on_alarm=alarms.append)
        run(recorder, 1)
        assert recorder.stopped is not None
        assert len(alarms) == 1
    assert (tmp_path / "file").read_text() == "", "an existing file is never overwritten"


def test_a_disk_that_fills_up_stops_the_recording_and_keeps_its_beginning(tmp_path: Path) -> None:
    # The file-size limit gives the same short write and error as a full disk; it is set in a process of its own.
    path = tmp_path / "a.flac"
    script = dedent(
        f"""
        import resource, signal, sys
        from pathlib import Path
        import numpy as np
        from voicebot.records.recorder import Recorder
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        alarms = []
        recorder = Recorder(Path({str(path)!r}), 0, on_alarm=alarms.append)
        for n in range(500):
            side = [np.random.default_rng([n, s]).integers(-8000, 8000, 160).astype("<i2").tobytes() for s in (0, 1)]
            recorder.write(*side)
        recorder.close()
        assert len(alarms) == 1 and recorder.stopped is alarms[0]
        print(recorder.stopped.message)
        """
    )
    result = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert "File too large" in result.stdout
    assert "Traceback" not in result.stderr
    repair(path)
    samples, _ = soundfile.read(path, dtype="int16")
    whole = expected([frame(n, 0) for n in range(500)], [frame(n, 1) for n in range(500)])
    assert len(samples) > 2 * 8000
    np.testing.assert_array_equal(samples, whole[: len(samples)])


def test_a_really_full_disk(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], check=False, capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        recorder = Recorder(disk / "a.flac", minimum_free_mb=0)
        run(recorder, 10)
        assert recorder.stopped is not None
        assert "No space left" in recorder.stopped.message
        samples = all_of(disk / "a.flac")
        whole = expected([frame(n, 0) for n in range(500)], [frame(n, 1) for n in range(500)])
        assert len(samples) > 8000
        np.testing.assert_array_equal(samples, whole[: len(samples)])
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_memory_stays_flat_over_a_long_call(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.flac", 0)
    sound = (frame(1, 0), frame(1, 1))
    for _ in range(1000):
        recorder.write(*sound)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(30_000):  # ten minutes
        recorder.write(*sound)
    recorder.close()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096, "kilobytes; ten minutes of stereo are 19 MB"


def test_layout() -> None:
    assert recording_path(datetime(2026, 1, 2, 23, 0, tzinfo=UTC), "A1B2C3D4") == Path("2026/01/02/A1B2C3D4.flac")
