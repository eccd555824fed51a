"""From whom a leg takes sound: by rule, in the kernel, and in a call whose port is flooded."""

import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, ip_network
from pathlib import Path

import numpy as np
import pytest
from line_brain import PATIENT_HZ, ROBOT_HZ, Brain
from sip_fuzz import rtp
from sip_peers import RawSip, level_at, native_cache, running_line, seconds_of, tone, wait_until
from under_attack import Flooder, conversation

from voicebot.audio.g711 import alaw_encode
from voicebot.line.own_sockets import OwnSockets
from voicebot.line.packet_filter import take_only_from
from voicebot.line.sound_guard import SoundGuard
from voicebot.link.messages import CallStarted

PBX, PHONE, STRANGER = "10.0.0.1", "10.0.0.2", "203.0.113.9"
STRANGER_HZ = 2000


def alaw(sound: bytes) -> bytes:
    return alaw_encode(np.frombuffer(sound, dtype="<i2"))


def addresses(*hosts: str) -> frozenset[IPv4Address]:
    return frozenset(map(IPv4Address, hosts))


class Leg:
    """A guard and the sound that comes in spite of it, tenth by tenth of a second."""

    def __init__(self, *known: str) -> None:
        self.guard = SoundGuard(known, 0, 0.0)
        self.packets, self.now = 0, 0.0

    def hears(self, *senders: str, seconds: float = 0.1) -> None:
        for _ in range(round(seconds * 10)):
            self.now += 0.1
            heard = [one for one in senders if self.guard.allowed is None or IPv4Address(one) in self.guard.allowed]
            self.packets += len(heard)
            self.guard.look(self.packets, heard[-1] if heard else "", self.now)


def test_who_was_named_is_heard_and_nobody_else_ever() -> None:
    leg = Leg(PBX, PHONE)
    leg.hears(STRANGER, PHONE, STRANGER, seconds=0.3)
    assert leg.guard.is_settled
    assert leg.guard.allowed == addresses(PBX, PHONE)
    leg.hears(STRANGER, seconds=60)  # the phone is muted and sends nothing
    assert leg.guard.allowed == addresses(PBX, PHONE)


def test_sound_from_elsewhere_is_heard_after_half_a_second() -> None:
    leg = Leg(PBX, "192.168.0.7")
    leg.hears(PHONE, seconds=0.8)
    assert leg.guard.allowed == addresses(PBX, "192.168.0.7", PHONE)
    leg.hears(STRANGER, PHONE, seconds=10)
    assert leg.guard.allowed == addresses(PBX, "192.168.0.7", PHONE)
    assert not leg.guard.is_settled, "his NAT may give him another address"
    leg.hears(STRANGER, seconds=3.5)
    assert IPv4Address(STRANGER) in (leg.guard.allowed or ())


def test_what_lay_in_the_socket_before_the_filter_settles_nothing() -> None:
    leg = Leg(PBX)
    leg.guard.look(7, PHONE, 0.1)
    leg.packets, leg.now = 7, 0.1
    leg.hears(PHONE, seconds=1)
    assert leg.guard.allowed == addresses(PBX, PHONE)


@pytest.mark.parametrize("named", [(), ("", "0.0.0.0"), ("pbx.example",), ("2001:db8::1",)])
def test_where_nobody_was_named_the_first_is_the_peer(named: tuple[str, ...]) -> None:
    leg = Leg(*named)
    assert leg.guard.allowed is None
    leg.hears(PHONE)
    assert leg.guard.allowed == addresses(PHONE)


@pytest.fixture
def port() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(0.2)
        yield sock


def test_the_kernel_drops_what_others_send(port: socket.socket) -> None:
    number = port.getsockname()[1]
    sockets = OwnSockets()

    def heard() -> set[str]:
        for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.bind((host, 0))
                sender.sendto(b"sound", ("127.0.0.1", number))
        found = set()
        while True:
            try:
                found.add(port.recvfrom(100)[1][0])
            except TimeoutError:
                return found

    def only(*peers: str) -> None:
        copies = sockets.of({number})
        assert len(copies) == 1
        assert take_only_from(copies, [ip_network(peer) for peer in peers] or None)
        for copy in copies:
            copy.close()

    assert heard() == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}
    only("127.0.0.1", "127.0.0.3")
    assert heard() == {"127.0.0.1", "127.0.0.3"}
    only("127.0.0.2")
    assert heard() == {"127.0.0.2"}
    only()
    only()  # there is none to take away
    assert heard() == {"127.0.0.1", "127.0.0.2", "127.0.0.3"}


