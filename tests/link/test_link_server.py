"""Line's side with real sockets; time is virtual except where a process is stopped."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from voicebot.clock import SystemClock, VirtualClock
from voicebot.link.framing import LinkError, encode, reader_of_line
from voicebot.link.messages import Hangup, Hello, Ping, Pong, Tick
from voicebot.link.server import Joined, LinkEvent, LinkServer, Lost, Said

HELLO = Hello(brain_id="b1", pid=1, capacity_calls=10, apology=b"\x01\x00")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def server(tmp_path: Path, clock: VirtualClock) -> Iterator[LinkServer]:
    server = LinkServer(tmp_path / "line.sock", clock, ping_seconds=0.25, dead_after_seconds=0.9, send_limit_bytes=100_000)
    yield server
    server.close()


def connect(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(5)
    sock.connect(str(path))
    return sock


def poll_until(server: LinkServer, is_done: Callable[[list[LinkEvent]], bool]) -> list[LinkEvent]:
    events: list[LinkEvent] = []
    give_up_at = time.monotonic() + 10
    while not is_done(events):
        assert time.monotonic() < give_up_at, f"only {events} happened"
        events += server.poll()
        time.sleep(0.001)
    return events


def test_hello_orders_and_eof(server: LinkServer, tmp_path: Path) -> None:
    brain = connect(tmp_path / "line.sock")
    brain.sendall(encode(HELLO) + encode(Hangup(call_id="c1")))
    events = poll_until(server, lambda events: len(events) >= 2)
    assert events == [Joined(1, HELLO), Said(1, Hangup(call_id="c1"))]
    assert server.brains == [1]
    brain.close()
    assert poll_until(server, lambda events: bool(events)) == [Lost(1, "b1", "closed")]
    assert server.brains == []
    server.send(1, Ping(sequence=9))  # to the dead: no-op


def test_a_brain_without_pongs_is_dead_and_one_with_pongs_lives(
    server: LinkServer, tmp_path: Path, clock: VirtualClock
) -> None:
    silent, alive = connect(tmp_path / "line.sock"), connect(tmp_path / "line.sock")
    silent.sendall(encode(HELLO))
    alive.sendall(encode(Hello(brain_id="b2", pid=2, capacity_calls=1, apology=b"")))
    poll_until(server, lambda events: len(events) == 2)
    reader = reader_of_line()
    pings = 0
    events: list[LinkEvent] = []
    for _ in range(100):
        clock.advance(0.02)
        events += server.poll()
        alive.setblocking(False)
        try:
            messages = reader.feed(alive.recv(65536))
        except BlockingIOError:
            continue
        alive.setblocking(True)
        for message in messages:
            assert isinstance(message, Ping)
            pings += 1
            alive.sendall(encode(Pong(sequence=message.sequence)))
    assert events == [Lost(1, "b1", "silent")]
    assert 6 <= pings <= 9  # every 0.25 s of 2 s
    assert len(server.brains) == 1
    silent.close()
    alive.close()


def test_a_pause_of_line_itself_kills_no_brain(server: LinkServer, tmp_path: Path, clock: VirtualClock) -> None:
    brain = connect(tmp_path / "line.sock")
    brain.sendall(encode(HELLO))
    poll_until(server, lambda events: len(events) == 1)
    clock.advance(3600)
    assert server.poll() == []
    clock.advance(0.2)
    assert server.poll() == []
    brain.close()


def test_a_brain_that_does_not_read_never_blocks_line(server: LinkServer, tmp_path: Path) -> None:
    brain = connect(tmp_path / "line.sock")
    brain.sendall(encode(HELLO))
    poll_until(server, lambda events: len(events) == 1)
    tick = Tick(call_id="c1", frame=0, caller=bytes(320), robot=bytes(320))
    sent = 0
    events: list[LinkEvent] = []
    while not events and sent < 100_000:
        server.send(1, tick)
        sent += 1
        if sent % 50 == 0:
            events = server.poll()
    assert events == [Lost(1, "b1", "not_reading")]
    brain.close()


@pytest.mark.parametrize(
    "first",
    [b"GET / HTTP/1.1\r\n\r\n", encode(Hangup(call_id="c1")), encode(HELLO) + encode(HELLO)],
    ids=["http", "no hello", "two hellos"],
)
def test_garbage_ends_the_link_only(server: LinkServer, tmp_path: Path, first: bytes) -> None:
    bad, good = connect(tmp_path / "line.sock"), connect(tmp_path / "line.sock")
    bad.sendall(first)
    good.sendall(encode(HELLO))
    events = poll_until(server, lambda events: any(isinstance(e, Joined) and e.link == 2 for e in events))
    give_up_at = time.monotonic() + 5
    while True:
        events += server.poll()
        try:
            bad.settimeout(0.01)
            if bad.recv(1) == b"":
                break
        except TimeoutError:
            assert time.monotonic() < give_up_at
    assert server.brains == [2]
    assert not any(isinstance(e, Lost) and e.link == 2 for e in events)
    bad.close()
    good.close()


def test_many_messages_arrive_whole_and_in_order(server: LinkServer, tmp_path: Path) -> None:
    brain = connect(tmp_path / "line.sock")
    brain.sendall(encode(HELLO))
    poll_until(server, lambda events: len(events) == 1)
    reader = reader_of_line()
    got: list[int] = []
    for burst in range(50):
        for frame in range(burst * 40, burst * 40 + 40):
            server.send(1, Tick(call_id="c1", frame=frame, caller=bytes(320), robot=bytes(320)))
        server.flush()
        while len(got) < burst * 40 + 40:
            server.poll()
            got += [message.frame for message in reader.feed(brain.recv(65536)) if isinstance(message, Tick)]
    assert got == list(range(2000))
    brain.close()


def test_the_socket_is_private_and_removed_at_close(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "run" / "line.sock"
    server = LinkServer(path, clock, ping_seconds=0.25, dead_after_seconds=0.9)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    server.close()
    assert not path.exists()


def test_a_stale_socket_is_replaced_and_a_living_one_is_an_error(tmp_path: Path, clock: VirtualClock) -> None:
    path = tmp_path / "line.sock"
    stale = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    stale.bind(str(path))
    stale.close()
    server = LinkServer(path, clock, ping_seconds=0.25, dead_after_seconds=0.9)
    with pytest.raises(LinkError, match="Another line"):
        LinkServer(path, clock, ping_seconds=0.25, dead_after_seconds=0.9)
    connect(path).close()
    server.close()


def test_a_file_in_the_way_and_a_long_path_are_errors_with_a_cure(tmp_path: Path, clock: VirtualClock) -> None:
    (tmp_path / "line.sock").write_text("mine")
    with pytest.raises(LinkError) as caught:
        LinkServer(tmp_path / "line.sock", clock, ping_seconds=0.25, dead_after_seconds=0.9)
    assert "Remove it" in caught.value.cure
    assert (tmp_path / "line.sock").read_text() == "mine"
    with pytest.raises(LinkError, match="107"):
        LinkServer(tmp_path / ("x" * 120) / "line.sock", clock, ping_seconds=0.25, dead_after_seconds=0.9)


BRAIN = """
import asyncio, sys
from pathlib import Path
from voicebot.link.client import LineLink
from voicebot.link.messages import Hello

