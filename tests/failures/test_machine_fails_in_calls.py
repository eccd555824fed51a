"""The disk fills, the database's file goes away, somebody sets the clock, all while a patient speaks: nothing said is lost."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bad_day import FAULTS, Day, a_day
from sip_peers import wait_until

from voicebot.records.dialogs import Dialog, Who

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(300)]

_DISK_MB = 160
_COMPILER = shutil.which("cc")


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    """A robot whose data lies on a small disk of its own, and whose clock can be set."""
    folder = tmp_path_factory.mktemp("machine")
    disk = folder / "var"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(disk)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        with a_day(folder, environment=_clock_that_can_be_set(folder)) as day:
            yield day
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _clock_that_can_be_set(folder: Path) -> dict[str, str]:
    if _COMPILER is None:
        return {}
    library = folder / "wall_clock.so"
    source = FAULTS / "wall_clock.c"
    subprocess.run([_COMPILER, "-O2", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    set_clock(folder, 0)
    return {"LD_PRELOAD": str(library), "VOICEBOT_TEST_CLOCK": str(folder / "clock")}


def set_clock(folder: Path, offset_seconds: int) -> None:
    """Set the clock of all processes of the robot; the monotonic one stays."""
    file = os.open(folder / "clock", os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.write(file, offset_seconds.to_bytes(8, sys.byteorder, signed=True))
    finally:
        os.close(file)


def is_whole(dialog: Dialog) -> bool:
    """No turn is missing."""
    return [turn.number for turn in dialog.turns] == list(range(1, len(dialog.turns) + 1))


def test_a_disk_without_a_byte_left(day: Day) -> None:
    filler = day.robot.data_dir / "filler"
    with day.caller("+79160000001") as patient:
        dialog_id = day.begin(patient)
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                os.fsync(file.fileno())
        patient.say_now("Сколько стоит приём терапевта?")
        patient.wait_robot()
        patient.say_now("Где вы находитесь?")
        patient.wait_robot()
        assert "CALL_CLOSED" not in patient.types()
        assert "recording_stopped" in day.robot.log
        filler.unlink()
        wait_until(lambda: day.robot.status()["brain-1"]["alarms"].get("recording_stopped") == 1, "the alarm is shown", 10)
        patient.hang_up()
    dialog = day.ended(dialog_id)
    assert is_whole(dialog), day.story(dialog_id)
    assert "терапевт" in day.said(dialog_id, Who.CALLER), day.story(dialog_id)
    assert dialog.outcome == "informed"
    assert day.recorded_seconds(dialog) > 3  # what was recorded before can be heard


def test_a_database_file_that_is_moved_away_for_a_while(day: Day) -> None:
    file = day.robot.database_file
    with day.caller("+79160000002") as patient:
        dialog_id = day.begin(patient)
        file.rename(file.with_suffix(".away"))
        patient.say_now("Сколько стоит приём терапевта?")
        patient.wait_robot()
        wait_until(lambda: day.robot.status()["brain-1"]["is_database_refusing"], "the engineer is told", 10)
        assert not file.exists()  # nobody made an empty one in its place
        file.with_suffix(".away").rename(file)
        patient.hang_up()
    dialog = day.ended(dialog_id)
    assert is_whole(dialog), day.story(dialog_id)
    assert "терапевт" in day.said(dialog_id, Who.CALLER), day.story(dialog_id)
    assert dialog.outcome == "informed"


@pytest.mark.skipif(_COMPILER is None, reason="no C compiler here (apt-get install gcc)")
def test_a_clock_that_is_set_to_and_fro(day: Day) -> None:
    with day.caller("+79160000003") as patient:
        dialog_id = day.begin(patient)
        set_clock(day.folder, 3 * 3600)
        patient.say_now("Сколько стоит общий анализ крови?")
        patient.wait_robot()
        patient.say_now("Сколько стоит приём терапевта?")  # the desk has looked for lost calls meanwhile
        patient.wait_robot()
        set_clock(day.folder, -2 * 3600)
        patient.say_now("Где вы находитесь?")
        patient.wait_robot()
        assert day.robot.dialog(dialog_id).outcome == ""  # nobody took the call for lost
        facts = day.robot.status()
        assert all(facts[name]["is_alive"] for name in ("line", "brain-1", "supervisor")), facts
        patient.hang_up()
    set_clock(day.folder, 0)
    dialog = day.ended(dialog_id)
    story = day.story(dialog_id)
    assert not dialog.transfer_target, story  # its time was not over, as nobody had talked for three hours
    assert dialog.outcome == "informed", story
    assert 5 < (dialog.handling_seconds or 0) < 200, story
    assert day.messages(dialog_id) == []
    assert "process hangs" not in day.robot.log
    assert "process died" not in day.robot.log
