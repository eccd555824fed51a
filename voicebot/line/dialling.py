"""Calling a patient, until somebody answers or nobody does. Pure: SIP news and time in, what came of it out.

What may be dialled is decided here and nowhere else: numbers in E.164 with an allowed prefix, by one configured way.
"""

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from voicebot.errors import LineError
from voicebot.line.headers import check_header, check_target
from voicebot.line.transfer import SIGN_OF_LIFE_SECONDS, state_of
from voicebot.link.messages import DialState, TransferState
from voicebot.settings import Calls

_E164 = re.compile(r"\+[1-9][0-9]{7,14}\Z")
_USER = re.compile(r"\+?[A-Za-z0-9_.-]{1,64}\Z")
_HOUR_SECONDS = 3600.0
_SAMPLE = "+79160000000"
_STATES: Mapping[TransferState, DialState] = {
    TransferState.BUSY: DialState.BUSY,
    TransferState.NO_ANSWER: DialState.NO_ANSWER,
    TransferState.DECLINED: DialState.DECLINED,
    TransferState.WRONG_EXTENSION: DialState.WRONG_NUMBER,
    TransferState.UNREACHABLE: DialState.UNREACHABLE,
}


@dataclass(frozen=True, slots=True)
class DialRules:
    """Where calls of ours go, and which numbers may be called."""

    target: str  # with {phone} or {digits}; "" where nobody is called
    allow: tuple[str, ...]
    deny: tuple[str, ...]
    digits: frozenset[int]
    caller_id: str
    headers: Mapping[str, str]
    ring_seconds: float
    per_hour: int

    def uri(self, phone: str) -> str:
        """Return what to dial for a number, "" where it may not be dialled."""
        if not self.target or not _E164.match(phone):
            return ""
        if not phone.startswith(self.allow) or phone.startswith(self.deny) or len(phone) - 1 not in self.digits:
            return ""
        return _filled(self.target, phone)


def rules_of(calls: Calls) -> DialRules:
    """Check the settings; raise LineError for what could not be dialled or would change an INVITE's meaning."""
    if calls.target:
        if "{phone}" not in calls.target and "{digits}" not in calls.target:
            raise LineError("calls.target names no number.", 'Write it like "sip:{phone}@pbx.local".')
        check_target("calls.target", _filled(calls.target, _SAMPLE))
    for prefix in (*calls.allow_prefixes, *calls.deny_prefixes):
        if not re.fullmatch(r"\+[1-9][0-9]*", prefix):
            raise LineError(f"{prefix!r} in calls is no prefix of a number.", 'Write prefixes like "+7916".')
    for name, value in calls.headers.items():
        check_header(name, value)
    if calls.caller_id and not _USER.match(calls.caller_id):
        raise LineError("calls.caller_id is no number or name.", 'Write it like "+74950000000".')
    return DialRules(
        calls.target, tuple(calls.allow_prefixes), tuple(calls.deny_prefixes), frozenset(calls.digits), calls.caller_id,
        dict(calls.headers), calls.ring_seconds, calls.per_hour,
    )  # fmt: skip


def _filled(target: str, phone: str) -> str:
    return target.replace("{phone}", phone).replace("{digits}", phone.lstrip("+"))


class HourlyLimit:
    """At most `limit` calls in any hour: what a broken brain or a stolen database could run up has an end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._begun: deque[float] = deque()

    def has_room(self, now: float) -> bool:
        """Tell whether one more may be begun."""
        while self._begun and self._begun[0] <= now - _HOUR_SECONDS:
            self._begun.popleft()
        return len(self._begun) < self._limit

    def count(self, now: float) -> None:
        """One was begun."""
        self._begun.append(now)


class Dialling:
    """One attempt. Each method returns the news for the brain, None where there is none."""

    def __init__(self, ring_seconds: float, now: float) -> None:
        self._sign_deadline = now + SIGN_OF_LIFE_SECONDS
        self._deadline = now + ring_seconds
        self._is_alive = False
        self._is_ringing = False
        self._gave_up: DialState | None = None

    def progress(self, sip_status: int) -> DialState | None:
        """A provisional answer came. Early media is nobody's answer."""
        self._is_alive = True
        if sip_status < 180 or self._is_ringing:
            return None
        self._is_ringing = True
        return DialState.RINGING

    def is_given_up(self, now: float) -> bool:
        """Whether to hang up now: nobody is there, or nobody answers. Told once; `ended` then says which."""
        if self._gave_up is not None:
            return False
        if not self._is_alive and now >= self._sign_deadline:
            self._gave_up = DialState.UNREACHABLE
        elif now >= self._deadline:
            self._gave_up = DialState.NO_ANSWER
        return self._gave_up is not None

    def ended(self, sip_status: int) -> DialState:
        """The leg is gone without an answer."""
        if self._gave_up is not None:
            return self._gave_up
        return _STATES.get(state_of(sip_status, was_ringing=self._is_ringing), DialState.FAILED)
