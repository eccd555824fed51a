"""The door between pjmedia's conference bridge and a MediaSession.

Ports are never freed while the library lives: they are lent to calls and taken back, so that nothing can pull one away
from under the clock thread.
"""

from collections.abc import Callable
from typing import Any

import pjsua2 as pj

from voicebot.line.frames import FrameAccess
from voicebot.line.media import SILENCE

_FRAME_US = 20_000


class AudioPort(pj.AudioMediaPort):
    """8 kHz mono, 20 ms. `source` and `sink` are called on the clock thread."""

    def __init__(self, name: str, access: FrameAccess) -> None:
        super().__init__()
        self._access = access
        self.source: Callable[[], bytes] | None = None
        self.sink: Callable[[bytes], None] | None = None
        media_format = pj.MediaFormatAudio()
        media_format.init(pj.PJMEDIA_FORMAT_PCM, 8000, 1, _FRAME_US, 16)
        self.createPort(name, media_format)

    def onFrameRequested(self, frame: Any) -> None:
        source = self.source
        self._access.write(frame, SILENCE if source is None else source())

    def onFrameReceived(self, frame: Any) -> None:
        sink = self.sink
        if sink is not None:
            sink(self._access.read(frame) if frame.type == pj.PJMEDIA_FRAME_TYPE_AUDIO else b"")


class PortPool:
    """Lends ports."""

    def __init__(self, access: FrameAccess) -> None:
        self._access = access
        self._free: list[AudioPort] = []
        self.made = 0

    def take(self, source: Callable[[], bytes] | None, sink: Callable[[bytes], None]) -> AudioPort:
        """Return a port that asks `source` (None: silence) and tells `sink`."""
        if self._free:
            port = self._free.pop()
        else:
            self.made += 1
            port = AudioPort(f"port{self.made}", self._access)
        port.source, port.sink = source, sink
        return port

    def give(self, port: AudioPort) -> None:
        """Take a port back once its leg is gone (the bridge has cut its connections)."""
        port.source = port.sink = None
        self._free.append(port)

    def clear(self) -> None:
        """Drop all ports, before libDestroy."""
        self._free.clear()
