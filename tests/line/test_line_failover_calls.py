"""A brain is killed in mid-call: the caller hears an apology and reaches a human with the dialog ID."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from line_brain import APOLOGY_HZ, GOODBYE_HZ, OPERATOR_HZ, PATIENT_HZ, ROBOT_HZ, Brain
from sip_peers import (
    Baresip,
    LineProcess,
    Sipp,
    free_port,
    running_line,
    seconds_of,
    sipp_reply,
    tone,
    wait_until,
)

from voicebot.link.messages import CallStarted

pytestmark = pytest.mark.call


@contextmanager
def brain_process(line: LineProcess) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("line_brain.py")), str(line.socket)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    try:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        yield child
    finally:
        child.kill()
        child.wait()


def dialog_of(line: LineProcess) -> str:
    found = re.search(r"call_started .*dialog=(\w{8})", re.sub(r"\x1b\[[0-9;]*m", "", line.log))
    assert found
    return found[1]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
def test_apology_within_two_seconds_and_the_operator_with_the_id(tmp_path: Path, sign: signal.Signals) -> None:
    with (
        Baresip(tmp_path, "200", says=tone(OPERATOR_HZ, 60), answers=True) as operator,
        running_line(tmp_path, {"transfer": {"targets": {"operator": operator.uri}, "mode": "bridge"}}) as line,
        brain_process(line) as brain,
        Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient,
    ):
        patient.dial(line.uri)
        wait_until(lambda: seconds_of(patient.heard(), ROBOT_HZ) > 0.5, "the robot speaks")
        os.kill(brain.pid, sign)
        killed_at = time.monotonic()
        wait_until(lambda: seconds_of(patient.heard(), APOLOGY_HZ) > 0.1, "the apology")
        assert time.monotonic() - killed_at < 2.0
        wait_until(lambda: seconds_of(operator.heard(), PATIENT_HZ) > 0.5, "the operator hears the patient")
        wait_until(lambda: seconds_of(patient.heard(), OPERATOR_HZ) > 0.5, "the patient hears the operator")
        assert seconds_of(patient.heard(), APOLOGY_HZ) > 0.9  # whole
        assert f"X-Dialog-ID: {dialog_of(line)}" in operator.log
        assert not line.status()["brains"]


def test_without_an_operator_goodbye_and_hang_up(tmp_path: Path) -> None:
    with (
        Sipp(tmp_path, '<recv request="INVITE"/>\n' + sipp_reply("486 Busy Here") + '<recv request="ACK"/>\n') as operator,
        running_line(tmp_path, {"transfer": {"targets": {"operator": f"sip:200@127.0.0.1:{operator.port}"}}}) as line,
        Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient,
    ):
        with Brain(line.socket) as brain:
            patient.dial(line.uri)
            brain.wait(CallStarted)
        patient.wait_for("CALL_CLOSED")
        heard = patient.heard()
        operator.wait()
        line.wait_calls(0)
    assert seconds_of(heard, APOLOGY_HZ) > 0.9
    assert seconds_of(heard, GOODBYE_HZ) > 0.5


def test_a_call_that_finds_no_brain_is_answered_with_the_kept_apology(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with (
        Baresip(tmp_path, "200", says=tone(OPERATOR_HZ, 60), answers=True) as operator,
    ):
        settings = {"transfer": {"targets": {"operator": operator.uri}, "mode": "bridge"}}
        first, second = tmp_path / "first", tmp_path / "second"
        first.mkdir()
        second.mkdir()
        with running_line(first, settings, cache) as line, Brain(line.socket):
            wait_until(lambda: line.status().get("can_apologise"), "the apology is known")
        assert (cache / "apology.pcm").read_bytes() == tone(APOLOGY_HZ, 1.0)
        # A new line, no brain at all: the apology comes from disk.
        with running_line(second, settings, cache) as line, Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient:
            patient.dial(line.uri)
            wait_until(lambda: seconds_of(operator.heard(), PATIENT_HZ) > 0.5, "the operator hears the patient")
            assert seconds_of(patient.heard(), APOLOGY_HZ) > 0.9
            assert f"X-Dialog-ID: {dialog_of(line)}" in operator.log


def test_other_brains_calls_go_on_and_new_calls_go_to_the_living(tmp_path: Path) -> None:
    settings = {"transfer": {"targets": {"operator": f"sip:200@127.0.0.1:{free_port()}"}}}
    with (
        running_line(tmp_path, settings) as line,
        Brain(line.socket, brain_id="b1") as one,
        Baresip(tmp_path, "one", says=tone(PATIENT_HZ, 60)) as first,
        Baresip(tmp_path, "two", says=tone(PATIENT_HZ, 60)) as second,
        Baresip(tmp_path, "three", says=tone(PATIENT_HZ, 60)) as third,
    ):
        wait_until(lambda: len(line.status().get("brains", [])) == 1, "one brain")
        first.dial(line.uri)
        one.wait(CallStarted)
        two = Brain(line.socket, brain_id="b2")
        wait_until(lambda: len(line.status().get("brains", [])) == 2, "two brains")
        second.dial(line.uri)
        two.wait(CallStarted)
        two.close()
        wait_until(lambda: len(line.status().get("brains", [])) == 1, "one brain again")
        third.dial(line.uri)
        assert one.wait(CallStarted, 2).caller == "three"
        call_id = one.all(CallStarted)[0].call_id
        frames = len(one.ticks[call_id])
        wait_until(lambda: len(one.ticks[call_id]) > frames + 50, "the first call goes on")
        assert first.types().count("CALL_CLOSED") == 0
        wait_until(lambda: seconds_of(second.heard(), APOLOGY_HZ) > 0.9, "the second hears the apology")
