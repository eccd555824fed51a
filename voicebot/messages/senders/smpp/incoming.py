"""Texts that patients send: octets to letters, and parts to one text. Pure but for what it keeps of unfinished texts."""

import struct
from dataclasses import dataclass, field

from voicebot.messages.senders.smpp.pdu import PduError, ShortMessage, Tag
from voicebot.messages.sms_text import decode_gsm

_UDH = 0x40  # 5.2.12: the text begins with a user data header
_KEPT_SECONDS = 900.0
_KEPT_TEXTS = 1000
_MOST_PARTS = 20


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a text. `reference` and `count` are the same in all pieces of one."""

    text: str
    reference: int = 0
    count: int = 1
    number: int = 1


def read_part(message: ShortMessage) -> Part:
    """Raises PduError."""
    octets, reference, count, number = message.octets, 0, 1, 1
    if message.esm_class & _UDH:
        header, octets = _header(octets)
        reference, count, number = _joined(header)
    elif Tag.SAR_TOTAL in message.tlvs:
        values = [message.tlvs.get(tag, b"") for tag in (Tag.SAR_REFERENCE, Tag.SAR_TOTAL, Tag.SAR_NUMBER)]
        reference, count, number = (int.from_bytes(value, "big") for value in values)
    if not (1 <= number <= count <= _MOST_PARTS):
        reference, count, number = 0, 1, 1  # nonsense: a text of its own
    return Part(decode_text(octets, message.data_coding), reference, count, number)


def decode_text(octets: bytes, data_coding: int) -> str:
    """5.2.19. What cannot be read becomes a replacement character; zero octets are dropped."""
    match data_coding & 0x0F:
        case 8:
            text = octets.decode("utf-16-be", "replace")
        case 3 | 1:
            text = octets.decode("latin-1")
        case 6:
            text = octets.decode("iso8859-5", "replace")
        case _:
            text = decode_gsm(octets)
    return text.replace("\0", "")


def _header(octets: bytes) -> tuple[bytes, bytes]:
    if not octets or octets[0] + 1 > len(octets):
        raise PduError("a user data header that ends too early")
    return octets[1 : octets[0] + 1], octets[octets[0] + 1 :]


def _joined(header: bytes) -> tuple[int, int, int]:
    """3GPP TS 23.040, 9.2.3.24.1 and .8: reference, how many parts, which of them."""
    at = 0
    while at + 2 <= len(header):
        kind, length = header[at], header[at + 1]
        value = header[at + 2 : at + 2 + length]
        if kind == 0x00 and len(value) == 3:
            return value[0], value[1], value[2]
        if kind == 0x08 and len(value) == 4:
            return struct.unpack(">HBB", value)
        at += 2 + length
    return 0, 1, 1


@dataclass(slots=True)
class _Unfinished:
    begun_seconds: float
    texts: dict[int, str] = field(default_factory=dict)


class Joiner:
    """Puts the parts of long texts together, whatever order they come in. Forgets what stays unfinished."""

    def __init__(self) -> None:
        self._unfinished: dict[tuple[str, int, int], _Unfinished] = {}

    def add(self, source: str, part: Part, now_seconds: float) -> str | None:
        """Return the whole text when this was its last missing part."""
        if part.count == 1:
            return part.text
        self._forget(now_seconds)
        key = (source, part.reference, part.count)
        one = self._unfinished.setdefault(key, _Unfinished(now_seconds))
        one.texts[part.number] = part.text
        if len(one.texts) < part.count:
            return None
        del self._unfinished[key]
        return "".join(one.texts[number] for number in sorted(one.texts))

    def _forget(self, now_seconds: float) -> None:
        old = [key for key, one in self._unfinished.items() if now_seconds - one.begun_seconds > _KEPT_SECONDS]
        for key in [*old, *list(self._unfinished)[: max(0, len(self._unfinished) - len(old) - _KEPT_TEXTS)]]:
            self._unfinished.pop(key, None)
