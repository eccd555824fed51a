"""What line refuses and how, what it cannot start with, and what strangers throw at it."""

import hashlib
import random
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from line_brain import PATIENT_HZ, Brain
from sip_peers import (
    SIPP_ANSWERED,
    SIPP_BYE,
    Baresip,
    LineProcess,
    RawSip,
    Sipp,
    free_port,
    running_line,
    sipp_invite,
    tone,
    wait_until,
)

from voicebot.line.headers import header
from voicebot.link.messages import CallEnded, CallStarted, EndedBy, Hangup

pytestmark = pytest.mark.call


def refusal_of(raw: RawSip) -> str:
    """Send an INVITE, return the final answer."""
    raw.send(raw.invite())
    answers = raw.receive(0.5)
    final = next(text for text in answers if text.startswith("SIP/2.0 ") and text[8] != "1")
    raw.send(raw.message("ACK", branch=raw.key + "INVITE"))
    return final


def test_strangers_get_403_and_the_allowed_are_answered(tmp_path: Path) -> None:
    with running_line(tmp_path, {"sip": {"allow": ["127.0.0.1/32"]}}) as line, Brain(line.socket) as brain:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        with RawSip(line.port, "127.0.0.2") as stranger:
            assert refusal_of(stranger).startswith("SIP/2.0 403")
        with RawSip(line.port) as friend:
            assert refusal_of(friend).startswith("SIP/2.0 200")
        assert brain.wait(CallStarted).source_host == "127.0.0.1"
        assert line.status()["answered"] == 1


def test_503_with_retry_after_without_a_brain_when_full_and_when_draining(tmp_path: Path) -> None:
    with running_line(tmp_path, {"sip": {"lines": 1, "retry_after_seconds": 7}}) as line:
        with RawSip(line.port) as raw:
            answer = refusal_of(raw)  # nobody there, and no apology on disk
            assert answer.startswith("SIP/2.0 503")
            assert header(answer, "Retry-After") == "7"
        with Brain(line.socket) as brain, Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient:
            wait_until(lambda: line.status().get("brains"), "the brain has joined")
            patient.dial(line.uri)
            call_id = brain.wait(CallStarted).call_id
            with RawSip(line.port) as raw:
                answer = refusal_of(raw)
                assert answer.startswith("SIP/2.0 503")
                assert header(answer, "Retry-After") == "7"
            line.process.send_signal(signal.SIGTERM)
            wait_until(lambda: line.status().get("draining"), "draining")
            with RawSip(line.port) as raw:
                assert refusal_of(raw).startswith("SIP/2.0 503")
            assert not brain.all(CallEnded)  # the call in progress goes on
            frames = len(brain.ticks[call_id])
            wait_until(lambda: len(brain.ticks[call_id]) > frames + 25, "the call goes on")
            brain.send(Hangup(call_id=call_id))
            brain.wait(CallEnded)
            assert line.process.wait(10) == 0
            assert not line.status_file.exists()
            assert not line.socket.exists()


def test_a_brain_that_is_full_refuses_more(tmp_path: Path) -> None:
    with running_line(tmp_path) as line, Brain(line.socket, capacity=1) as brain, RawSip(line.port) as one:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        assert refusal_of(one).startswith("SIP/2.0 200")
        brain.wait(CallStarted)
        with RawSip(line.port) as two:
            assert refusal_of(two).startswith("SIP/2.0 503")
        one.send(one.message("BYE", cseq=2))
        brain.wait(CallEnded)
        with RawSip(line.port) as three:
            assert refusal_of(three).startswith("SIP/2.0 200")


def test_a_silent_peer_and_an_endless_hold_are_hung_up_on(tmp_path: Path) -> None:
    settings = {"sip": {"silent_peer_seconds": 2, "hold_limit_seconds": 3}}
    with running_line(tmp_path, settings) as line, Brain(line.socket) as brain:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        with RawSip(line.port) as raw:
            invited_at = time.monotonic()
            assert refusal_of(raw).startswith("SIP/2.0 200")
            brain.wait(CallStarted)
            raw.wait_for("BYE ")
            assert time.monotonic() - invited_at >= 2
        assert brain.wait(CallEnded).ended_by is EndedBy.SILENT_PEER
        with Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient:
            patient.dial(line.uri)
            brain.wait(CallStarted, 2)
            frames = brain.ticks.setdefault(brain.all(CallStarted)[1].call_id, [])
            wait_until(lambda: len(frames) > 150, "three seconds with sound")
            assert len(brain.all(CallEnded)) == 1
            patient.command("hold")
            brain.wait(CallEnded, 2, seconds=15)


@pytest.mark.slow
def test_no_ack_frees_the_slot_in_the_end_and_bothers_no_brain(tmp_path: Path) -> None:
    with (
        running_line(tmp_path, {"sip": {"silent_peer_seconds": 0}}) as line,
        Brain(line.socket) as brain,
        RawSip(line.port) as raw,
    ):
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        raw.send(raw.invite())
        raw.wait_for("SIP/2.0 200")
        assert line.status()["brains"]
        line.wait_calls(1)
        raw.reply(raw.wait_for("BYE ", 40), "200 OK")  # after 64 * T1 = 32 s, RFC 3261 13.3.1.4
        line.wait_calls(0)
        assert line.status()["legs"] == 0
        assert not brain.messages


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


