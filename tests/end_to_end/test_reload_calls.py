"""Dialogs are changed while a call is held: it ends on the old ones, the next begins on the new; wrong ones change nothing."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from demo_clinic import DEMO
from robot import Robot, running_robot
from sip_peers import RawSip, wait_until

from voicebot.records.dialogs import Dialog

pytestmark = [pytest.mark.call, pytest.mark.slow, pytest.mark.timeout(480)]


def reload(robot: Robot) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "voicebot.cli", "reload"]
    return subprocess.run(command, env=robot.environment, cwd=robot.folder, capture_output=True, text=True, timeout=300)


def call(raw: RawSip) -> None:
    raw.send(raw.invite())
    raw.wait_for("SIP/2.0 200")
    raw.send(raw.message("ACK"))


def hold(raw: RawSip, cseq: int, direction: str) -> None:
    raw.send(raw.invite(cseq=cseq, direction=direction))
    raw.wait_for("SIP/2.0 200")
    raw.send(raw.message("ACK", cseq=cseq, branch=f"{raw.key}ACK{cseq}"))


def said(dialog: Dialog) -> str:
    return " ".join(turn.text for turn in dialog.turns if turn.prompt)


def test_a_call_keeps_its_dialogs_and_the_next_gets_the_new_ones(tmp_path: Path) -> None:
    folder = tmp_path / "clinic"
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("conversations", "patients"))
    main = folder / "dialplans" / "main.yaml"
    old = main.read_text()
    new = old.replace("робот-администр+атор Вера", "робот-администр+атор Надежда").replace(
        "Я вас слушаю. Чем помочь?", "Алл+о, вы здесь?"
    )
    assert new.count("Надежда") == new.count("вы здесь") == 1

    settings = {"dialog": {"folder": str(folder)}, "sip": {"silent_peer_seconds": 0}}  # nobody here sends RTP
    with running_robot(tmp_path, settings) as robot, RawSip(robot.port) as first:
        before = robot.status()["brain-1"]["dialplan"]
        call(first)
        early = wait_until(lambda: [head for head in robot.dialogs() if "Вера" in said(robot.dialog(head.id))], "the greeting")[
            0
        ]

        hold(first, 2, "sendonly")  # so that it is where it was when the dialogs are new

        main.write_text(new)
        done = reload(robot)
        assert done.returncode == 0, done.stderr + robot.log[-4000:]
        version = robot.status()["brain-1"]["dialplan"]
        assert version != before
        assert f"brain-1: {version}" in done.stdout
        with RawSip(robot.port) as second:
            call(second)
            wait_until(lambda: any("Надежда" in said(robot.dialog(head.id)) for head in robot.dialogs()), "the new greeting")
            assert "слушаю" not in said(robot.dialog(early.id))
            hold(first, 3, "sendrecv")
            wait_until(lambda: "Я вас слушаю" in said(robot.dialog(early.id)), "the old words in the call that goes on", 40)
            assert "вы здесь" not in said(robot.dialog(early.id))

            main.write_text(new.replace("type: request", "type: reqest", 1))
            line = next(number for number, text in enumerate(new.splitlines(), start=1) if "type: request" in text)
            refused = reload(robot)
            assert refused.returncode == 78
            assert f"main.yaml:{line}" in "".join(refused.stderr.split())
            assert f"main.yaml:{line}" in robot.log
            assert robot.status()["brain-1"]["dialplan"] == version
            with RawSip(robot.port) as third:
                call(third)
                wait_until(lambda: sum("Надежда" in said(robot.dialog(head.id)) for head in robot.dialogs()) == 2, "served")
                third.send(third.message("BYE", cseq=2))
            second.send(second.message("BYE", cseq=2))
        first.send(first.message("BYE", cseq=4))
        wait_until(lambda: all(head.outcome for head in robot.dialogs()), "every dialog has an outcome")
        versions = {head.id: head.versions["dialplan"] for head in robot.dialogs()}
        assert versions.pop(early.id) == before
        assert set(versions.values()) == {version}
        assert not robot.status()["supervisor"]["restarts"]["brain-1"]
