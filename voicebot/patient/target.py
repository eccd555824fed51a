"""Whom the patient calls."""

import re
from dataclasses import dataclass
from typing import Literal

from voicebot.errors import ConfigurationError

_URI = re.compile(
    r"sip:(?P<user>[A-Za-z0-9+_.*#-]{1,64})@(?P<host>[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:]+\])"
    r"(?::(?P<port>\d{1,5}))?(?:;transport=(?P<transport>udp|tcp))?"
)


@dataclass(frozen=True, slots=True)
class Target:
    uri: str
    host: str
    port: int
    transport: Literal["udp", "tcp"]


def parse_target(text: str) -> Target:
    """Read sip:USER@HOST[:PORT][;transport=udp|tcp]; raise ConfigurationError."""
    found = _URI.fullmatch(text.strip().strip("<>"))
    port = int(found["port"] or 5060) if found else 0
    if found is None or not 0 < port < 65536:
        raise ConfigurationError(f"{text} is not a SIP address.", "Give one like sip:100@127.0.0.1:5060.")
    return Target(found.group(), found["host"].strip("[]"), port, "tcp" if found["transport"] == "tcp" else "udp")
