"""A brain's side with a real server beside it."""

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from voicebot.clock import SystemClock
from voicebot.link.client import LineLink
from voicebot.link.framing import LinkClosed, LinkError
from voicebot.link.messages import Hangup, Hello, Tick
from voicebot.link.server import Joined, LinkEvent, LinkServer, Lost, Said

HELLO = Hello(brain_id="b1", pid=1, capacity_calls=10, apology=b"")


class Line:
    """A server polled by a thread, as the SIP loop polls it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[LinkEvent] = []
        self.is_paused = False
        self._stop = threading.Event()
        self.server = LinkServer(path, SystemClock(), ping_seconds=0.1, dead_after_seconds=0.6)
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            if not self.is_paused:
                with self._lock:
                    self.events += self.server.poll()

    def send(self, *frames: int) -> None:
        with self._lock:
            for frame in frames:
                self.server.send(1, Tick(call_id="c1", frame=frame, caller=bytes(320), robot=b""))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
        self.server.close()

    async def wait(self, kind: type[LinkEvent]) -> LinkEvent:
        for _ in range(1000):
            for event in self.events:
                if isinstance(event, kind):
                    return event
            await asyncio.sleep(0.005)
        raise AssertionError(f"{kind.__name__} did not happen, only {self.events}")


@pytest.fixture
def line(tmp_path: Path) -> Iterator[Line]:
    line = Line(tmp_path / "line.sock")
    yield line
    line.stop()


async def test_messages_in_order_both_ways(line: Line) -> None:
    link = await LineLink.connect(line.path, HELLO)
    await line.wait(Joined)
    line.send(*range(100))
    got = [await link.receive() for _ in range(100)]
    assert [message.frame for message in got if isinstance(message, Tick)] == list(range(100))
    assert link.receive_now() is None
    link.send(Hangup(call_id="c1"))
    said = await line.wait(Said)
    assert said == Said(1, Hangup(call_id="c1"))
    await link.close()
    lost = await line.wait(Lost)
    assert lost == Lost(1, "b1", "closed")
    with pytest.raises(LinkClosed):
        await link.receive()
    link.send(Hangup(call_id="c1"))  # to a closed link: dropped


async def test_pings_are_answered_while_threads_work_and_nobody_receives(line: Line) -> None:
    link = await LineLink.connect(line.path, HELLO)
    await line.wait(Joined)

    def work() -> int:
        end = time.monotonic() + 1.5
        count = 0
        while time.monotonic() < end:
            count += 1
        return count

    assert await asyncio.to_thread(work) > 0
    assert not any(isinstance(event, Lost) for event in line.events)
    await link.close()


async def test_a_brain_whose_consumer_is_stuck_gives_itself_up(line: Line) -> None:
    link = await LineLink.connect(line.path, HELLO, stuck_after_seconds=0.3)
    await line.wait(Joined)
    line.send(1)  # never received
    lost = await line.wait(Lost)
    assert lost == Lost(1, "b1", "silent")
    await link.close()


async def test_connect_waits_for_line_and_gives_up_with_a_cure(tmp_path: Path) -> None:
    path = tmp_path / "line.sock"
    with pytest.raises(LinkError) as caught:
        await LineLink.connect(path, HELLO, patience_seconds=0.2)
    assert "voicebot line" in caught.value.cure
    waiting = asyncio.create_task(LineLink.connect(path, HELLO, patience_seconds=10))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    line = Line(path)
    try:
        link = await waiting
        await line.wait(Joined)
        await link.close()
    finally:
        line.stop()


async def test_what_came_before_the_end_is_still_received(line: Line) -> None:
    link = await LineLink.connect(line.path, HELLO)
    await line.wait(Joined)
    line.send(1, 2, 3)
    first = await link.receive()
    line.stop()
    rest = [message async for message in link]
    assert [m.frame for m in [first, *rest] if isinstance(m, Tick)] == [1, 2, 3]
    assert link.is_closed
    await link.close()


async def test_a_silent_line_is_noticed(line: Line) -> None:
    link = await LineLink.connect(line.path, HELLO, dead_after_seconds=0.5)
    await line.wait(Joined)
    line.is_paused = True
    with pytest.raises(LinkClosed, match="silent"):
        await asyncio.wait_for(link.receive(), 5)
    await link.close()
