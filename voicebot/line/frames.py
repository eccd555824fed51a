"""Bytes in and out of pjsua2's MediaFrame, fast.

`bytes(frame.buf)` calls Python once a byte: 130 us a frame, which at 100 calls is more than a core. Newer pjsua2 has
helpers; for older ones the std::vector behind SWIG's proxy is read through ctypes. Either way is proven at start.
"""

import ctypes
from typing import Any, Protocol

from voicebot.errors import LineError
from voicebot.line.playqueue import FRAME_BYTES


class FrameAccess(Protocol):
    """Reads and writes frames; for one thread (pjmedia's clock)."""

    name: str

    def read(self, frame: Any) -> bytes:
        """Return what the frame holds."""
        ...

    def write(self, frame: Any, data: bytes) -> None:
        """Put FRAME_BYTES of sound into the frame."""
        ...


class HelperAccess:
    """By pjsua2's own helpers (0.13 us)."""

    name = "helpers"

    def __init__(self, pj: Any) -> None:
        self._audio = pj.PJMEDIA_FRAME_TYPE_AUDIO
        self._scratch = bytearray(FRAME_BYTES)

    def read(self, frame: Any) -> bytes:
        buffer = frame.buf
        size = buffer.size()
        if size != len(self._scratch):
            self._scratch = bytearray(size)
        if not size:
            return b""
        buffer.copy_to_bytearray(self._scratch)
        return bytes(self._scratch)

    def write(self, frame: Any, data: bytes) -> None:
        frame.type = self._audio
        frame.size = len(data)
        frame.buf.assign_from_bytes(data)


class _Vector(ctypes.Structure):
    """The head of a std::vector<unsigned char> in libstdc++ and libc++."""

    _fields_ = (("begin", ctypes.c_void_p), ("end", ctypes.c_void_p))


class VectorAccess:
    """Through the std::vector's own pointers (2 us)."""

    name = "vector"

    def __init__(self, pj: Any) -> None:
        self._audio = pj.PJMEDIA_FRAME_TYPE_AUDIO
        self._out = pj.ByteVector()
        self._out.resize(FRAME_BYTES)
        head = _Vector.from_address(int(self._out.this))
        if head.end - head.begin != FRAME_BYTES:
            raise ValueError("not the layout of a std::vector")
        self._out_address = head.begin

    def read(self, frame: Any) -> bytes:
        buffer = frame.buf
        head = _Vector.from_address(int(buffer.this))
        begin = head.begin
        return ctypes.string_at(begin, head.end - begin) if begin else b""

    def write(self, frame: Any, data: bytes) -> None:
        ctypes.memmove(self._out_address, data, FRAME_BYTES)
        frame.type = self._audio
        frame.size = FRAME_BYTES
        frame.buf = self._out


def probe(pj: Any) -> FrameAccess:
    """Return the fastest access that proves right. Raise LineError when none does."""
    for kind in (HelperAccess, VectorAccess):
        try:
            access: FrameAccess = kind(pj)
            if _is_right(pj, access):
                return access
        except (AttributeError, TypeError, ValueError):
            continue
    raise LineError("This pjsua2 gives no fast access to audio frames.", "Run `make sip-native`, or use the locked wheel.")


def _is_right(pj: Any, access: FrameAccess) -> bool:
    frame = pj.MediaFrame()
    if access.read(frame) != b"":
        return False
    for pattern in (bytes(i * 7 % 256 for i in range(FRAME_BYTES)), bytes(FRAME_BYTES)):
        access.write(frame, pattern)
        if bytes(frame.buf) != pattern or access.read(frame) != pattern or frame.size != FRAME_BYTES:
            return False
    return True
