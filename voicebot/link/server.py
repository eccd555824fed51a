"""Line's side of the link: a unix socket without asyncio or threads, polled by the SIP main loop.

Nothing here ever blocks: a brain that does not read, does not answer or talks garbage is dropped and reported.
"""

import contextlib
import errno
import os
import selectors
import socket
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from voicebot.clock import Clock
from voicebot.link.framing import BadFrame, FrameReader, LinkError, encode, reader_of_brain
from voicebot.link.messages import FromBrain, FromLine, Hello, Ping, Pong

log = structlog.get_logger(__name__)

SEND_LIMIT_BYTES = 4 * 1024 * 1024  # about two seconds of 60 calls: a brain so far behind is lost anyway
_READ_BYTES = 256 * 1024
_READS_A_POLL = 8  # one chatty brain must not hold the loop


@dataclass(frozen=True, slots=True)
class Joined:
    """A brain said Hello."""

    link: int
    hello: Hello


@dataclass(frozen=True, slots=True)
class Said:
    """A brain gave an order."""

    link: int
    message: FromBrain


@dataclass(frozen=True, slots=True)
class Lost:
    """A brain that had said Hello is gone. `reason`: closed, silent, garbage, not_reading."""

    link: int
    brain_id: str
    reason: str


LinkEvent = Joined | Said | Lost


@dataclass(slots=True)
class _Peer:
    link: int
    sock: socket.socket
    last_heard_seconds: float
    reader: FrameReader[FromBrain] = field(default_factory=reader_of_brain)
    hello: Hello | None = None
    out: bytearray = field(default_factory=bytearray)
    is_watched_for_writing: bool = False
    lost: str = ""


