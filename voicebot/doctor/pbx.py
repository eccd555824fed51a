"""The PBX: does what the robot registers with and hands over to answer at all? SIP OPTIONS (RFC 3261, section 11)."""

import hashlib
import re
import secrets
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from voicebot import status
from voicebot.clock import Clock
from voicebot.doctor.finding import Finding, doubtful, fine, wrong
from voicebot.settings import Settings, Sip

_WAIT_SECONDS = 2.0
_TRIES = 2
_URI = re.compile(r"<?sips?:(?:[^@>;]+@)?(?P<host>\[[0-9A-Fa-f:]+\]|[^:;>?]+)(?::(?P<port>\d+))?(?P<rest>[^>?]*)")
_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
_STATUS = re.compile(rb"^SIP/2\.0 (\d{3}) ")


@dataclass(frozen=True, slots=True)
class Peer:
    """Where a SIP URI points."""

    host: str
    port: int
    is_tcp: bool
    is_tls: bool = False


@dataclass(frozen=True, slots=True)
class Register:
    """What a REGISTER needs besides its peer."""

    user: str
    key: str
    cseq: int
    credentials: str


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
    if settings.sip.registrar and not line.get("is_alive"):
        yield from _tried(settings)
    if settings.sip.registrar and line.get("is_alive"):
        if line.get("registered"):
            yield fine("registration", "The running robot is registered.")
        else:
            cure = "Look at sip.user and sip.password_file, and at the PBX's log."
            yield doubtful("registration", "The running robot is not registered.", cure)


def _tried(settings: Settings) -> Iterator[Finding]:
    """Ask the registrar which contacts it knows, with the robot's password: nothing is changed (RFC 3261, 10.2.3)."""
    peer = peer_of(settings.sip.registrar)
    if peer is None or peer.is_tls:  # a certificate may be wanted: the running line proves it
        return
    try:
        code = query_registration(peer, settings.sip)
    except OSError:
        return  # that it does not answer was told
    cure = "Look at sip.user and sip.password_file, and at the PBX's log."
    if code == 200:
        yield fine("registration", "The PBX takes the robot's name and password.")
    elif code in (401, 403, 404, 407):
        yield wrong("registration", f"The PBX refuses the robot's name or password ({code}).", cure)
    else:
        yield doubtful("registration", f"The PBX answers {code} to REGISTER.", cure)


def options(peer: Peer, own_host: str, wait_seconds: float = _WAIT_SECONDS) -> int:
    """Send OPTIONS and return the status of the first final answer. Raises OSError where none comes in time."""
    return _asked(peer, lambda ours, port: _request(peer, ours or own_host, port), wait_seconds)[0]


def query_registration(peer: Peer, sip: Sip, wait_seconds: float = _WAIT_SECONDS) -> int:
    """Send REGISTER without a Contact, with credentials where they are wanted; return the final status."""
    key = secrets.token_hex(8)

    def register(cseq: int, credentials: str) -> Callable[[str, int], bytes]:
        return lambda ours, port: _request(peer, ours or sip.bind_host, port, Register(sip.user, key, cseq, credentials))

    code, answer = _asked(peer, register(1, ""), wait_seconds)
    if code not in (401, 407):
        return code
    text = answer.decode("latin-1")
    challenge = re.search(r"(?im)^(?:www|proxy)-authenticate\s*:\s*digest\s+(.*)$", text)
    if challenge is None:
        return code
    name = "Authorization" if code == 401 else "Proxy-Authorization"
    credentials = digest(challenge[1], "REGISTER", f"sip:{_host(peer)}", sip.user, sip.secret())
    return _asked(peer, register(2, f"{name}: {credentials}"), wait_seconds)[0] if credentials else code


def digest(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """Return the credentials for a challenge (RFC 2617, 3.2.2), "" for an algorithm that is not MD5."""
    given = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(challenge)}
    if given.get("algorithm", "MD5").upper() != "MD5":
        return ""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    realm, nonce = given.get("realm", ""), given.get("nonce", "")
    parts = {"username": user, "realm": realm, "nonce": nonce, "uri": uri}
    first, second = md5(f"{user}:{realm}:{password}"), md5(f"{method}:{uri}")
    extra = ""
    if "auth" in given.get("qop", "").split(","):
        cnonce = secrets.token_hex(8)
        parts["response"] = md5(f"{first}:{nonce}:00000001:{cnonce}:auth:{second}")
        extra = f', qop=auth, nc=00000001, cnonce="{cnonce}"'
    else:
        parts["response"] = md5(f"{first}:{nonce}:{second}")
    if "opaque" in given:
        parts["opaque"] = given["opaque"]
    return "Digest " + ", ".join(f'{key}="{value}"' for key, value in parts.items()) + extra


def _asked(peer: Peer, make: Callable[[str, int], bytes], wait_seconds: float) -> tuple[int, bytes]:
    """Send what `make(own host, own port)` returns; return the first final answer and its status."""
    family, kind, _proto, _name, address = socket.getaddrinfo(
        peer.host, peer.port, type=socket.SOCK_STREAM if peer.is_tcp else socket.SOCK_DGRAM
    )[0]
    with socket.socket(family, kind) as sock:
        sock.settimeout(wait_seconds)
        sock.connect(address)
        ours, port = sock.getsockname()[:2]
        message = make(ours, port)
        for attempt in range(1 if peer.is_tcp else _TRIES):
            sock.sendall(message)
            try:
                return _final(sock)
            except TimeoutError:
                if attempt == _TRIES - 1 or peer.is_tcp:
                    raise
    raise TimeoutError


def _final(sock: socket.socket) -> tuple[int, bytes]:
    while True:
        data = sock.recv(65_535)
        if not data:
            raise ConnectionResetError(104, "connection closed")
        match = _STATUS.match(data)
        if match and int(match[1]) >= 200:
            return int(match[1]), data


def _host(peer: Peer) -> str:
    return f"[{peer.host}]" if ":" in peer.host else peer.host


def _request(peer: Peer, host: str, port: int, register: Register | None = None) -> bytes:
    transport = "TCP" if peer.is_tcp else "UDP"
    target = _host(peer)
    own = f"[{host}]" if ":" in host else host
    if register is not None:
        lines = (
            f"REGISTER sip:{target} SIP/2.0",
            f"Via: SIP/2.0/{transport} {own}:{port};rport;branch=z9hG4bK{secrets.token_hex(8)}",
            "Max-Forwards: 70",
            f"From: <sip:{register.user}@{target}>;tag={register.key}",
            f"To: <sip:{register.user}@{target}>",
            f"Call-ID: {register.key}",
            f"CSeq: {register.cseq} REGISTER",
            "User-Agent: voicebot doctor",
            *([register.credentials] if register.credentials else []),
            "Content-Length: 0",
            "",
            "",
        )
        return "\r\n".join(lines).encode()
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
