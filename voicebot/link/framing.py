"""Messages on a byte stream: a 4-byte big-endian length, then msgpack."""

import struct
from typing import Generic, TypeVar

import msgspec

from voicebot.errors import VoicebotError
from voicebot.link.messages import FromBrain, FromLine

LENGTH = struct.Struct(">I")
LIMIT_BYTES = 4 * 1024 * 1024  # four minutes of PCM: far above any honest message, far below what hurts

T = TypeVar("T")
_encoder = msgspec.msgpack.Encoder()


class LinkError(VoicebotError):
    """The link between line and brain cannot be opened or was broken."""


class LinkClosed(LinkError):
    """The other side is gone."""


class BadFrame(LinkError):
    """The other side sent something that is not a message of ours."""


def encode(message: FromLine | FromBrain) -> bytes:
    """Return one frame. Raise BadFrame if it is longer than LIMIT_BYTES."""
    body = _encoder.encode(message)
    if len(body) > LIMIT_BYTES:
        raise BadFrame(f"A {type(message).__name__} of {len(body)} bytes is over the link's limit.", "Send it in pieces.")
    return LENGTH.pack(len(body)) + body


class FrameReader(Generic[T]):
    """Cuts a byte stream into messages of one union type. After BadFrame the stream is lost: close it."""

    def __init__(self, kind: type[T], limit_bytes: int = LIMIT_BYTES) -> None:
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._buffer = bytearray()
        self._limit_bytes = limit_bytes

    def feed(self, data: bytes) -> list[T]:
        """Add bytes; return the messages that are complete now. Raise BadFrame for garbage."""
        buffer = self._buffer
        buffer += data
        messages: list[T] = []
        start = 0
        while len(buffer) - start >= LENGTH.size:
            (length,) = LENGTH.unpack_from(buffer, start)
            if length > self._limit_bytes:
                raise BadFrame(f"A frame of {length} bytes was announced.", "Run line and brain of the same version.")
            end = start + LENGTH.size + length
            if len(buffer) < end:
                break
            with memoryview(buffer) as view, view[start + LENGTH.size : end] as body:
                messages.append(self._decode(body))
            start = end
        if start:
            del buffer[:start]
        return messages

    def _decode(self, body: memoryview) -> T:
        try:
            return self._decoder.decode(body)
        except msgspec.MsgspecError as error:
            # Not `from error`: a decoder's complaint may quote what was said.
            name = type(error).__name__
        raise BadFrame(f"A frame is no message of ours ({name}).", "Run line and brain of the same version.")


def reader_of_brain() -> "FrameReader[FromBrain]":
    """What line reads."""
    return FrameReader(FromBrain)  # type: ignore[arg-type]


def reader_of_line() -> "FrameReader[FromLine]":
    """What a brain reads."""
    return FrameReader(FromLine)  # type: ignore[arg-type]
