"""Broken SIP, SDP, RTP and RTCP by a seed: the same seed makes the same packets, so that what breaks a line can be sent again.

Only loopback addresses are ever named in what is made: a line that follows them stays on this machine.
"""

import random
import struct
from collections.abc import Callable, Iterator

NUMBERS = (
    "-1", "0", "-0", "+7", "255", "256", "32768", "65535", "65536", "99999", "2147483647", "2147483648", "4294967295",
    "4294967296", "18446744073709551616", "1" + "0" * 40, "0x10", "1e9", "00000000000000001", " 5 ", "", "٣",
)  # fmt: skip
PIECES = (
    b"\x00", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\r\n ", b"\t", b'"', b"<", b">", b";", b",", b":", b"@", b"[::", b"]",
    b"%00", b"%0d%0a", b"%n%n%s%s", b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x28\x8c\xbc", b"\\", b"=", b"?", b"sip:",
    b"a" * 3000, b"SIP/2.0", b";tag=", b";branch=", b"<sip:x@127.0.0.9>", b"z9hG4bK",
)  # fmt: skip
SDP_LINES = (
    "m=audio 0 RTP/AVP 8", "m=audio -1 RTP/AVP 8", "m=audio 65536 RTP/AVP 8", "m=audio 1/200 RTP/AVP 8",
    "m=audio 40000 RTP/AVP 0 8 101 300 -5 99999999999", "m=audio 40000 RTP/SAVPF 8", "m=audio 40000 UDP/TLS/RTP/SAVP 8",
    "m=audio 40000 RTP/AVP", "m=audio", "m=video 40000 RTP/AVP 96", "m=application 40000 TCP/BFCP *", "m=image 4 udptl t38",
    "a=rtpmap:8 PCMA/0", "a=rtpmap:8 PCMA/4294967296", "a=rtpmap:8 PCMA/8000/255", "a=rtpmap:8", "a=rtpmap:999 x/y/z/w",
    "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-999999999999", "a=fmtp:101 15-0", "a=fmtp:101 ,,,-", "a=fmtp",
    "a=ptime:0", "a=ptime:-20", "a=ptime:1", "a=ptime:9999999999", "a=ptime:x", "a=maxptime:0", "c=IN IP4 0.0.0.0",
    "c=IN IP4 127.0.0.1/0/0", "c=IN IP6 ::1", "c=IN IP9 x", "c=", "c=IN IP4 999.999.999.999", "c=IN IP4 127.1",
    "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:short", "a=crypto:0 NULL inline:", "a=crypto:9999999999 x y",
    "a=fingerprint:sha-256 00", "a=setup:actpass", "a=ice-ufrag:x", "a=ice-pwd:y", "a=candidate:1 1 UDP 1 127.0.0.1 9 typ host",
    "a=candidate:x", "a=rtcp:0", "a=rtcp:99999 IN IP4 127.0.0.1", "a=rtcp-mux", "a=inactive", "a=sendonly", "a=recvonly",
    "a=" + "x" * 4000, "b=AS:-1", "b=TIAS:99999999999999", "t=-1 -1", "t=99999999999999999999 0", "o=- - - IN IP4", "s=", "v=1",
    "r=", "z=0", "k=clear:x", "\xff", "=", "a", "",
)  # fmt: skip

Mutation = Callable[[random.Random, bytes], bytes]


def _bytes_changed(chance: random.Random, data: bytes) -> bytes:
    made = bytearray(data)
    for _ in range(chance.randrange(1, 12)):
        made[chance.randrange(len(made))] = chance.randrange(256)
    return bytes(made)


def _cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data))]


def _piece_put_in(chance: random.Random, data: bytes) -> bytes:
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(data))
        data = data[:at] + chance.choice(PIECES) + data[at:]
    return data


def _part_doubled(chance: random.Random, data: bytes) -> bytes:
    first, last = sorted((chance.randrange(len(data)), chance.randrange(len(data))))
    return data[:last] + data[first:]


def _part_left_out(chance: random.Random, data: bytes) -> bytes:
    first, last = sorted((chance.randrange(len(data)), chance.randrange(len(data))))
    return data[:first] + data[last:]


