"""Whether an INVITE is answered. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from voicebot.errors import LineError
from voicebot.line.binding import Binding

Networks = Sequence[IPv4Network | IPv6Network]


class Verdict(StrEnum):
    ANSWER = "answer"  # a brain takes the call
    QUEUE = "queue"  # no brain has room: music and a place
    OPERATORS = "operators"  # the same, handed over at once
    APOLOGISE = "apologise"  # no brain lives: answer, apologise, transfer to a human
    FORBIDDEN = "forbidden"  # 403
    UNAVAILABLE = "unavailable"  # 503 with Retry-After


@dataclass(frozen=True, slots=True)
class Situation:
    """What the line knows when an INVITE comes.

    `calls` are those that are served; `has_room`: line and brains would serve one more well.
    """

    calls: int
    lines: int
    living_brains: int
    has_room: bool
    has_apology: bool
    is_draining: bool
    waiting: int = 0
    places: int = 0
    """In the queue; 0: nobody is queued (no sounds for it, no legs left, or not wanted)."""
    can_hand_over: bool = False
    """There are operators who may be reached, and words to say so."""


def is_allowed(host: str, networks: Networks) -> bool:
    """Tell whether a source address lies in one of the networks; what is no address does not."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def decide(source: str, networks: Networks, now: Situation) -> Verdict:
    """Judge an INVITE: source first, so that strangers learn nothing of our load. Nobody overtakes those who wait."""
    if not is_allowed(source, networks):
        return Verdict.FORBIDDEN
    if now.is_draining:
        return Verdict.UNAVAILABLE
    if not now.living_brains and now.calls < now.lines:
        return Verdict.APOLOGISE if now.has_apology else Verdict.UNAVAILABLE
    if now.has_room and now.calls < now.lines and not now.waiting:
        return Verdict.ANSWER
    if now.living_brains and now.waiting < now.places:
        return Verdict.QUEUE
    return Verdict.OPERATORS if now.can_hand_over else Verdict.UNAVAILABLE


def may_call_out(outgoing: int, share: float, spare: float, now: Situation) -> bool:
    """Whether one more call of our own may be begun. `outgoing`: those of `now.calls` that are ours.

    Patients come first: ours take `share` of the lines at most, at least one, and leave `spare` of them free.
    """
    if now.is_draining or now.waiting or outgoing >= max(1, math.floor(now.lines * share)):
        return False
    return now.lines - now.calls - 1 >= math.ceil(now.lines * spare)


def lines_of(binding: Binding, wanted: int | None) -> int:
    """Return how many patients are served at once.

    By default a leg is kept for the operator of a transfer (the wheel: 3 of 4). All legs may be given to patients; then
    a transfer on a full line is a REFER without asking the operator first. Raise LineError for more than there are legs.
    """
    if wanted is None:
        return binding.default_lines
    if wanted > binding.calls:
        raise LineError(
            f"sip.lines = {wanted}, but this pjsua2 ({binding.kind} {binding.version}) holds {binding.calls} calls.",
            "Build the production one with `make sip-native`, or lower sip.lines.",
        )
    return wanted