@pytest.mark.parametrize(("password", "is_registered"), [("s3cret", True), ("wrong", False)])
def test_registration_with_digest(tmp_path: Path, password: str, is_registered: bool) -> None:
    secret = tmp_path / "secret"
    secret.write_text(password + "\n")
    nonce = "47ebe028cda119c35d4877b383027d28"
    with RawSip(0) as registrar:
        uri = f"sip:127.0.0.1:{registrar.port}"
        settings: dict[str, Any] = {"sip": {"registrar": uri, "user": "robot", "password_file": str(secret)}}
        with running_line(tmp_path, settings) as line:
            registrar.far_port = line.port
            first = registrar.wait_for("REGISTER ")
            registrar.reply(first, "401 Unauthorized", f'WWW-Authenticate: Digest realm="clinic", nonce="{nonce}"')
            second = registrar.wait_for("REGISTER ")
            given = dict(re.findall(r'(\w+)="([^"]*)"', header(second, "Authorization")))
            right = md5(f"{md5('robot:clinic:s3cret')}:{nonce}:{md5(f'REGISTER:{uri}')}")  # RFC 2617 3.2.2.1, no qop
            assert (given["username"], given["uri"]) == ("robot", uri)
            assert (given["response"] == right) is is_registered
            if is_registered:
                registrar.reply(second, "200 OK", f"Contact: {header(second, 'Contact')};expires=300\nExpires: 300")
                wait_until(lambda: line.status().get("registered"), f"registered\n{line.log}")
                line.process.send_signal(signal.SIGTERM)
                last = registrar.wait_for("REGISTER ")
                assert header(last, "Expires") == "0"  # it takes its registration back
                registrar.reply(last, "200 OK", "Expires: 0")
            else:
                registrar.reply(second, "403 Forbidden")
                wait_until(lambda: "is_registered=False" in line.log, "refused")
                assert line.status()["registered"] is False
            assert password not in line.log


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sip": {"lines": 9}}, ["sip.lines = 9", "make sip-native"]),
        ({"transfer": {"targets": {"operator": "200"}}}, ["operator", "sip:200@pbx.local"]),
    ],
)
def test_wrong_settings_end_with_a_cure(tmp_path: Path, settings: dict[str, Any], words: list[str]) -> None:
    line = LineProcess(tmp_path, settings)
    assert line.process.wait(20) == 1
    assert all(word in line.log for word in words), line.log


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_port_in_use_ends_with_a_cure(tmp_path: Path, transport: str) -> None:
    port = free_port()
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind(("127.0.0.1", port))
        if transport == "tcp":
            sock.listen()
        line = LineProcess(tmp_path, {"sip": {"port": port, "transport": transport}})
        assert line.process.wait(20) == 1
    assert f"SIP cannot listen on 127.0.0.1:{port}/{transport}" in line.log
    assert "Stop what listens there" in line.log
    assert not line.socket.exists()


def test_malformed_messages_hurt_nobody(tmp_path: Path) -> None:
    with running_line(tmp_path) as line, Brain(line.socket) as brain:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        with RawSip(line.port) as raw:
            good = raw.invite("X-Filler: " + "a" * 200)
            broken = [
                good.replace("From: <sip:raw", "From: <sip:raw\x00"),
                good.replace("CSeq: 1 INVITE", "CSeq: 99999999999999 INVITE"),
                good.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"),
                good.replace("Content-Length: ", "Content-Length: -"),
                good.replace("Max-Forwards: 70", "Max-Forwards: 0"),
                good.replace("Call-ID", "X-Call-ID"),
                good.replace("INVITE sip:100@", "INVITE sip:" + "9" * 3000 + "@"),
                good.replace("m=audio 9 RTP/AVP 8", "m=audio 99999 RTP/AVP 8"),
                good.replace("m=audio", "m=video"),
                good.replace("c=IN IP4", "c=IN IP9"),
                good.replace("v=0", "v=x"),
                good.replace("RTP/AVP 8", "RTP/AVP 96"),
                good[: len(good) // 2],
                "INVITE\r\n\r\n",
                "\r\n\r\n",
                "SIP/2.0 200 OK\r\n\r\n",
            ]
            chance = random.Random(7)
            for _ in range(200):
                data = bytearray(good.encode())
                for _ in range(chance.randrange(1, 20)):
                    data[chance.randrange(len(data))] = chance.randrange(256)
                broken.append(data.decode("latin-1"))
            for text in broken:
                raw.send(text.replace(raw.key, f"{chance.randrange(10**12)}").encode("latin-1"))
                time.sleep(0.005)  # the wheel dies of a burst of calls, which is another matter
            raw.receive(0.3)
        assert line.process.poll() is None, line.log
    # And a fresh line answers as before: nothing of it is remembered on disk.
    again = tmp_path / "again"
    again.mkdir()
    with (
        running_line(again) as line,
        Brain(line.socket) as brain,
    ):
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        with Sipp(tmp_path, sipp_invite() + SIPP_ANSWERED + SIPP_BYE, remote=f"127.0.0.1:{line.port}") as sipp:
            sipp.wait()
        brain.wait(CallEnded)


def test_tcp(tmp_path: Path) -> None:
    with running_line(tmp_path, {"sip": {"transport": "tcp"}}) as line, Brain(line.socket) as brain:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        with Baresip(tmp_path, says=tone(PATIENT_HZ, 60)) as patient:
            patient.dial(line.uri + ";transport=tcp")
            brain.wait(CallStarted)
            patient.wait_for("CALL_ESTABLISHED")
            patient.hang_up()
            assert brain.wait(CallEnded).ended_by is EndedBy.CALLER


def test_an_address_of_ipv6_is_a_clear_error(tmp_path: Path) -> None:
    """Both builds of pjsua2 are made without IPv6: the stack would listen, and then abort."""
    line = LineProcess(tmp_path, {"sip": {"bind_host": "::1", "allow": ["::1/128"]}})
    assert line.process.wait(20) == 1
    assert "built without IPv6" in line.log, line.log
    assert "docs/telephony.md" in line.log
