"""Filters that the kernel runs on our UDP sockets: what nobody may send is dropped before the stack sees it.

On the SIP socket that is what the robot never serves; on a call's RTP sockets what does not come from its peer. Classic BPF,
attached with SO_ATTACH_FILTER (socket(7), Linux), which needs no privilege. The programs are made here, purely. Streams (TCP,
TLS) are not filtered.
"""

import contextlib
import ctypes
import socket
import struct
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

import structlog

from voicebot.line.own_sockets import OwnSockets

log = structlog.get_logger(__name__)

#: How datagrams of anybody may begin: responses to us, INVITE (answered with 403), and what belongs to a dialog.
FOR_ALL = (b"SIP/", b"INVI", b"ACK ", b"BYE ", b"CANC", b"INFO", b"UPDA", b"PRAC", b"NOTI")
#: And those of sip.allow. SUBSCRIBE, PUBLISH, MESSAGE, REGISTER and what is no SIP at all is for nobody.
FOR_ALLOWED = (*FOR_ALL, b"OPTI", b"REFE")

_SO_ATTACH_FILTER, _SO_DETACH_FILTER = 26, 27
_NETWORK_HEADER = 0xFFF0_0000  # SKF_NET_OFF: offsets from here count from the IP header, others from the UDP header
_UDP_HEADER_BYTES = 8
_LOAD_WORD, _LOAD_BYTE, _AND, _SHIFT_RIGHT, _IF_EQUAL, _GO, _RETURN = 0x20, 0x30, 0x54, 0x74, 0x15, 0x05, 0x06
_WHOLE = 0xFFFF_FFFF
_MOST_INSTRUCTIONS = 4096  # BPF_MAXINSNS

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Instruction:
    """struct sock_filter. `if_true` and `if_false` are how many instructions are skipped."""

    code: int
    if_true: int
    if_false: int
    k: int

    def packed(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.if_true, self.if_false, self.k)


class _Program:
    """Instructions with labels; jumps go forward only, as classic BPF wants them."""

    def __init__(self) -> None:
        self._steps: list[tuple[int, int, str]] = []  # code, k, label of a _GO
        self._labels: dict[str, int] = {}

    def add(self, code: int, k: int) -> None:
        self._steps.append((code, k, ""))

    def label(self, name: str) -> None:
        self._labels[name] = len(self._steps)

    def go(self, name: str) -> None:
        self._steps.append((_GO, 0, name))

    def go_if_equal(self, k: int, name: str) -> None:
        """A conditional jump reaches 255 steps only: it skips a jump that reaches all."""
        self._steps.append((_IF_EQUAL, k, ""))
        self.go(name)

    def made(self) -> list[Instruction]:
        made = []
        for at, (code, k, name) in enumerate(self._steps):
            if code == _GO:
                made.append(Instruction(code, 0, 0, self._labels[name] - at - 1))
            else:
                made.append(Instruction(code, 0, 1 if code == _IF_EQUAL else 0, k))
        return made


def program(allowed: Iterable[Network], silenced: Iterable[Network] = ()) -> list[Instruction]:
    """Return the filter: nothing of `silenced`, FOR_ALLOWED of `allowed`, FOR_ALL of everybody else."""
    made = _Program()
    allowed, silenced = list(allowed), list(silenced)
    made.add(_LOAD_BYTE, _NETWORK_HEADER)
    made.add(_SHIFT_RIGHT, 4)
    made.go_if_equal(4, "version 4")
    for version, source in ((6, 8), (4, 12)):
        if version == 4:
            made.label("version 4")
        for networks, place in ((silenced, "drop"), (allowed, "allowed")):
            for number, network in enumerate(networks):
                if network.version == version:
                    _if_within(made, network, source, place, f"{version} {place} {number}")
        made.go("all")
    made.label("allowed")
    _if_begins(made, FOR_ALLOWED)
    made.label("all")
    _if_begins(made, FOR_ALL)
    made.label("drop")
    made.add(_RETURN, 0)
    made.label("take")
    made.add(_RETURN, _WHOLE)
    return made.made()


def only_from(peers: Iterable[Network]) -> list[Instruction]:
    """Return the filter that takes whatever comes from `peers`, and nothing else. Of IPv4, as all our sound."""
    made = _Program()
    for number, network in enumerate(one for one in peers if one.version == 4):
        _if_within(made, network, 12, "take", f"peer {number}")
    made.add(_RETURN, 0)
    made.label("take")
    made.add(_RETURN, _WHOLE)
    return made.made()


def _if_within(made: _Program, network: Network, source: int, place: str, name: str) -> None:
    address, mask = network.network_address.packed, network.netmask.packed
    for at in range(0, len(address), 4):
        wanted, bits = (int.from_bytes(part[at : at + 4], "big") for part in (address, mask))
        if bits:
            made.add(_LOAD_WORD, _NETWORK_HEADER + source + at)
            made.add(_AND, bits)
            made.go_if_equal(wanted, f"{name} {at}")
            made.go(f"{name} not")
        else:
            made.go(f"{name} {at}")
        made.label(f"{name} {at}")
    made.go(place)
    made.label(f"{name} not")


def _if_begins(made: _Program, starts: Iterable[bytes]) -> None:
    made.add(_LOAD_WORD, _UDP_HEADER_BYTES)  # a datagram of less than four bytes ends the program here: dropped
    for start in starts:
        made.go_if_equal(int.from_bytes(start, "big"), "take")
    made.go("drop")


class PacketFilter:
    """The filter of the socket bound to `port`; where the system has none, `is_attached` is False and nothing is dropped."""

    def __init__(self, port: int, allowed: Iterable[Network]) -> None:
        self._allowed = list(allowed)
        self._sockets = OwnSockets().of({port})
        self.is_attached = self.silence([])

    def silence(self, hosts: Iterable[str]) -> bool:
        """Drop everything that these addresses send; of IPv6 their whole /64. False where that cannot be done."""
        networks = [ip_network(f"{host}/64" if ":" in host else host, strict=False) for host in hosts]
        made = program(self._allowed, networks)
        if len(made) > _MOST_INSTRUCTIONS:
            log.error("packet_filter_too_long", cure="name wider networks in sip.allow")
            return False
        try:
            for sock in self._sockets:
                _attach(sock, made)
        except OSError as error:
            log.warning("packet_filter_refused", problem=error.strerror)
            return False
        return bool(self._sockets)

    def close(self) -> None:
        """Let go of the sockets; the stack's own stay filtered."""
        for sock in self._sockets:
            sock.close()
        self._sockets.clear()


def _attach(sock: socket.socket, made: list[Instruction]) -> None:
    code = ctypes.create_string_buffer(b"".join(one.packed() for one in made))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(made), ctypes.addressof(code)))


def take_only_from(sockets: Iterable[socket.socket], peers: Collection[Network] | None) -> bool:
    """Let sockets take packets of `peers` only; None: of everybody. False where that cannot be done."""
    made = None if peers is None else only_from(peers)
    try:
        for sock in sockets:
            if made is not None:
                _attach(sock, made)
            else:
                with contextlib.suppress(FileNotFoundError):  # there was none
                    sock.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
    except OSError as error:
        log.warning("packet_filter_refused", problem=error.strerror)
        return False
    return True
