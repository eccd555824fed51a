"""A small brain for tests of line: a thread that speaks the link; and, run as a script, a process to be killed."""

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sip_peers import tone, wait_until

from voicebot.link.framing import encode, reader_of_line
from voicebot.link.messages import CallStarted, FromBrain, FromLine, Hello, Ping, Play, Pong, Tick

M = TypeVar("M")
APOLOGY_HZ, GOODBYE_HZ, ROBOT_HZ, PATIENT_HZ, OPERATOR_HZ = 700, 1500, 500, 1000, 1300


class Brain:
    """Joins a line, answers Pings, keeps what is said; ticks by call apart from the rest.

    Made, it has joined: line pings only who said Hello, so that after the first Ping a call finds this brain.
    """

    def __init__(
        self,
        path: Path,
        *,
        capacity: int = 10,
        brain_id: str = "b1",
        apology: bytes | None = None,
        goodbye: bytes | None = None,
        on_started: Callable[["Brain", CallStarted], None] | None = None,
    ) -> None:
        self.messages: list[FromLine] = []
        self.ticks: dict[str, list[Tick]] = {}
        self._on_started = on_started
        self._lock = threading.Lock()
        self._pinged = threading.Event()
        self._sock = wait_until(lambda: _connect(path), "the link")
        self.send(
            Hello(
                brain_id=brain_id,
                pid=1,
                capacity_calls=capacity,
                apology=tone(APOLOGY_HZ, 1.0) if apology is None else apology,
                goodbye=tone(GOODBYE_HZ, 0.6) if goodbye is None else goodbye,
            )
        )
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_until(self._pinged.is_set, "line's first Ping")

    def send(self, *messages: FromBrain) -> None:
        with self._lock:
            self._sock.sendall(b"".join(encode(message) for message in messages))

    def say(self, call_id: str, utterance: int, pcm: bytes) -> None:
        """Play a whole utterance in pieces of 100 ms, as a voice would stream it."""
        pieces = [pcm[i : i + 1600] for i in range(0, len(pcm), 1600)]
        for piece in pieces:
            self.send(Play(call_id=call_id, utterance=utterance, pcm=piece, is_last=False))
        self.send(Play(call_id=call_id, utterance=utterance, pcm=b"", is_last=True))

    def all(self, kind: type[M]) -> list[M]:
        return [message for message in list(self.messages) if isinstance(message, kind)]

    def wait(self, kind: type[M], count: int = 1, seconds: float = 8.0) -> M:
        """Return the count-th message of a kind, waiting for it."""
        wait_until(lambda: len(self.all(kind)) >= count, f"{count} x {kind.__name__} of {self.messages}", seconds)
        return self.all(kind)[count - 1]

    def caller_sound(self, call_id: str) -> bytes:
        return b"".join(tick.caller or bytes(320) for tick in list(self.ticks.get(call_id, [])))

    def robot_sound(self, call_id: str) -> bytes:
        return b"".join(tick.robot or bytes(320) for tick in list(self.ticks.get(call_id, [])))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()
        self._thread.join(5)

    def __enter__(self) -> "Brain":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        reader = reader_of_line()
        try:
            while data := self._sock.recv(65536):
                for message in reader.feed(data):
                    self._take(message)
        except OSError:
            return

    def _take(self, message: FromLine) -> None:
        if isinstance(message, Ping):
            self.send(Pong(sequence=message.sequence))
            self._pinged.set()
        elif isinstance(message, Tick):
            self.ticks.setdefault(message.call_id, []).append(message)
        else:
            self.messages.append(message)
            if isinstance(message, CallStarted) and self._on_started is not None:
                self._on_started(self, message)


def _connect(path: Path) -> socket.socket | None:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(str(path))
    except OSError:
        sock.close()
        return None
    return sock


if __name__ == "__main__":
    # A brain that greets every caller with a long tone, until it is killed.
    Brain(Path(sys.argv[1]), on_started=lambda brain, call: brain.say(call.call_id, 0, tone(ROBOT_HZ, 20.0)))
    time.sleep(120)
