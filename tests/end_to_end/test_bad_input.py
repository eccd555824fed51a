"""What an engineer or the machine does wrong: a clear error, or a call that goes on."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from robot import ROOT, running_robot, transcript
from sip_peers import free_port, need_baresip, to_toml
from speaking import Patient

from voicebot.supervisor import EXIT_CONFIGURATION

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(200)]


def serve(folder: Path, settings: dict[str, dict[str, object]], seconds: float = 150) -> tuple[int, str]:
    """Run `voicebot serve` until it ends by itself; return status and output."""
    merged: dict[str, object] = {
        "data_dir": str(folder / "var"),
        "sip": {"port": free_port()},
        "http": {"port": free_port()},
        "channels": {"is_enabled": False},
        "cascade": {"is_enabled": False},
        "dialog": {"folder": str(ROOT / "dialplans" / "demo")},
        **settings,
    }
    config = folder / "voicebot.toml"
    config.write_text(to_toml(merged))
    done = subprocess.run(
        [sys.executable, "-m", "voicebot.cli", "serve"],
        env={**os.environ, "VOICEBOT_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_broken_dialplan_names_file_and_line(tmp_path: Path) -> None:
    clinic = tmp_path / "clinic"
    shutil.copytree(ROOT / "dialplans" / "demo", clinic)
    file = clinic / "dialplans" / "booking.yaml"
    lines = file.read_text().splitlines()
    at = next(n for n, line in enumerate(lines) if "service: find_slots" in line)
    lines[at] = lines[at].replace("find_slots", "find_slotz")
    file.write_text("\n".join(lines))
    code, output = serve(tmp_path, {"dialog": {"folder": str(clinic)}})
    assert code == EXIT_CONFIGURATION
    assert "booking.yaml" in output
    assert str(at + 1) in output
    assert "find_slotz" in output
    assert "Traceback" not in output


def test_a_missing_model_is_named_with_its_cure(tmp_path: Path) -> None:
    code, output = serve(tmp_path, {"hearing": {"model": str(tmp_path / "no-such-model")}})
    assert code == EXIT_CONFIGURATION
    assert "no-such-model" in output
    assert "Traceback" not in output


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    port = free_port()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
        holder.bind(("127.0.0.1", port))
        code, output = serve(tmp_path, {"sip": {"port": port}})
    assert code == EXIT_CONFIGURATION
    assert str(port) in output
    assert "Traceback" not in output


def test_a_full_disk_costs_the_recording_not_the_call(tmp_path: Path) -> None:
    need_baresip()
    with running_robot(tmp_path, {"recordings": {"minimum_free_mb": 10**9}}) as robot, Patient(tmp_path) as patient:
        patient.dial(robot.uri)
        patient.wait_for("CALL_ESTABLISHED")
        patient.say("Сколько стоит приём терапевта?")
        patient.wait_robot()
        alarms = robot.status()["brain-1"]["alarms"]
        patient.hang_up()
        dialog = robot.wait_finished()
        assert alarms == {"recording_stopped": 1}
        assert dialog.recording_path == ""
        assert any("рублей" in turn.text for turn in dialog.turns), transcript(list(dialog.turns))


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold SQLite's write lock."""
    connection = sqlite3.connect(file, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def test_a_locked_database_loses_no_turn(tmp_path: Path) -> None:
    need_baresip()
    with running_robot(tmp_path) as robot, Patient(tmp_path) as patient:
        patient.dial(robot.uri)
        patient.wait_for("CALL_ESTABLISHED")
        patient.wait_robot()
        with locked(robot.database_file):
            patient.say("Запишите меня к терапевту.")
            patient.wait_robot()
            assert robot.status()["brain-1"]["is_database_refusing"]
        patient.hang_up()
        dialog = robot.wait_finished(40)
        story = transcript(list(dialog.turns))
        assert [turn.number for turn in dialog.turns] == list(range(1, len(dialog.turns) + 1)), story
        assert any("терапевт" in turn.text for turn in dialog.turns if turn.who == "caller"), story
