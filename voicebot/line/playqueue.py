"""What a caller is to hear, in order, cut into 20 ms frames. Pure."""

from collections import deque
from dataclasses import dataclass, field

FRAME_MS = 20
FRAME_BYTES = 320  # 8 kHz, 16 bit, mono
BYTES_A_SECOND = 16000


@dataclass(frozen=True, slots=True)
class Began:
    """The first frame of an utterance is `frame`."""

    utterance: int
    frame: int


@dataclass(frozen=True, slots=True)
class Ended:
    """An utterance has left whole (`is_complete`) or was cut; `frame` is the first without it."""

    utterance: int
    frame: int
    played_samples: int
    is_complete: bool


PlayNews = Began | Ended


@dataclass(slots=True)
class _Utterance:
    number: int
    data: bytearray = field(default_factory=bytearray)
    position: int = 0
    played_bytes: int = 0
    is_closed: bool = False
    has_begun: bool = False
    end_frame: int = 0  # the frame after its last sound so far

    @property
    def left(self) -> int:
        return len(self.data) - self.position


class PlayQueue:
    """Utterances one after another; each ends with exactly one Ended."""

    def __init__(self) -> None:
        self._queue: deque[_Utterance] = deque()
        self._cut: set[int] = set()  # their late pieces are dropped until they are closed

    @property
    def left_bytes(self) -> int:
        """Sound that has not left yet."""
        return sum(utterance.left for utterance in self._queue)

    def add(self, utterance: int, pcm: bytes, is_last: bool, frame: int) -> list[PlayNews]:
        """Append a piece (16-bit samples). `frame` is the next one to leave."""
        if utterance in self._cut:
            if is_last:
                self._cut.discard(utterance)
            return []
        entry = next((item for item in self._queue if item.number == utterance), None)
        if entry is None:
            entry = _Utterance(utterance, end_frame=frame)
            self._queue.append(entry)
        entry.data += pcm[: len(pcm) & ~1]
        entry.is_closed = entry.is_closed or is_last
        return self._close_finished(frame)

    def next_frame(self, frame: int) -> tuple[bytes, list[PlayNews]]:
        """Return the sound of `frame` (FRAME_BYTES, or empty for silence) and what became of utterances."""
        news = self._close_finished(frame)
        if not self._queue:
            return b"", news
        head = self._queue[0]
        if head.left < FRAME_BYTES and not head.is_closed:
            return b"", news  # the voice is late: a whole frame later beats a click now
        if not head.has_begun:
            head.has_begun = True
            news.append(Began(head.number, frame))
        sound = bytes(head.data[head.position : head.position + FRAME_BYTES])
        head.position += len(sound)
        head.played_bytes += len(sound)
        head.end_frame = frame + 1
        if head.position >= 64 * FRAME_BYTES:
            del head.data[: head.position]
            head.position = 0
        news += self._close_finished(frame + 1)
        return sound.ljust(FRAME_BYTES, b"\x00"), news

    def stop(self, frame: int) -> list[PlayNews]:
        """Drop everything."""
        news: list[PlayNews] = []
        for entry in self._queue:
            if not entry.is_closed:
                self._cut.add(entry.number)
            end = entry.end_frame if entry.has_begun else frame
            news.append(Ended(entry.number, end, entry.played_bytes // 2, is_complete=False))
        self._queue.clear()
        return news

    def _close_finished(self, frame: int) -> list[PlayNews]:
        news: list[PlayNews] = []
        while self._queue and self._queue[0].is_closed and not self._queue[0].left:
            entry = self._queue.popleft()
            end = entry.end_frame if entry.has_begun else frame
            news.append(Ended(entry.number, end, entry.played_bytes // 2, is_complete=True))
        return news