class LinkServer:
    """Serves several brains. Call `poll` every few milliseconds from one thread; it returns what happened."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        ping_seconds: float,
        dead_after_seconds: float,
        send_limit_bytes: int = SEND_LIMIT_BYTES,
    ) -> None:
        self._path = path
        self._clock = clock
        self._ping_seconds = ping_seconds
        self._dead_after_seconds = dead_after_seconds
        self._send_limit_bytes = send_limit_bytes
        self._selector = selectors.DefaultSelector()
        self._listener = _listen(path)
        self._selector.register(self._listener, selectors.EVENT_READ, None)
        self._peers: dict[int, _Peer] = {}
        self._next_link = 1
        self._ping_sequence = 0
        now = clock.monotonic_seconds()
        self._last_ping_seconds = now
        self._last_poll_seconds = now

    @property
    def brains(self) -> list[int]:
        """Links of the brains that said Hello and live."""
        return [peer.link for peer in self._peers.values() if peer.hello is not None and not peer.lost]

    def poll(self) -> list[LinkEvent]:
        """Accept, read, ping, write; never block. Return events in the order they happened."""
        events: list[LinkEvent] = []
        now = self._clock.monotonic_seconds()
        self._forgive_own_pause(now)
        for key, mask in self._selector.select(0):
            peer: _Peer | None = key.data
            if peer is None:
                self._accept(now)
                continue
            if mask & selectors.EVENT_READ:
                self._read(peer, now, events)
            if mask & selectors.EVENT_WRITE and not peer.lost:
                self._write(peer)
        self._ping(now)
        for peer in self._peers.values():
            if not peer.lost and now - peer.last_heard_seconds > self._dead_after_seconds:
                peer.lost = "silent"
        self.flush()
        for peer in [peer for peer in self._peers.values() if peer.lost]:
            self._drop(peer, events)
        return events

    def send(self, link: int, message: FromLine) -> None:
        """Queue a message for a brain. To a brain that is gone it is a no-op: `poll` reports the loss."""
        peer = self._peers.get(link)
        if peer is None or peer.lost:
            return
        peer.out += encode(message)
        if len(peer.out) > self._send_limit_bytes:
            self._write(peer)
            if len(peer.out) > self._send_limit_bytes:
                peer.lost = "not_reading"

    def flush(self) -> None:
        """Write what the sockets take now."""
        for peer in self._peers.values():
            if peer.out and not peer.lost:
                self._write(peer)

    def close(self) -> None:
        """Close everything and remove the socket file."""
        self.flush()
        for peer in self._peers.values():
            peer.sock.close()
        self._peers.clear()
        self._selector.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _forgive_own_pause(self, now: float) -> None:
        """Time in which we did not look (SIGSTOP, a suspended machine) is no silence of the brains."""
        pause = now - self._last_poll_seconds
        self._last_poll_seconds = now
        if pause > self._ping_seconds:
            for peer in self._peers.values():
                peer.last_heard_seconds += pause

    def _accept(self, now: float) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionError):
            sock, _ = self._listener.accept()
            sock.setblocking(False)
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1024 * 1024)
            peer = _Peer(link=self._next_link, sock=sock, last_heard_seconds=now)
            self._next_link += 1
            self._peers[peer.link] = peer
            self._selector.register(sock, selectors.EVENT_READ, peer)

    def _read(self, peer: _Peer, now: float, events: list[LinkEvent]) -> None:
        for _ in range(_READS_A_POLL):
            try:
                data = peer.sock.recv(_READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                peer.lost = "closed"
                return
            if not data:
                peer.lost = "closed"
                return
            peer.last_heard_seconds = now
            try:
                for message in peer.reader.feed(data):
                    self._take(peer, message, events)
            except BadFrame as error:
                log.error("brain_sent_garbage", link=peer.link, problem=error.message)
                peer.lost = "garbage"
                return
            if len(data) < _READ_BYTES:
                return

    def _take(self, peer: _Peer, message: FromBrain, events: list[LinkEvent]) -> None:
        if isinstance(message, Hello):
            if peer.hello is not None:
                raise BadFrame("A brain said Hello twice.")
            peer.hello = message
            events.append(Joined(peer.link, message))
        elif peer.hello is None:
            raise BadFrame("A brain did not say Hello first.")
        elif not isinstance(message, Pong):
            events.append(Said(peer.link, message))

    def _ping(self, now: float) -> None:
        if now - self._last_ping_seconds < self._ping_seconds:
            return
        self._last_ping_seconds = now
        self._ping_sequence += 1
        ping = Ping(sequence=self._ping_sequence)
        for peer in self._peers.values():
            if peer.hello is not None:
                self.send(peer.link, ping)

    def _write(self, peer: _Peer) -> None:
        try:
            while peer.out:
                sent = peer.sock.send(peer.out)
                del peer.out[:sent]
        except BlockingIOError:
            pass
        except OSError:
            peer.lost = "closed"
            return
        wants = bool(peer.out)
        if wants != peer.is_watched_for_writing:
            peer.is_watched_for_writing = wants
            mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if wants else 0)
            self._selector.modify(peer.sock, mask, peer)

    def _drop(self, peer: _Peer, events: list[LinkEvent]) -> None:
        self._selector.unregister(peer.sock)
        peer.sock.close()
        del self._peers[peer.link]
        if peer.hello is not None:
            log.warning("brain_lost", brain=peer.hello.brain_id, reason=peer.lost)
            events.append(Lost(peer.link, peer.hello.brain_id, peer.lost))


def _listen(path: Path) -> socket.socket:
    """Bind a unix socket with mode 0600; a stale file is removed, a living one is an error."""
    if len(os.fsencode(path)) > 107:
        raise LinkError(f"The link's socket path is longer than 107 bytes: {path}.", "Choose a shorter data_dir.")
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # Closed to others from its first moment; line opens it before any thread of its own runs.
    umask = os.umask(0o177)
    try:
        sock.bind(str(path))
    except OSError as error:
        sock.close()
        raise LinkError(f"The link's socket {path} cannot be made: {error.strerror}.", "Make data_dir writable.") from None
    finally:
        os.umask(umask)
    sock.listen(64)
    sock.setblocking(False)
    return sock


def _remove_stale(path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        code = probe.connect_ex(str(path))
    if code in (0, errno.EAGAIN, errno.EINPROGRESS):
        raise LinkError(f"Another line already serves {path}.", "Stop it, or use another data_dir.")
    if not path.is_socket():
        raise LinkError(f"{path} is in the way of the link's socket.", "Remove it, or use another data_dir.")
    log.info("stale_socket_removed")
    path.unlink()