async def main():
    link = await LineLink.connect(Path(sys.argv[1]), Hello(brain_id="child", pid=1, capacity_calls=1, apology=b""))
    print("joined", flush=True)
    async for _ in link:
        pass

asyncio.run(main())
"""


@pytest.mark.parametrize(("sign", "reason"), [(signal.SIGSTOP, "silent"), (signal.SIGKILL, "closed")])
def test_a_stopped_or_killed_brain_process_is_noticed_within_a_second(
    tmp_path: Path, sign: signal.Signals, reason: str
) -> None:
    server = LinkServer(tmp_path / "line.sock", SystemClock(), ping_seconds=0.25, dead_after_seconds=0.9)
    child = subprocess.Popen([sys.executable, "-c", BRAIN, str(tmp_path / "line.sock")])
    try:
        poll_until(server, lambda events: bool(events))
        settled_at = time.monotonic() + 1.5
        while time.monotonic() < settled_at:
            assert server.poll() == []  # it answers pings
            time.sleep(0.005)
        os.kill(child.pid, sign)
        hit_at = time.monotonic()
        events = poll_until(server, lambda events: bool(events))
        assert events == [Lost(1, "child", reason)]

        assert time.monotonic() - hit_at < 1.0
    finally:
        child.kill()
        child.wait()
        server.close()