def _number_changed(chance: random.Random, data: bytes) -> bytes:
    starts = [i for i in range(1, len(data)) if data[i : i + 1].isdigit() and not data[i - 1 : i].isdigit()]
    at = chance.choice(starts)
    end = at
    while data[end : end + 1].isdigit():
        end += 1
    return data[:at] + chance.choice(NUMBERS).encode() + data[end:]


def _lines(data: bytes) -> tuple[list[bytes], bytes]:
    head, _, body = data.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


def _joined(lines: list[bytes], body: bytes) -> bytes:
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _header_left_out(chance: random.Random, data: bytes) -> bytes:
    lines, body = _lines(data)
    if len(lines) > 1:
        del lines[chance.randrange(1, len(lines))]
    return _joined(lines, body)


def _header_doubled(chance: random.Random, data: bytes) -> bytes:
    lines, body = _lines(data)
    one = chance.choice(lines)
    return _joined(lines[:1] + [one] * chance.choice((1, 2, 30)) + lines[1:], body)


def _headers_in_disorder(chance: random.Random, data: bytes) -> bytes:
    lines, body = _lines(data)
    rest = lines[1:]
    chance.shuffle(rest)
    return _joined(lines[:1] + rest, body)


def _header_huge(chance: random.Random, data: bytes) -> bytes:
    lines, body = _lines(data)
    at = chance.randrange(len(lines))
    lines[at] += chance.choice((b"a", b"%41", b'"', b";x", b"<", b"\xff")) * chance.choice((300, 4000, 20_000))
    return _joined(lines, body)[:60_000]


def _headers_many(chance: random.Random, data: bytes) -> bytes:
    lines, body = _lines(data)
    name = chance.choice((b"X-Many", b"Via", b"Route", b"Record-Route", b"Contact", b"Require", b"Supported", b"Allow"))
    value = chance.choice((b": 1", b": <sip:127.0.0.9;lr>", b": SIP/2.0/UDP 127.0.0.9;branch=z9hG4bKx", b":"))
    return _joined(lines[:1] + [name + value] * chance.choice((70, 400, 1500)) + lines[1:], body)[:60_000]


def _length_changed(chance: random.Random, data: bytes) -> bytes:
    lines, body = _lines(data)
    lines = [line for line in lines if not line.lower().startswith((b"content-length", b"l:"))]
    lines += [b"Content-Length: " + chance.choice(NUMBERS).encode()] * chance.choice((0, 1, 1, 2))
    return _joined(lines, body)


def _ends_changed(chance: random.Random, data: bytes) -> bytes:
    return data.replace(b"\r\n", chance.choice((b"\n", b"\r", b"\r\n ", b"\n\r", b"\r\r\n")))


def _sdp_changed(chance: random.Random, data: bytes) -> bytes:
    lines, body = _lines(data)
    sdp = body.split(b"\r\n")
    for _ in range(chance.randrange(1, 6)):
        new = chance.choice(SDP_LINES).encode("latin-1")
        at = chance.randrange(len(sdp))
        if chance.random() < 0.5:
            sdp.insert(at, new)
        elif chance.random() < 0.8:
            same = [i for i, line in enumerate(sdp) if line[:2] == new[:2]]
            sdp[chance.choice(same) if same else at] = new
        else:
            sdp[at:at] = [new] * chance.choice((20, 200))
    body = b"\r\n".join(sdp)[:50_000]
    lines = [line for line in lines if not line.lower().startswith(b"content-length")]
    return _joined([*lines, b"Content-Length: %d" % len(body)], body)


MUTATIONS: tuple[Mutation, ...] = (
    _bytes_changed, _cut, _piece_put_in, _part_doubled, _part_left_out, _number_changed, _number_changed, _header_left_out,
    _header_doubled, _headers_in_disorder, _header_huge, _headers_many, _length_changed, _ends_changed, _sdp_changed,
    _sdp_changed,
)  # fmt: skip


