"""The sound of one call between pjmedia's clock thread and the main loop.

The clock thread calls `requested` and then `received` each 20 ms; the main loop calls the rest. No pjsua2 here.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence

from voicebot.line.playqueue import BYTES_A_SECOND, FRAME_BYTES, FRAME_MS, Began, PlayNews, PlayQueue
from voicebot.line.tones import ringback_frames
from voicebot.link.messages import Digit, PlayEnded, PlayStarted, Tick

SILENCE = bytes(FRAME_BYTES)
DRAINED_FRAMES = 10  # after the last frame, for what is still on its way through jitter buffers
_LATE_SECONDS = 2 * FRAME_MS / 1000
_NEWS_LIMIT = 3000  # a minute of ticks that nobody fetched: an INVITE whose ACK never comes

MediaNews = Tick | PlayStarted | PlayEnded | Digit

_ringback = ringback_frames()


class MediaSession:
    """Plays a queue to a caller, captures the caller, tells both as they were, frame by frame."""

    def __init__(self, call_id: str) -> None:
        self._call_id = call_id
        self._lock = threading.Lock()
        self._queue = PlayQueue()
        self._frame = 0
        self._robot = b""
        self._idle_frames = 0
        self._is_held = False
        self._filler: Sequence[bytes] = ()
        self._filler_position = 0
        self._operator: deque[bytes] | None = None
        self._news: deque[MediaNews] = deque(maxlen=_NEWS_LIMIT)
        self._last_request_seconds = 0.0
        self.late_frames = 0

    # -- clock thread ---------------------------------------------------------------------------------------------------

    def requested(self) -> bytes:
        """Return the next 20 ms for the caller: always FRAME_BYTES, so that RTP never stops."""
        now = time.monotonic()
        if self._last_request_seconds and now - self._last_request_seconds > _LATE_SECONDS:
            # All that should have left meanwhile, not one for the whole gap: the caller's jitter buffer ran dry so long.
            self.late_frames += round((now - self._last_request_seconds) * 1000 / FRAME_MS) - 1
        self._last_request_seconds = now
        with self._lock:
            sound = b""
            if not self._is_held:
                sound, news = self._queue.next_frame(self._frame)
                self._tell(news)
            if sound:
                self._idle_frames = 0
            else:
                self._idle_frames += 1
                sound = self._next_filler()
            self._robot = sound
        return sound or SILENCE

    def received(self, caller: bytes) -> None:
        """Take 20 ms of the caller (empty: nothing came) and close the frame."""
        with self._lock:
            robot = self._robot
            self._robot = b""
            if self._operator is not None:
                robot = self._operator.popleft() if self._operator else b""
            # Exact zeros are the bridge's, not the wire's (A-law has no zero); music on hold is nobody's speech.
            if self._is_held or len(caller) != FRAME_BYTES or caller == SILENCE:
                caller = b""
            self._news.append(Tick(call_id=self._call_id, frame=self._frame, caller=caller, robot=robot))
            self._frame += 1

    def operator_received(self, sound: bytes) -> None:
        """Take 20 ms of the operator, when bridged: it stands in the robot's place."""
        operator = self._operator
        if operator is not None:
            operator.append(sound if len(sound) == FRAME_BYTES and sound != SILENCE else b"")

    # -- main loop ------------------------------------------------------------------------------------------------------

    @property
    def frame(self) -> int:
        return self._frame

    @property
    def left_seconds(self) -> float:
        """How much sound waits to be played."""
        with self._lock:
            return self._queue.left_bytes / BYTES_A_SECOND

    @property
    def is_drained(self) -> bool:
        """Everything was played and had time to arrive."""
        with self._lock:
            return not self._queue.left_bytes and self._idle_frames >= DRAINED_FRAMES

    def play(self, utterance: int, pcm: bytes, is_last: bool) -> None:
        """Append a piece of an utterance."""
        with self._lock:
            if pcm:
                self._idle_frames = 0
            self._tell(self._queue.add(utterance, pcm, is_last, self._frame))

    def stop(self) -> None:
        """Silence from the next frame on."""
        with self._lock:
            self._tell(self._queue.stop(self._frame))

    def hold(self, is_held: bool) -> None:
        """While held nothing is played or heard; the queue waits."""
        with self._lock:
            self._is_held = is_held

    def ringback(self, is_on: bool) -> None:
        """Fill silence with the ringback tone."""
        self.fill(_ringback if is_on else None)

    def fill(self, frames: Sequence[bytes] | None) -> None:
        """Fill silence with a loop of frames (b"" is silence), which calls may share; None: with nothing."""
        with self._lock:
            self._filler, self._filler_position = frames or (), 0

    def restart(self) -> None:
        """Count frames from 0: what was before is nobody's. What is queued goes on."""
        with self._lock:
            self._frame = 0
            self._news.clear()

    def join_operator(self, is_joined: bool) -> None:
        """From now on ticks carry the operator's sound in the robot's place (or again the robot's)."""
        with self._lock:
            self._operator = deque(maxlen=5) if is_joined else None

    def digit(self, digit: str) -> None:
        """Note a key at the current frame."""
        self._news.append(Digit(call_id=self._call_id, digit=digit, frame=self._frame))

    def take_news(self) -> list[MediaNews]:
        """Return what happened since the last call, in order."""
        news: list[MediaNews] = []
        while self._news:  # nobody else takes from it
            news.append(self._news.popleft())
        return news

    def _next_filler(self) -> bytes:
        if not self._filler or self._is_held:
            return b""
        position = self._filler_position
        self._filler_position = (position + 1) % len(self._filler)
        return self._filler[position]

    def _tell(self, news: list[PlayNews]) -> None:
        for item in news:
            if isinstance(item, Began):
                self._news.append(PlayStarted(call_id=self._call_id, utterance=item.utterance, frame=item.frame))
            else:
                self._news.append(
                    PlayEnded(
                        call_id=self._call_id,
                        utterance=item.utterance,
                        frame=item.frame,
                        played_samples=item.played_samples,
                        is_complete=item.is_complete,
                    )
                )
