"""SIP header text: what we read from an INVITE, and what we write into INVITEs and REFERs. Pure.

Everything written is refused if it holds CR, LF, a reserved name or is over-long: a transfer header is an injection path.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote

from voicebot.errors import LineError

VALUE_LIMIT = 256
_CALLER_LIMIT = 64
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+\Z")  # RFC 3261 25.1
_PLAIN_ID = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_SIP_URI = re.compile(
    r"sips?:(?:[A-Za-z0-9_.!~*'()&=+$,;?/%-]+@)?(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?(?:;[^\s?<>\"]*)?\Z"
)
_COMPACT = {"from": "f", "to": "t", "supported": "k", "contact": "m", "content-type": "c", "call-id": "i"}
# What the stack writes itself, or what would change the meaning of a request (RFC 3261 19.1.5).
_RESERVED_NAMES = """
    accept allow authorization call-id contact content-length content-type cseq event expires from max-forwards min-se
    p-asserted-identity path privacy proxy-authorization record-route refer-to referred-by replaces remote-party-id require
    proxy-require route session-expires subscription-state supported to via www-authenticate body method
    v l r b x o u s e a d j y
"""
_RESERVED = frozenset(_RESERVED_NAMES.split()) | frozenset(_COMPACT.values())


def header(message: str, name: str) -> str:
    """Return the first value of a header of a SIP message ("" if absent); folded lines are joined."""
    values = all_headers(message, name)
    return values[0] if values else ""


def all_headers(message: str, name: str) -> list[str]:
    """Return every value of a header, long or compact form, in order."""
    head = re.split(r"\r?\n\r?\n", message, maxsplit=1)[0]
    head = re.sub(r"\r?\n[ \t]+", " ", head)
    names = {name.lower(), _COMPACT.get(name.lower(), name.lower())}
    values = []
    for line in head.splitlines()[1:]:
        key, colon, value = line.partition(":")
        if colon and key.strip().lower() in names:
            values.append(value.strip())
    return values


def caller_of(message: str) -> str:
    """Return the number or name part of P-Asserted-Identity (RFC 3325), else of From; "" if withheld."""
    for value in [*all_headers(message, "P-Asserted-Identity"), *all_headers(message, "From")]:
        for uri in _uris(value):
            user = _user_of(uri)
            if user and user.lower() not in ("anonymous", "unknown", "unavailable", "restricted"):
                return user[:_CALLER_LIMIT]
    return ""


def called_of(message: str) -> str:
    """Return the user part of the request URI: the number that was dialled."""
    parts = message.split(None, 2)
    return _user_of(parts[1])[:_CALLER_LIMIT] if len(parts) > 1 else ""


def can_refer(message: str) -> bool:
    """Tell whether the sender of an INVITE takes REFER, as far as it says (no Allow: it may)."""
    allow = all_headers(message, "Allow")
    return not allow or "REFER" in {method.strip().upper() for value in allow for method in value.split(",")}


def source_host(address: str) -> str:
    """Return the host of "host:port" or "[v6]:port"."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.rpartition(":")[0] if address.count(":") == 1 else address


def check_target(name: str, uri: str) -> str:
    """Return a transfer target that may be dialled. Raise LineError for anything but a plain SIP URI."""
    if len(uri) > VALUE_LIMIT or not _SIP_URI.match(uri) or "?" in uri:
        raise LineError(
            f"Transfer target {name!r} is no SIP URI.", 'Write transfer.targets like {operator = "sip:200@pbx.local"}.'
        )
    return uri


def check_header(name: str, value: str) -> None:
    """Raise LineError unless the header may be put on the wire."""
    if not _TOKEN.match(name) or name.lower() in _RESERVED:
        raise LineError(f"Header {name!r} may not be set.", "Use an X- header.")
    if len(value) > VALUE_LIMIT or not value.isascii() or not value.isprintable():
        raise LineError(f"The value of header {name!r} is too long or holds control or non-ASCII characters.")


def is_plain_id(text: str) -> bool:
    """Tell whether a dialog ID may stand in headers and URIs: a brain names it, and a brain may be broken."""
    return bool(_PLAIN_ID.match(text))


def identity_headers(dialog_id: str) -> dict[str, str]:
    """Return the headers that carry the dialog ID: X-Dialog-ID, and User-to-User (RFC 7433, hex)."""
    headers = {"X-Dialog-ID": dialog_id, "User-to-User": dialog_id.encode().hex() + ";encoding=hex"}
    for name, value in headers.items():
        check_header(name, value)
    return headers


def refer_to(uri: str, headers: Mapping[str, str]) -> str:
    """Return a Refer-To value; `headers` go into the URI, percent-encoded, for the INVITE it causes."""
    for name, value in headers.items():
        check_header(name, value)
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in headers.items())
    return f"<{uri}?{query}>" if query else f"<{uri}>"


def with_id_in_user(uri: str, dialog_id: str) -> str:
    """Return sip:200-ID@host for sip:200@host: the only way through a PBX that drops headers."""
    check_header("X-Dialog-ID", dialog_id)
    scheme, _, rest = uri.partition(":")
    user, at, host = rest.rpartition("@")
    encoded = quote(dialog_id, safe="")
    return f"{scheme}:{user}-{encoded}@{host}" if at else f"{scheme}:{encoded}@{rest}"


def with_transport(uri: str, transport: str) -> str:
    """Return the URI with ;transport= unless it has one or the transport is UDP."""
    return uri if transport == "udp" or ";transport=" in uri.lower() else f"{uri};transport={transport}"


def info_digit(message: str) -> str:
    """Return the key of a SIP INFO with a plain application/dtmf body ("5"), "" if it is something else."""
    if not message.startswith("INFO ") or header(message, "Content-Type").split(";")[0].strip().lower() != "application/dtmf":
        return ""
    body = re.split(r"\r?\n\r?\n", message, maxsplit=1)[-1].strip().upper()
    return body if len(body) == 1 and body in "0123456789*#ABCD" else ""


def _uris(value: str) -> Iterable[str]:
    """Yield the URIs of a name-addr list."""
    quoted = re.sub(r'"(?:[^"\\]|\\.)*"', "", value)
    angled = re.findall(r"<([^>]*)>", quoted)
    return angled or [quoted.split(";")[0].strip()]


def _user_of(uri: str) -> str:
    scheme, colon, rest = uri.strip().partition(":")
    if not colon:
        return ""
    if scheme.lower() == "tel":
        user = rest.split(";")[0]
    elif "@" in rest:
        user = rest.rpartition("@")[0].split(";")[0].split(":")[0]
    else:
        return ""
    return "".join(c for c in unquote(user) if c.isprintable()).strip()
