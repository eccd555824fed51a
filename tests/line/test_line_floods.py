"""Floods against a real line: whoever brings too many calls is told so or is not heard, and a patient is answered."""

import re
import time
from pathlib import Path

import pytest
from line_brain import Brain
from sip_peers import (
    SIPP_ACK,
    SIPP_ACK_OF_REFUSAL,
    SIPP_BYE,
    LineProcess,
    RawSip,
    Sipp,
    native_cache,
    running_line,
    sipp_invite,
    wait_until,
)
from under_attack import memory_mb

from voicebot.link.messages import CallStarted

pytestmark = pytest.mark.call

#: Ends well whether the call is answered or refused.
EITHER = (
    sipp_invite()
    + """<recv response="100" optional="true"/><recv response="180" optional="true"/>
<recv response="503" optional="true" next="refused"/>
<recv response="200" rrs="true"/>
"""
    + SIPP_ACK
    + SIPP_BYE.replace('<recv response="200"/>', '<recv response="200" next="end"/>')
    + '<label id="refused"/>\n'
    + SIPP_ACK_OF_REFUSAL
    + '<label id="end"/>\n<nop/>\n'
)


def is_answered(line: LineProcess) -> bool:
    with RawSip(line.port) as patient:
        patient.send(patient.invite())
        patient.wait_for("SIP/2.0 200")
        patient.send(patient.message("ACK", branch=f"{patient.key}ack"))
        patient.send(patient.message("BYE", cseq=2))
        patient.wait_for("SIP/2.0 200")
    return True


def test_a_flood_from_one_address_leaves_room_for_others(tmp_path: Path) -> None:
    """Sixty calls in two seconds from 127.0.0.2, which may bring eight: the rest is told when to come again."""
    settings = {"sip": {"source_calls_a_second": 0.01, "source_calls_at_once": 8, "retry_after_seconds": 9}}
    with running_line(tmp_path, settings, native_cache(tmp_path)) as line, Brain(line.socket, capacity=100) as brain:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        with Sipp(tmp_path, EITHER, remote=f"127.0.0.1:{line.port}", host="127.0.0.2", calls=60, more=("-r", "30")) as flood:
            time.sleep(0.7)
            assert is_answered(line)
            flood.wait()
        refused = re.findall(r"(?m)^SIP/2\.0 503 ", flood.messages)
        assert len(refused) == 52
        assert flood.messages.count("Retry-After: 9") == 52
        by_source = [started.source_host for started in brain.all(CallStarted)]
        assert (by_source.count("127.0.0.2"), by_source.count("127.0.0.1")) == (8, 1)
        wait_until(lambda: line.status().get("limited") == 52, "52 are counted")
        assert line.log.count("calls_of_one_source_limited") == 1, "a flood does not fill the log"
        line.wait_calls(0)
        assert line.status()["legs"] == 0


def test_a_stranger_is_told_why_and_then_not_heard(tmp_path: Path) -> None:
    with running_line(tmp_path, {"sip": {"allow": ["127.0.0.1/32"]}}) as line, Brain(line.socket):
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        answers: list[str] = []
        for _ in range(12):
            with RawSip(line.port, "127.0.0.2") as stranger:
                stranger.send(stranger.invite())
                answers += [text for text in stranger.receive(0.2) if text.startswith("SIP/2.0 4")][:1]
                stranger.send(stranger.message("ACK", branch=stranger.key + "INVITE"))
        assert [answer[8:11] for answer in answers] == ["403"] * 6  # five, and the one that was too much
        wait_until(lambda: line.status().get("silenced") == 1, "the stranger is silenced")
        with RawSip(line.port, "127.0.0.3") as other:
            other.send(other.invite())
            other.wait_for("SIP/2.0 403")  # another one is told why
            other.send(other.message("OPTIONS", branch="o"))
            assert not [text for text in other.receive(0.5) if text.startswith("SIP/2.0 2")], "and learns nothing else"
        assert is_answered(line)
        assert line.status()["filters_packets"] is True


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_what_nobody_needs_costs_nothing(tmp_path: Path, host: str) -> None:
    """Each SUBSCRIBE cost 20 KB and a dialog, and 10 000 of them left no call answered, before they were filtered."""
    with running_line(tmp_path, {"sip": {"allow": ["127.0.0.1/32"]}}) as line, Brain(line.socket):
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        assert is_answered(line)
        before_mb = memory_mb(line.process.pid)
        with RawSip(line.port, host) as raw:
            for number in range(3000):
                raw.key = f"s{number}"
                for method in ("SUBSCRIBE", "PUBLISH", "MESSAGE", "REGISTER"):
                    raw.send(raw.message(method, headers="Event: presence\nExpires: 4294967295"))
                if number % 20 == 0:
                    time.sleep(0.005)
            assert raw.receive(0.5) == []
        assert is_answered(line)
        assert memory_mb(line.process.pid) - before_mb < 4
