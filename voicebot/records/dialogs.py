"""What a dialog and a turn are, apart from how they are stored. Pure values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypedDict

_STRESS = re.compile(r"\+(?=[аеёиоуыэюяАЕЁИОУЫЭЮЯ])")


class Who(StrEnum):
    CALLER = "caller"
    ROBOT = "robot"
    OPERATOR = "operator"
    SYSTEM = "system"  # what happened: transfer, hold, alarm


class Latency(TypedDict, total=False):
    """From the end of the caller's speech to the robot's first sample, split by stage; milliseconds."""

    endpoint_ms: int  # waiting until the turn counts as finished
    recognise_ms: int
    think_ms: int
    speak_ms: int
    total_ms: int


class HeardAs(TypedDict, total=False):
    """One hypothesis of the recogniser."""

    text: str
    confidence: float
    source: str


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing said or done. Offsets are milliseconds on the call's media clock, from its first frame.

    `text`: of the caller what was chosen, of the robot what was meant. `played_text` and `played_ms`: of the robot, what left
    for the caller; None while unknown (still playing, or the process died).
    """

    number: int
    who: Who
    text: str = ""
    at: datetime | None = None  # None: the store's clock
    offset_start_ms: int | None = None
    offset_end_ms: int | None = None
    played_text: str | None = None
    played_ms: int | None = None
    alternatives: Sequence[HeardAs] = ()
    confidence: float | None = None
    intent: str = ""
    slots: Mapping[str, Any] = field(default_factory=dict)
    prompt: str = ""
    latency_ms: Latency = field(default_factory=Latency)
    is_bargein: bool = False
    digits: str = ""

    @property
    def was_cut(self) -> bool:
        """The robot's text was not played to its end."""
        return self.played_text is not None and self.played_text.strip() != self.text.strip()


class TurnChanges(TypedDict, total=False):
    """What may be added to a stored turn."""

    offset_start_ms: int | None
    offset_end_ms: int | None
    text: str
    played_text: str | None
    played_ms: int | None
    intent: str
    slots: Mapping[str, Any]
    latency_ms: Latency
    is_bargein: bool


@dataclass(frozen=True, slots=True)
class Dialog:
    """A conversation. `turns` is empty where only the head was asked for."""

    id: str
    channel: str = "phone"
    direction: str = "in"  # "out": the robot called
    started_at: datetime | None = None  # None at opening: the store's clock
    ended_at: datetime | None = None
    caller_phone: str = ""
    called: str = ""
    sip_call_id: str = ""
    dialplan: str = ""
    outcome: str = ""  # "" while it goes on, or if its process died
    reason: str = ""
    ended_by: str = ""
    notice_version: str = ""  # which announcement of recording the caller has heard, "" if none to its end
    notice_said_at: datetime | None = None
    recording_path: str = ""  # relative to the recordings folder
    recording_started_ms: int | None = None  # media clock offset of the recording's first sample
    handling_seconds: float | None = None
    transfer_target: str = ""
    transfer_result: str = ""
    summary: Mapping[str, Any] = field(default_factory=dict)  # field -> display text, for the operator
    versions: Mapping[str, Any] = field(default_factory=dict)  # recogniser, voice, dialplan
    served_by: str = ""  # the process that holds the call: records.presence
    turns: tuple[Turn, ...] = ()


class Ending(TypedDict, total=False):
    """What is known of a dialog at its end, besides outcome and reason."""

    ended_at: datetime | None
    ended_by: str
    handling_seconds: float | None
    transfer_target: str
    transfer_result: str
    summary: Mapping[str, Any]


class DialogChanges(Ending, total=False):
    """What may change in a dialog while it goes on."""

    caller_phone: str
    dialplan: str
    outcome: str
    reason: str
    notice_version: str
    notice_said_at: datetime | None
    recording_path: str
    recording_started_ms: int | None
    versions: Mapping[str, Any]
    served_by: str


@dataclass(frozen=True, slots=True)
class DialogFilter:
    """Which dialogs; every field that is set must hold. `text` is looked for in the turns, any case."""

    since: datetime | None = None
    until: datetime | None = None
    channel: str = ""
    outcome: str = ""
    phone_digits: str = ""  # part of the caller's number
    text: str = ""
    sip_call_id: str = ""
    is_transferred: bool | None = None
    limit: int = 50
    offset: int = 0


def without_stress(text: str) -> str:
    """Return a robot's text without the stress marks that the voice needs."""
    return _STRESS.sub("", text)


def mask_phone(phone: str) -> str:
    """Hide the middle of a number: +7 916 ***-**-67. What is no number is hidden whole."""
    digits = re.sub(r"\D", "", phone)
    if not phone:
        return ""
    if len(digits) == 11 and digits[0] in "78":
        return f"+7 {digits[1:4]} ***-**-{digits[-2:]}"
    return "***" + digits[-2:] if len(digits) >= 5 else "***"
