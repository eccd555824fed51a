"""Calls that a killed line left behind: phones that hear nothing and would wait so for ever. The next line says BYE to them.

What a BYE needs is kept in a small file for each leg, from its answer to its end. Who is told can call again, or his PBX
sends him on; the patient is called back all the same (`voicebot.lost_calls`).
"""

import contextlib
import json
import os
import secrets
import selectors
import socket
import ssl
import time
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import structlog

from voicebot.line.headers import all_headers, header
from voicebot.settings import Sip

log = structlog.get_logger(__name__)

_CSEQ = 100_000  # above whatever the stack had come to: it begins below 2**15
_ANSWER_SECONDS = 1.0
_AGAIN_SECONDS = 0.5  # T1 (RFC 3261 17.1.2.2); one retransmission
_CONNECT_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SipDialog:
    """A dialog as RFC 3261 12.1 keeps it. `peer`: host:port where requests go."""

    call_id: str
    local: str
    remote: str
    target: str
    routes: tuple[str, ...]
    peer: str


def dialog_of_answer(answer: str, peer: str, invite: str = "") -> SipDialog | None:
    """Return the dialog that a 2xx of an INVITE begins; None where something is missing.

    `invite`: the request, where we are who answered it; else the answer came to an INVITE of ours.
    """
    is_ours = bool(invite)
    theirs = invite if is_ours else answer
    routes = [part for value in all_headers(theirs, "Record-Route") for part in _uris(value)]
    dialog = SipDialog(
        call_id=header(answer, "Call-ID"),
        local=header(answer, "To" if is_ours else "From"),
        remote=header(answer, "From" if is_ours else "To"),
        target=next(iter(_uris(header(theirs, "Contact"))), "").strip("<>"),
        routes=tuple(routes if is_ours else reversed(routes)),
        peer=peer,
    )
    is_whole = dialog.call_id and "tag=" in dialog.local and "tag=" in dialog.remote and dialog.target and dialog.peer
    return dialog if is_whole else None


def bye(dialog: SipDialog, transport: str, sent_by: str) -> str:
    """Return the BYE that ends a dialog."""
    lines = [
        f"BYE {dialog.target} SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} {sent_by};rport;branch=z9hG4bK{secrets.token_hex(8)}",
        "Max-Forwards: 70",
        *(f"Route: {route}" for route in dialog.routes),
        f"From: {dialog.local}",
        f"To: {dialog.remote}",
        f"Call-ID: {dialog.call_id}",
        f"CSeq: {_CSEQ} BYE",
        'Reason: SIP ;cause=500 ;text="restarted"',  # RFC 3326
        "Content-Length: 0",
        "",
        "",
    ]
    return "\r\n".join(lines)


