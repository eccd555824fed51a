"""PDUs of SMPP 3.4 (specification of 12 October 1999, issue 1.2): octets to values and back. Pure.

A peer's octets are never trusted: whatever they are, PduError is the only thing that comes out.
"""

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

_HEADER = struct.Struct(">IIII")
#: Longest PDU that is read. The longest legal one has a message_payload of 64 Ki octets (5.3.2.32).
LONGEST = 70_000


class PduError(Exception):
    """The octets are no PDU. Holds no content."""


class Command(IntEnum):
    """5.1.2.1. A response is its request with the highest bit set."""

    GENERIC_NACK = 0x80000000
    BIND_RECEIVER = 0x00000001
    BIND_TRANSMITTER = 0x00000002
    SUBMIT_SM = 0x00000004
    DELIVER_SM = 0x00000005
    UNBIND = 0x00000006
    BIND_TRANSCEIVER = 0x00000009
    ENQUIRE_LINK = 0x00000015


RESPONSE = 0x80000000


class Status(IntEnum):
    """5.1.3, those that we send or treat in a way of their own."""

    OK = 0x00
    INVALID_LENGTH = 0x02
    INVALID_COMMAND = 0x03
    INVALID_BIND_STATUS = 0x04
    ALREADY_BOUND = 0x05
    SYSTEM_ERROR = 0x08
    INVALID_SOURCE = 0x0A
    INVALID_DESTINATION = 0x0B
    BIND_FAILED = 0x0D
    INVALID_PASSWORD = 0x0E
    INVALID_SYSTEM_ID = 0x0F
    QUEUE_FULL = 0x14
    SUBMIT_FAILED = 0x45
    INVALID_DESTINATION_TON = 0x50
    INVALID_DESTINATION_NPI = 0x51
    THROTTLED = 0x58
    TEMPORARY_APP_ERROR = 0x64


class Tag(IntEnum):
    """5.3.2, the optional parameters in use."""

    RECEIPTED_MESSAGE_ID = 0x001E
    USER_MESSAGE_REFERENCE = 0x0204
    SAR_REFERENCE = 0x020C
    SAR_TOTAL = 0x020E
    SAR_NUMBER = 0x020F
    MESSAGE_PAYLOAD = 0x0424
    MESSAGE_STATE = 0x0427


@dataclass(frozen=True, slots=True)
class Pdu:
    """One PDU with its body still in octets."""

    command: int
    sequence: int
    status: int = 0
    body: bytes = b""

    def encode(self) -> bytes:
        return _HEADER.pack(_HEADER.size + len(self.body), self.command, self.status, self.sequence) + self.body

    @property
    def is_response(self) -> bool:
        return bool(self.command & RESPONSE)


class Framer:
    """Octets as a socket gives them, in any pieces -> PDUs."""

    def __init__(self) -> None:
        self._octets = bytearray()

    def feed(self, octets: bytes) -> Iterator[Pdu]:
        """Yield the PDUs that are complete now. Raises PduError: the stream cannot be followed any more."""
        self._octets += octets
        while len(self._octets) >= _HEADER.size:
            length, command, status, sequence = _HEADER.unpack_from(self._octets)
            if not _HEADER.size <= length <= LONGEST:
                raise PduError(f"a PDU of {length} octets")
            if len(self._octets) < length:
                return
            body = bytes(self._octets[_HEADER.size : length])
            del self._octets[:length]
            yield Pdu(command, sequence, status, body)


