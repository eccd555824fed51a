"""The PBX: does what the robot registers with and hands over to answer at all? SIP OPTIONS (RFC 3261, section 11)."""

import re
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from voicebot import status
from voicebot.clock import Clock
from voicebot.doctor.finding import Finding, doubtful, fine, wrong
from voicebot.settings import Settings

_WAIT_SECONDS = 2.0
_TRIES = 2
_URI = re.compile(r"<?sips?:(?:[^@>;]+@)?(?P<host>\[[0-9A-Fa-f:]+\]|[^:;>?]+)(?::(?P<port>\d+))?(?P<rest>[^>?]*)")
_STATUS = re.compile(rb"^SIP/2\.0 (\d{3}) ")


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a SIP URI points."""

    host: str
    port: int
    is_tcp: bool
    is_tls: bool = False


def peer_of(uri: str) -> Peer | None:
    """Return where `uri` points, None if it is none. SRV records are not looked up."""
    match = _URI.fullmatch(uri.strip().rstrip(">"))
    if match is None:
        return None
    rest = match["rest"].lower()
    is_tls = uri.lstrip("<").lower().startswith("sips:") or "transport=tls" in rest
    port = int(match["port"] or (5061 if is_tls else 5060))
    return Peer(match["host"].strip("[]"), port, is_tls or "transport=tcp" in rest, is_tls)


def check_pbx(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Ask the registrar and every transfer target for OPTIONS; any answer will do, even a refusal."""
    asked: set[Peer] = set()
    wanted = {"registrar": settings.sip.registrar, **{f"target {n}": uri for n, uri in settings.transfer.targets.items()}}
    for name, uri in wanted.items():
        if not uri:
            continue
        peer = peer_of(uri)
        if peer is None:
            yield wrong("pbx", f"{name}: this is no SIP URI.", 'Write "sip:200@pbx.clinic.local".')
        elif peer not in asked:
            asked.add(peer)
            yield _answer(name, peer, settings)
    yield from _registration(settings, clock)


def _answer(name: str, peer: Peer, settings: Settings) -> Finding:
    where = f"{peer.host}:{peer.port}"
    if peer.is_tls:
        return _reached(name, where, peer)
    try:
        code = options(peer, settings.sip.bind_host)
    except OSError as error:
        cure = "Is the address right, is the PBX up, does a firewall stand between?"
        return wrong("pbx", f"{name}: {where} does not answer ({error.strerror or 'no answer'}).", cure)
    return fine("pbx", f"{name}: {where} answers OPTIONS with {code}.")


def _reached(name: str, where: str, peer: Peer) -> Finding:
    try:
        socket.create_connection((peer.host, peer.port), _WAIT_SECONDS).close()
    except OSError as error:
        cure = "Is the address right, is the PBX up, does a firewall stand between?"
        return wrong("pbx", f"{name}: {where} (TLS) cannot be reached ({error.strerror or 'no answer'}).", cure)
    return fine("pbx", f"{name}: {where} takes connections (TLS).")


def _registration(settings: Settings, clock: Clock) -> Iterator[Finding]:
    line = status.read(settings.run_dir, clock).get("line", {})
    if settings.sip.registrar and line.get("is_alive"):
        if line.get("registered"):
            yield fine("registration", "The running robot is registered.")
        else:
            cure = "Look at sip.user and sip.password_file, and at the PBX's log."
            yield doubtful("registration", "The running robot is not registered.", cure)


def options(peer: Peer, own_host: str, wait_seconds: float = _WAIT_SECONDS) -> int:
    """Send OPTIONS and return the status of the first final answer. Raises OSError where none comes in time."""
    family, kind, _proto, _name, address = socket.getaddrinfo(
        peer.host, peer.port, type=socket.SOCK_STREAM if peer.is_tcp else socket.SOCK_DGRAM
    )[0]
    with socket.socket(family, kind) as sock:
        sock.settimeout(wait_seconds)
        sock.connect(address)
        ours, port = sock.getsockname()[:2]
        message = _request(peer, ours or own_host, port)
        for attempt in range(1 if peer.is_tcp else _TRIES):
            sock.sendall(message)
            try:
                return _final(sock)
            except TimeoutError:
                if attempt == _TRIES - 1 or peer.is_tcp:
                    raise
    raise TimeoutError


def _final(sock: socket.socket) -> int:
    while True:
        data = sock.recv(65_535)
        if not data:
            raise ConnectionResetError(104, "connection closed")
        match = _STATUS.match(data)
        if match and int(match[1]) >= 200:
            return int(match[1])


def _request(peer: Peer, host: str, port: int) -> bytes:
    transport = "TCP" if peer.is_tcp else "UDP"
    target = f"[{peer.host}]" if ":" in peer.host else peer.host
    own = f"[{host}]" if ":" in host else host
    lines = (
        f"OPTIONS sip:{target}:{peer.port} SIP/2.0",
        f"Via: SIP/2.0/{transport} {own}:{port};rport;branch=z9hG4bK{secrets.token_hex(8)}",
        "Max-Forwards: 70",
        f"From: <sip:doctor@{own}>;tag={secrets.token_hex(4)}",
        f"To: <sip:{target}:{peer.port}>",
        f"Call-ID: {secrets.token_hex(12)}",
        "CSeq: 1 OPTIONS",
        "User-Agent: voicebot doctor",
        "Content-Length: 0",
        "",
        "",
    )
    return "\r\n".join(lines).encode()