class LeftCalls:
    """The files of the legs that are answered. A disk that refuses costs only this."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[Hashable, Path] = {}

    def keep(self, leg: Hashable, dialog: SipDialog) -> None:
        if leg in self._files:
            return  # a re-INVITE was answered
        path = self._folder / f"{os.getpid()}-{secrets.token_hex(8)}.json"
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            self._files[leg] = path
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(asdict(dialog), file)

    def forget(self, leg: Hashable) -> None:
        path = self._files.pop(leg, None)
        if path is not None:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """An orderly end: every leg was told."""
        for leg in list(self._files):
            self.forget(leg)

    def take(self) -> list[SipDialog]:
        """Return what a line that is dead has left, once."""
        found = []
        for path in sorted(self._folder.glob("*.json")):
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                kept = json.loads(path.read_text(encoding="utf-8"))
                found.append(SipDialog(**{**kept, "routes": tuple(kept["routes"])}))
            with contextlib.suppress(OSError):
                path.unlink()
        return found


def say_goodbye(left: Sequence[SipDialog], sip: Sip) -> int:
    """Send a BYE to each; return how many answered. To be called before the stack takes our port; takes a second or two."""
    if not left:
        return 0
    try:
        answered = _by_datagrams(left, sip) if sip.transport == "udp" else _by_streams(left, sip)
    except OSError as error:
        log.warning("left_calls_not_told", calls=len(left), problem=error.strerror)
        return 0
    log.warning("left_calls_told", calls=len(left), answered=answered)
    return answered


def _by_datagrams(left: Sequence[SipDialog], sip: Sip) -> int:
    family = socket.AF_INET6 if ":" in sip.bind_host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock, selectors.DefaultSelector() as selector:
        sock.bind((sip.bind_host, sip.port))  # whoever lets only our address through must know us
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
        sent_by = _sent_by(sip)
        waiting = {dialog.call_id: (bye(dialog, "udp", sent_by).encode(), dialog) for dialog in left}
        sent = answered = 0
        began = time.monotonic()
        while waiting and (elapsed := time.monotonic() - began) < _ANSWER_SECONDS:
            if elapsed >= sent * _AGAIN_SECONDS:
                sent += 1
                for message, dialog in waiting.values():
                    with contextlib.suppress(OSError, ValueError):
                        sock.sendto(message, _address(dialog.peer))
            for _ in selector.select(0.05):
                with contextlib.suppress(OSError):
                    answered += waiting.pop(_answered(sock.recv(65536)), None) is not None
        return answered


def _by_streams(left: Sequence[SipDialog], sip: Sip) -> int:
    answered = 0
    give_up_at = time.monotonic() + 3 * _CONNECT_SECONDS
    for dialog in left:
        if time.monotonic() > give_up_at:
            break
        # The connection that brought the call is gone with its line; its far port was not one that listens.
        with contextlib.suppress(OSError, ValueError), _stream(_listens(dialog), sip) as sock:
            sock.settimeout(_ANSWER_SECONDS)
            sock.sendall(bye(dialog, sip.transport, _sent_by(sip)).encode())
            answered += _answered(sock.recv(65536)) == dialog.call_id
    return answered


def _stream(address: tuple[str, int], sip: Sip) -> socket.socket:
    plain = socket.create_connection(address, timeout=_CONNECT_SECONDS)
    if sip.transport != "tls":
        return plain
    context = ssl.create_default_context(cafile=str(sip.ca_file) if sip.ca_file is not None else None)
    context.check_hostname = False
    if sip.ca_file is None:
        context.verify_mode = ssl.CERT_NONE  # as the stack does without one
    if sip.certificate is not None and sip.private_key is not None:
        context.load_cert_chain(sip.certificate, sip.private_key)
    return context.wrap_socket(plain)


def _listens(dialog: SipDialog) -> tuple[str, int]:
    """Where the next hop takes connections: the first route, else the target."""
    uri = dialog.routes[0].strip("<>") if dialog.routes else dialog.target
    scheme, _, rest = uri.partition(":")
    host = rest.rpartition("@")[2].partition(";")[0].partition("?")[0]
    default = 5061 if scheme == "sips" or "transport=tls" in uri.lower() else 5060
    return _address(host if _has_port(host) else f"{host}:{default}")


def _has_port(host: str) -> bool:
    return host.rpartition("]")[2].count(":") == 1


def _address(peer: str) -> tuple[str, int]:
    """Return ("host", port) of host:port or [v6]:port."""
    host, _, port = peer.rpartition(":")
    return host.strip("[]"), int(port)


def _sent_by(sip: Sip) -> str:
    host = sip.public_host or sip.bind_host
    return f"[{host}]:{sip.port}" if ":" in host else f"{host}:{sip.port}"


def _answered(data: bytes) -> str:
    """Return the Call-ID of a final answer to our BYE, else ""."""
    text = data.decode(errors="replace")
    is_final = text.startswith("SIP/2.0 ") and text[8:9] in "23456"
    return header(text, "Call-ID") if is_final and header(text, "CSeq") == f"{_CSEQ} BYE" else ""


def _uris(value: str) -> Iterable[str]:
    """Return the <...> of a header that may list several; of one without brackets what comes before its parameters."""
    if "<" not in value:
        return [value.split(";")[0].strip()] if value else []
    return [f"<{part.partition('>')[0]}>" for part in value.split("<")[1:]]