class _Reader:
    """Reads a body from its beginning."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def octet(self) -> int:
        if self._at >= len(self._octets):
            raise PduError("the body ends too early")
        self._at += 1
        return self._octets[self._at - 1]

    def take(self, count: int) -> bytes:
        if self._at + count > len(self._octets):
            raise PduError("the body ends too early")
        self._at += count
        return self._octets[self._at - count : self._at]

    def text(self) -> str:
        """A C-Octet String (3.1): ASCII up to a NUL. Some peers forget the last one."""
        end = self._octets.find(b"\0", self._at)
        stop = len(self._octets) if end < 0 else end
        found = self._octets[self._at : stop]
        self._at = stop if end < 0 else end + 1
        return found.decode("latin-1")

    def tlvs(self) -> Iterator[tuple[int, bytes]]:
        while self._at + 4 <= len(self._octets):
            tag, length = struct.unpack_from(">HH", self._octets, self._at)
            self._at += 4
            yield tag, self.take(length)


def _text(value: str, most: int) -> bytes:
    """A C-Octet String of at most `most` octets with its NUL."""
    octets = value.encode("latin-1", "replace").replace(b"\0", b"")
    if len(octets) >= most:
        raise PduError(f"a text of {len(octets)} octets where {most - 1} are allowed")
    return octets + b"\0"


@dataclass(frozen=True, slots=True)
class Bind:
    """The body of bind_transceiver, _transmitter, _receiver (4.1)."""

    system_id: str
    password: str
    system_type: str = ""
    interface_version: int = 0x34
    address_ton: int = 0
    address_npi: int = 0
    address_range: str = ""

    def encode(self) -> bytes:
        head = _text(self.system_id, 16) + _text(self.password, 9) + _text(self.system_type, 13)
        return head + bytes((self.interface_version, self.address_ton, self.address_npi)) + _text(self.address_range, 41)

    @classmethod
    def decode(cls, body: bytes) -> "Bind":
        """Raises PduError."""
        reader = _Reader(body)
        names = reader.text(), reader.text(), reader.text()
        return cls(*names, reader.octet(), reader.octet(), reader.octet(), reader.text())


@dataclass(frozen=True, slots=True)
class Address:
    """A number or a name. TON 1, NPI 1: international E.164 without its plus; TON 5: a sender's name in letters (5.2.5)."""

    number: str
    ton: int = 1
    npi: int = 1

    @classmethod
    def of(cls, number: str) -> "Address":
        """From E.164, a short code, or a sender's name."""
        if number.startswith("+"):
            return cls(number[1:], 1, 1)
        if number.isascii() and number.isdigit():
            return cls(number, 1, 1) if len(number) > 8 else cls(number, 3, 0)  # a short code belongs to the network
        return cls(number, 5, 0)


@dataclass(frozen=True, slots=True)
class ShortMessage:
    """The body of submit_sm (4.4) and deliver_sm (4.6), which have the same fields."""

    source: Address
    destination: Address
    message: bytes = b""
    data_coding: int = 0
    esm_class: int = 0
    registered_delivery: int = 0
    validity: str = ""
    service_type: str = ""
    protocol: int = 0
    priority: int = 0
    schedule: str = ""
    replace: int = 0
    default_message: int = 0
    tlvs: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def octets(self) -> bytes:
        """The text's octets, from wherever they are (a long one comes as an optional parameter)."""
        return self.message or self.tlvs.get(Tag.MESSAGE_PAYLOAD, b"")

    def encode(self) -> bytes:
        if len(self.message) > 254:
            raise PduError(f"a short_message of {len(self.message)} octets")
        return b"".join(
            (
                _text(self.service_type, 6),
                bytes((self.source.ton, self.source.npi)),
                _text(self.source.number, 21),
                bytes((self.destination.ton, self.destination.npi)),
                _text(self.destination.number, 21),
                bytes((self.esm_class, self.protocol, self.priority)),
                _text(self.schedule, 17),
                _text(self.validity, 17),
                bytes((self.registered_delivery, self.replace, self.data_coding, self.default_message, len(self.message))),
                self.message,
                *(struct.pack(">HH", tag, len(value)) + value for tag, value in self.tlvs.items()),
            )
        )

    @classmethod
    def decode(cls, body: bytes) -> "ShortMessage":
        """Raises PduError."""
        reader = _Reader(body)
        service_type = reader.text()
        source_ton, source_npi, source = reader.octet(), reader.octet(), reader.text()
        to_ton, to_npi, to = reader.octet(), reader.octet(), reader.text()
        esm_class, protocol, priority = reader.octet(), reader.octet(), reader.octet()
        schedule, validity = reader.text(), reader.text()
        registered, replace, coding, default = reader.octet(), reader.octet(), reader.octet(), reader.octet()
        message = reader.take(reader.octet())
        return cls(
            source=Address(source, source_ton, source_npi),
            destination=Address(to, to_ton, to_npi),
            message=message,
            data_coding=coding,
            esm_class=esm_class,
            registered_delivery=registered,
            validity=validity,
            service_type=service_type,
            protocol=protocol,
            priority=priority,
            schedule=schedule,
            replace=replace,
            default_message=default,
            tlvs=dict(reader.tlvs()),
        )


def encode_id(message_id: str) -> bytes:
    """The body of submit_sm_resp and of the responses to a bind: one C-Octet String."""
    return _text(message_id, 65)


def decode_id(body: bytes) -> str:
    return _Reader(body).text()