def mutants(seed: int, make: Callable[[str, str], bytes], count: int) -> Iterator[bytes]:
    """Yield `count` broken messages. `make(method, key)` returns a whole one, of a dialog that `key` makes its own."""
    chance = random.Random(seed)
    for number in range(count):
        method = chance.choice(
            ("INVITE", "INVITE", "INVITE", "OPTIONS", "BYE", "REGISTER", "INFO", "UPDATE", "NOTIFY", "REPLY")
        )
        data = make(method, f"f{seed}x{number}")
        for _ in range(chance.choice((1, 1, 2, 3))):
            data = chance.choice(MUTATIONS)(chance, data) or b"\x00"
        yield data[:60_000]


def rtp(payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, *, mark: bool = False) -> bytes:
    """Return an RTP packet (RFC 3550, 5.1)."""
    kind = (0x80 if mark else 0) | (payload_type & 0x7F)
    return struct.pack("!BBHII", 0x80, kind, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload


def key_event(event: int, duration: int, *, is_end: bool) -> bytes:
    """Return the payload of RFC 4733, 2.3."""
    return struct.pack("!BBH", event & 0xFF, (0x80 if is_end else 0) | 10, duration & 0xFFFF)


def rtp_mutants(seed: int, count: int, ssrc: int = 0x51515151) -> Iterator[bytes]:
    """Yield broken RTP: cut, odd versions, CSRC and extensions that are not there, foreign SSRCs, jumps, odd key events."""
    chance = random.Random(seed)
    sequence, timestamp = chance.randrange(65536), chance.randrange(2**32)
    sound = bytes(chance.randrange(256) for _ in range(160))
    for _ in range(count):
        sequence += chance.choice((1, 1, 1, 0, -1, 5, 3000, 40_000))
        timestamp += chance.choice((160, 160, 0, -160, 2**31, 8000))
        kind = chance.randrange(8)
        whose = ssrc if chance.random() < 0.5 else chance.randrange(2**32)
        whole = rtp(8, sequence, timestamp, whose, sound)
        match kind:
            case 0:
                yield whole[: chance.randrange(len(whole))]
            case 1:
                yield bytes([chance.randrange(256)]) + whole[1:]  # version, padding, extension, CSRC count
            case 2:
                yield bytes([0x90]) + whole[1:12] + struct.pack("!HH", 0xBEDE, chance.choice((0, 1, 40, 65535))) + sound
            case 3:
                yield bytes([0xA0]) + whole[1:-1] + bytes([chance.choice((0, 1, 160, 255))])  # padding beyond the packet
            case 4:
                yield rtp(chance.randrange(128), sequence, timestamp, whose, sound * chance.choice((0, 1, 2, 9)))
            case 5:
                event = key_event(chance.randrange(256), chance.choice((0, 1, 160, 65535)), is_end=chance.random() < 0.5)
                yield rtp(
                    101,
                    sequence,
                    timestamp,
                    whose,
                    event[: chance.choice((0, 1, 2, 3, 4, 4, 4, 4))] * chance.choice((1, 1, 50)),
                )
            case 6:
                yield rtp(8, sequence, timestamp, whose, bytes([chance.randrange(256)]) * chance.choice((1, 7, 1400, 9000)))
            case _:
                yield whole


def rtcp_mutants(seed: int, count: int, ssrc: int = 0x51515151) -> Iterator[bytes]:
    """Yield broken RTCP: report counts and lengths that lie, cut and foreign reports, BYE, APP, XR, SDES without an end."""
    chance = random.Random(seed)
    for _ in range(count):
        whose = ssrc if chance.random() < 0.5 else chance.randrange(2**32)
        body = bytes(chance.randrange(256) for _ in range(chance.choice((0, 4, 20, 24, 48, 400))))
        kind = chance.choice((200, 200, 201, 202, 203, 204, 205, 206, 207, 255))
        words = chance.choice((len(body) // 4 + 1, 0, 65535, chance.randrange(300)))
        one = struct.pack("!BBHI", 0x80 | chance.randrange(32), kind, words, whose) + body
        made = one * chance.choice((1, 1, 2, 20))
        yield made[: chance.choice((len(made), len(made), chance.randrange(len(made))))]
