"""The doors: ports that must be free or ours, and what outsiders could reach through them."""

import socket
from collections.abc import Iterator
from ipaddress import ip_address

from voicebot import status
from voicebot.clock import Clock
from voicebot.doctor.finding import Finding, doubtful, fine, wrong
from voicebot.doctor.pbx import peer_of
from voicebot.errors import LineError
from voicebot.line.dialling import rules_of
from voicebot.settings import Settings

_SHORTEST_PREFIX = 4  # +7 and two figures: less is a country
_WIDEST_PREFIX = 8  # 10.0.0.0/8 may be one clinic's network; wider is the world


def check_ports(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """SIP, RTP and HTTP ports: free, or held by our own running processes."""
    alive = {name for name, facts in status.read(settings.run_dir, clock).items() if facts["is_alive"]}
    sip, http = settings.sip, settings.http
    kind = socket.SOCK_DGRAM if sip.transport == "udp" else socket.SOCK_STREAM
    yield _port("sip port", sip.bind_host, sip.port, kind, "line" in alive, "VOICEBOT_SIP__PORT")
    desk_is_up = "supervisor" in alive
    yield _port("desk port", http.host, http.port, socket.SOCK_STREAM, desk_is_up, "VOICEBOT_HTTP__PORT")
    channels = settings.channels
    if channels.is_enabled:
        chat_is_up = any(name.startswith("channels") for name in alive)
        yield _port("chat port", channels.host, channels.port, socket.SOCK_STREAM, chat_is_up, "VOICEBOT_CHANNELS__PORT")
    if "line" not in alive:
        yield _rtp(settings)


def check_exposure(settings: Settings, _clock: Clock) -> Iterator[Finding]:
    """Whom the robot answers, and whether the desk may be read on the way."""
    for network in settings.sip.allowed_networks():
        if network.prefixlen < _WIDEST_PREFIX and network.version == 4:
            cure = "Name the PBX alone in sip.allow; who can call the robot can make it call the operators."
            yield doubtful("who may call", f"sip.allow has {network}: half the world.", cure)
    yield from _pbx_may_call(settings)
    http = settings.http
    is_local = _is_loopback(http.host)
    if not is_local and http.certificate is None and not http.trusted_proxies:
        cure = "Give http.certificate and http.private_key, or put a proxy with HTTPS in front (docs/desk.md)."
        yield wrong("who may read", f"The desk listens on {http.host} without HTTPS.", cure)
    else:
        yield fine("who may read", "The desk is local." if is_local else "The desk is reached by HTTPS.")


def check_dialling(settings: Settings, _clock: Clock) -> Iterator[Finding]:
    """Which numbers the robot may call: whoever breaks in calls them on the clinic's bill."""
    calls = settings.calls
    if not calls.target:
        yield fine("calls out", "The robot calls nobody (calls.target is empty).")
        return
    try:
        rules_of(calls)
    except LineError as error:
        yield wrong("calls out", error.message, error.cure)
        return
    wide = [prefix for prefix in calls.allow_prefixes if len(prefix) < _SHORTEST_PREFIX]
    if wide and not calls.deny_prefixes:
        cure = "Name in calls.deny_prefixes what costs much: +7803, +7809, other countries within +7."
        yield doubtful("calls out", f"Every number of {', '.join(wide)} may be called.", cure)
    else:
        yield fine("calls out", f"Numbers of {', '.join(calls.allow_prefixes)} only, {calls.per_hour} an hour at most.")


def _pbx_may_call(settings: Settings) -> Iterator[Finding]:
    peer = peer_of(settings.sip.registrar)
    if peer is None:
        return
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_DGRAM)}
    except OSError:
        return  # the PBX's own check tells
    networks = settings.sip.allowed_networks()
    if not any(ip_address(address) in network for address in found for network in networks):
        cure = "Add it to sip.allow: the calls that it sends are refused with 403."
        yield wrong("who may call", f"The registrar {peer.host} is not in sip.allow.", cure)


def _port(subject: str, host: str, port: int, kind: socket.SocketKind, is_ours: bool, variable: str) -> Finding:
    if is_ours:
        return fine(subject, f"{host}:{port} is held by the running robot.")
    problem = _bind(host, port, kind)
    if problem is None:
        return fine(subject, f"{host}:{port} is free.")
    return wrong(subject, f"{host}:{port} cannot be had: {problem}.", f"Stop what holds it, or set {variable}.")


def _rtp(settings: Settings) -> Finding:
    sip = settings.sip
    first, last = sip.rtp_port_first, sip.rtp_port_first + sip.rtp_port_count - 1
    taken = [port for port in range(first, last + 1) if _bind(sip.bind_host, port, socket.SOCK_DGRAM) is not None]
    told = f"{first}-{last}"
    if len(taken) > sip.rtp_port_count // 10:
        cure = "Choose another range: sip.rtp_port_first; allow it in the firewall."
        return doubtful("rtp ports", f"{told}: {len(taken)} are taken by others.", cure)
    return fine("rtp ports", f"{told}: {sip.rtp_port_count - len(taken)} free, enough for {sip.rtp_port_count // 4} calls.")


def _bind(host: str, port: int, kind: socket.SocketKind) -> str | None:
    """Return why the port cannot be had, None where it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what is left of a closed connection does not count
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or type(error).__name__
    return None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