def test_sockets_are_found_whatever_else_is_open(port: socket.socket) -> None:
    number = port.getsockname()[1]
    sockets = OwnSockets()
    with socket.socket() as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        stream.bind(("127.0.0.1", number))
        assert sockets.of({other.fileno() + 1}) == []  # not bound yet
        other.bind(("127.0.0.1", 0))
        for wanted in (number, other.getsockname()[1]):
            (copy,) = sockets.of({number, other.getsockname()[1]} - {wanted})
            assert copy.getsockname()[1] != wanted
            copy.close()


def wheel_cache(folder: Path) -> Path:
    return folder / "cache"


class Flood:
    """Sound of a stranger's, faster than any phone's, until it is stopped."""

    def __init__(self, port: int) -> None:
        self.stranger = Flooder(port)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.sent = 0

    def _run(self) -> None:
        sound = alaw(tone(STRANGER_HZ, 1.0))
        while not self._is_over.wait(0.01):
            for _ in range(15):
                at = self.sent * 160 % len(sound)
                self.stranger.send(rtp(8, self.sent & 0xFFFF, self.sent * 160, 0x0BADCAFE, sound[at : at + 160]))
                self.stranger.send(struct.pack(">BBHI", 0x80, 201, 1, 0x0BADCAFE), 1)
                self.sent += 1
            self.stranger.read()

    def __enter__(self) -> "Flood":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        self.stranger.__exit__()


@pytest.mark.call
@pytest.mark.parametrize(
    "cache_of", [wheel_cache, pytest.param(native_cache, marks=pytest.mark.native)], ids=["wheel", "native"]
)
def test_a_stranger_who_floods_the_port_hears_nothing_and_says_nothing(
    tmp_path: Path, cache_of: Callable[[Path], Path]
) -> None:
    with conversation(tmp_path, cache_of(tmp_path)) as talk:
        before = len(talk.brain.ticks[talk.call_id])
        with Flood(talk.rtp_port()) as flood:
            for _ in range(3):
                talk.goes_on()
            wait_until(lambda: flood.sent > 1500, "a flood")
        assert flood.stranger.got == 0, "the robot's sound went to a stranger"
        heard = b"".join(tick.caller or bytes(320) for tick in talk.brain.ticks[talk.call_id][before:])
        assert seconds_of(heard, STRANGER_HZ) == 0, "the robot heard a stranger"
        assert seconds_of(heard, PATIENT_HZ) > 0.9 * len(heard) / 16000, "the patient was lost in part"


@pytest.mark.call
def test_a_caller_whose_sound_comes_from_elsewhere_is_heard_and_hears(tmp_path: Path) -> None:
    """Behind a proxy and a NAT: neither the SDP nor the signalling has the address that his sound comes from."""
    with running_line(tmp_path) as line, Brain(line.socket) as brain, RawSip(line.port) as proxy:
        wait_until(lambda: line.status().get("brains"), "the brain has joined")
        proxy.send(proxy.invite(media_host="192.0.2.1"))
        answer = proxy.wait_for("SIP/2.0 200")
        proxy.send(proxy.message("ACK", branch=f"{proxy.key}ack"))
        call_id = brain.wait(CallStarted).call_id
        found = re.search(r"m=audio (\d+) ", answer)
        assert found is not None
        sound, number = alaw(tone(PATIENT_HZ, 1.0)), 0
        with Flooder(int(found[1]), "127.0.0.5") as phone:

            def is_talking() -> bool:
                nonlocal number
                phone.send(rtp(8, number & 0xFFFF, number * 160, 0x51515151, sound[number * 160 % 8000 :][:160]))
                number += 1
                time.sleep(0.01)
                phone.read()
                heard = brain.caller_sound(call_id)[-8000:]
                return phone.got > 10 and len(heard) == 8000 and level_at(heard, PATIENT_HZ) > 1000

            brain.say(call_id, 0, tone(ROBOT_HZ, 10.0))
            wait_until(is_talking, "both are heard")
        proxy.send(proxy.message("BYE", cseq=2))
        proxy.wait_for("SIP/2.0 200")
