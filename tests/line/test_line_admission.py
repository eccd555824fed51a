"""Who is answered; which brain takes the call; which pjsua2 is used."""

import subprocess
import sys
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import msgspec
import pytest

from voicebot.errors import LineError
from voicebot.line.admission import Situation, Verdict, decide, is_allowed, lines_of
from voicebot.line.binding import Binding, native_folder
from voicebot.line.gate import GateRules
from voicebot.line.reception import Held, Reception
from voicebot.line.roster import LoadLimits, Roster
from voicebot.link.messages import Hello, Load
from voicebot.settings import Settings

NETWORKS = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
IDLE = Situation(calls=0, lines=3, living_brains=1, has_room=True, has_apology=True, is_draining=False)
WHEEL = Binding(kind="wheel", version="2.15.1", calls=4, folder=Path())


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("10.1.2.3", True),
        ("10.2.0.1", False),
        ("::ffff:10.1.2.3", True),
        ("fd00::1", True),
        ("::1", False),
        ("pbx.local", False),
        ("", False),
    ],
)
def test_sources(host: str, allowed: bool) -> None:
    assert is_allowed(host, NETWORKS) is allowed


@pytest.mark.parametrize(
    ("situation", "verdict"),
    [
        (IDLE, Verdict.ANSWER),
        (replace(IDLE, calls=3), Verdict.UNAVAILABLE),
        (replace(IDLE, is_draining=True), Verdict.UNAVAILABLE),
        (replace(IDLE, has_room=False), Verdict.UNAVAILABLE),
        (replace(IDLE, has_room=False, places=2), Verdict.QUEUE),
        (replace(IDLE, calls=3, places=2), Verdict.QUEUE),
        (replace(IDLE, waiting=1, places=2), Verdict.QUEUE),  # nobody overtakes
        (replace(IDLE, has_room=False, waiting=2, places=2), Verdict.UNAVAILABLE),
        (replace(IDLE, has_room=False, waiting=2, places=2, can_hand_over=True), Verdict.OPERATORS),
        (replace(IDLE, has_room=False, can_hand_over=True), Verdict.OPERATORS),
        (replace(IDLE, has_room=False, places=2, can_hand_over=True, is_draining=True), Verdict.UNAVAILABLE),
        (replace(IDLE, living_brains=0, has_room=False, places=2, can_hand_over=True), Verdict.APOLOGISE),
        (replace(IDLE, living_brains=0, has_room=False), Verdict.APOLOGISE),
        (replace(IDLE, living_brains=0, has_room=False, has_apology=False), Verdict.UNAVAILABLE),
        (replace(IDLE, living_brains=0, has_room=False, calls=3), Verdict.UNAVAILABLE),
    ],
)
def test_verdicts(situation: Situation, verdict: Verdict) -> None:
    assert decide("10.1.2.3", NETWORKS, situation) is verdict
    assert decide("10.2.2.3", NETWORKS, situation) is Verdict.FORBIDDEN


def test_the_wheel_keeps_a_leg_for_transfers() -> None:
    assert lines_of(WHEEL, None) == 3
    assert lines_of(WHEEL, 4) == 4
    assert lines_of(Binding(kind="native", version="2.17", calls=1024, folder=Path()), None) == 200
    with pytest.raises(LineError) as caught:
        lines_of(WHEEL, 5)
    assert "make sip-native" in caught.value.cure


def test_the_newest_build_of_this_python_is_found(tmp_path: Path) -> None:
    assert native_folder(tmp_path) is None
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    for version, is_whole in (("2.9", True), ("2.17", True), ("2.18", False)):
        folder = tmp_path / "sip-native" / f"pjproject-{version}-{tag}"
        folder.mkdir(parents=True)
        if is_whole:
            (folder / "pjsua2.py").touch()
    other = tmp_path / "sip-native" / "pjproject-3.0-cp39"
    other.mkdir()
    (other / "pjsua2.py").touch()
    found = native_folder(tmp_path)
    assert found is not None
    assert found.name == f"pjproject-2.17-{tag}"


def hello(brain_id: str, capacity: int) -> Hello:
    return Hello(brain_id=brain_id, pid=1, capacity_calls=capacity, apology=b"")


def test_calls_go_to_the_least_loaded_brain() -> None:
    roster = Roster()
    assert roster.take(0.0) is None
    roster.join(1, hello("a", 1))
    roster.join(2, hello("b", 3))
    assert [roster.take(0.0) for _ in range(5)] == [1, 2, 2, 2, None]
    assert not roster.has_room(0.0)
    roster.release(2)
    assert roster.has_room(0.0)
    assert roster.take(0.0) == 2
    roster.leave(2)
    assert len(roster) == 1
    roster.release(2)  # a call of the dead brain ends
    assert roster.take(0.0) is None
    assert roster.summary() == [{"id": "a", "pid": 1, "calls": 1, "capacity": 1, "load": 0.0, "is_full": False}]


def test_a_brain_without_capacity_gets_nothing() -> None:
    roster = Roster()
    roster.join(1, hello("a", 0))
    assert roster.take(0.0) is None
    assert not roster.has_room(0.0)


def test_a_brain_that_is_behind_gets_no_more_calls_until_it_has_caught_up() -> None:
    roster = Roster(LoadLimits(behind_ms=400), GateRules(always_calls=1))
    roster.join(1, hello("slow", 60))
    roster.join(2, hello("idle", 60))
    behind = Load(busy_share=0.2, behind_ms=900, answer_ms=0)
    assert roster.take_this(1, 0.0)
    for second in range(4):
        roster.told(1, behind, float(second))
    assert not roster.take_this(1, 4.0)
    assert roster.take(4.0) == 2
    assert roster.summary()[0]["is_full"]
    for second in range(4, 12):
        roster.told(1, msgspec.structs.replace(behind, behind_ms=10), float(second))
    assert roster.take_this(1, 12.0)


def test_where_the_load_does_not_count_only_capacity_does() -> None:
    roster = Roster()
    roster.join(1, hello("a", 3))
    roster.told(1, Load(busy_share=9.0, behind_ms=9000, answer_ms=9000), 0.0)
    roster.told(1, Load(busy_share=9.0, behind_ms=9000, answer_ms=9000), 9.0)
    assert [roster.take(10.0) for _ in range(4)] == [1, 1, 1, None]


def test_the_sip_process_loads_nothing_heavy() -> None:
    code = "import sys, voicebot.line.process, voicebot.line.switchboard; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "pjsua2" in loaded
    assert not loaded & {"numpy", "vosk", "torch", "sqlalchemy", "fastapi", "webrtcvad"}


@pytest.mark.parametrize(
    ("when_full", "verdict"),
    [("queue", Verdict.APOLOGISE), ("operators", Verdict.APOLOGISE), ("refuse", Verdict.UNAVAILABLE)],
)
def test_without_a_brain_another_robot_is_better_than_an_apology(tmp_path: Path, when_full: str, verdict: Verdict) -> None:
    settings = Settings(admission={"when_full": when_full}).admission
    reception = Reception(settings, tmp_path, 3, has_operator=True, now=0.0, goes=lambda who, reason: None)
    held = Held(served=0, waiting=0, has_leg=True, has_apology=True, is_draining=False)
    assert decide("10.1.2.3", NETWORKS, reception.situation(held, 0.0)) is verdict
