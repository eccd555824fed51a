"""The library outlives whatever we do to it: ends in mid-call, create and destroy, many calls at once."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from line_brain import PATIENT_HZ, ROBOT_HZ, Brain
from sip_peers import (
    SIPP_ANSWERED,
    SIPP_BYE,
    Baresip,
    Sipp,
    free_port,
    free_rtp_range,
    native_cache,
    running_line,
    sipp_invite,
    sipp_reply,
    tone,
    wait_until,
)

from voicebot.link.messages import CallEnded, CallStarted, Play, Transfer, Transferring

pytestmark = pytest.mark.call


def wheel_cache(folder: Path) -> Path:
    return folder / "cache"


BINDINGS = pytest.mark.parametrize(
    "cache_of", [wheel_cache, pytest.param(native_cache, marks=pytest.mark.native)], ids=["wheel", "native"]
)

CYCLES = """
import sys
from pathlib import Path
from voicebot.line.binding import load
from voicebot.settings import Sip

binding = load(Path(sys.argv[1]))
from voicebot.line.endpoint import SipEndpoint

for cycle in range(5):
    endpoint = SipEndpoint(Sip(port=int(sys.argv[2]), rtp_port_first=int(sys.argv[3]), rtp_port_count=20), binding)
    port = endpoint.ports.take(None, lambda sound: None)
    for _ in range(20):
        endpoint.poll(5)
    endpoint.ports.give(port)
    del port
    endpoint.stop()
    print("cycle", cycle, flush=True)
"""

WAITING = """
import sys
import time
from pathlib import Path
from voicebot.line.binding import load
from voicebot.settings import Sip

binding = load(Path(sys.argv[1]))
from voicebot.line.endpoint import SipEndpoint

def busy(work):
    until = time.monotonic() + 0.1
    while time.monotonic() < until:
        pass
    work()

sys.setswitchinterval(10)
for cycle in range(3):
    endpoint = SipEndpoint(Sip(port=int(sys.argv[2]), rtp_port_first=int(sys.argv[3]), rtp_port_count=20), binding)
    endpoint.ports.give(endpoint.ports.take(None, lambda sound: None))
    for _ in range(5):
        endpoint.poll(20)
    endpoint.door.clear = lambda clear=endpoint.door.clear: busy(clear)
    endpoint.stop()
    del endpoint
    print("cycle", cycle, flush=True)
"""


@BINDINGS
@pytest.mark.parametrize("script", [CYCLES, WAITING], ids=["plain", "while-the-clock-waits-for-python"])
def test_create_and_destroy_again_and_again(tmp_path: Path, cache_of: Callable[[Path], Path], script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", script, str(cache_of(tmp_path)), str(free_port()), str(free_rtp_range())],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"cycle {i}" for i in range(5 if script is CYCLES else 3)]


@BINDINGS
def test_ending_in_the_middle_of_everything(tmp_path: Path, cache_of: Callable[[Path], Path]) -> None:
    """One caller is spoken to, one hears an operator's phone ring, one is joined with an operator."""
    rings = '<recv request="INVITE"/>\n' + sipp_reply("180 Ringing") + '<pause milliseconds="20000"/>\n'
    with (
        Baresip(tmp_path, "201", says=tone(PATIENT_HZ, 60), answers=True) as answering,
        Sipp(tmp_path, rings, name="operator") as ringing,
        Baresip(tmp_path, "one", says=tone(PATIENT_HZ, 60)) as one,
        Baresip(tmp_path, "two", says=tone(PATIENT_HZ, 60)) as two,
    ):
        targets = {"answering": answering.uri, "ringing": f"sip:200@127.0.0.1:{ringing.port}"}
        settings = {"transfer": {"targets": targets, "mode": "bridge"}}
        with running_line(tmp_path, settings, cache_of(tmp_path)) as line, Brain(line.socket) as brain:
            wait_until(lambda: line.status().get("brains"), "the brain has joined")
            one.dial(line.uri)
            first = brain.wait(CallStarted).call_id
            brain.send(Transfer(call_id=first, target="answering"))
            wait_until(lambda: any(m.state.value == "bridged" for m in brain.all(Transferring)), "bridged")
            two.dial(line.uri)
            second = brain.wait(CallStarted, 2).call_id
            brain.send(Transfer(call_id=second, target="ringing"))
            wait_until(lambda: brain.all(Transferring)[-1].call_id == second, "ringing")
            brain.send(Play(call_id=second, utterance=0, pcm=tone(ROBOT_HZ, 5), is_last=True))
            assert line.status()["legs"] <= 4
            assert line.stop() == 0, line.log
            brain.wait(CallEnded, 2)  # what line wrote last may still lie in the socket
            assert {m.call_id for m in brain.all(CallEnded)} == {first, second}
        one.wait_for("CALL_CLOSED")
        two.wait_for("CALL_CLOSED")
        answering.wait_for("CALL_CLOSED")
        assert "Traceback" not in line.log
        assert "sip_callback_failed" not in line.log


@pytest.mark.native
def test_forty_calls_at_once(tmp_path: Path) -> None:
    cache = native_cache(tmp_path)
    scenario = sipp_invite() + SIPP_ANSWERED + '<pause milliseconds="4000"/>\n' + SIPP_BYE
    speak = tone(ROBOT_HZ, 2)
    with (
        running_line(tmp_path, {"sip": {"rtp_port_count": 400}}, cache) as line,
        Brain(line.socket, capacity=100, on_started=lambda b, call: b.say(call.call_id, 0, speak)) as brain,
    ):
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        assert line.status()["lines"] == 200
        with Sipp(tmp_path, scenario, remote=f"127.0.0.1:{line.port}", calls=40, more=("-r", "40", "-l", "40")) as sipp:
            wait_until(lambda: line.status()["calls"] == 40, "forty calls")
            sipp.wait()
        brain.wait(CallEnded, 40)
        for started in brain.all(CallStarted):
            ticks = brain.ticks[started.call_id]
            assert [tick.frame for tick in ticks] == list(range(len(ticks)))
            assert len(brain.robot_sound(started.call_id).replace(bytes(320), b"")) > 30_000
        line.wait_calls(0)
        assert line.status()["legs"] == 0
