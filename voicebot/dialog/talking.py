"""What goes into the dialog engine and what comes out: events and acts.

The engine is pure: `step(state, event, now) -> (state, acts)`. Whoever drives it (talk on the phone, a test, a chat)
carries the acts out in order and brings events back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Profile(StrEnum):
    """Endpointing profiles: how long a silence ends the caller's turn, per kind of question."""

    YES_NO = "yes_no"
    DATE = "date"  # dates and times
    DIGITS = "digits"  # a phone or a number dictated in groups
    NAME = "name"
    CHOICE = "choice"  # one of a few offered things
    FREE = "free"


@dataclass(frozen=True, slots=True)
class DigitRules:
    """DTMF at a question: collected until `maximum` keys, the terminator or `gap_seconds` of silence."""

    minimum: int = 1
    maximum: int = 1
    terminator: str = "#"
    gap_seconds: float = 2.5


@dataclass(frozen=True, slots=True)
class Option:
    """An answer that may be pressed: the keys or the phrase it stands for. Which of them is meant is exact."""

    label: str
    keys: str = ""
    says: str = ""


@dataclass(frozen=True, slots=True)
class Expect:
    """What the next answer may be: all that hearing needs to know of a question."""

    # yes_no, datetime, phone, name, choice, subject (doctor, service or speciality), correction, request, free, or a
    # kind of the catalogue: doctor, speciality, service, branch
    type: str = "free"
    profile: Profile = Profile.FREE
    grammar: tuple[str, ...] = ()  # phrases for a runtime grammar, heard beside open recognition; empty: open only
    is_bargein_allowed: bool = True
    noinput_seconds: float = 6.0
    digits: DigitRules | None = None
    options: tuple[Option, ...] = ()  # what may be pressed, in channels that are read; none on the phone


# -- events -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Started:
    """The conversation begins. `caller_phone` as the network gave it ("" if withheld).

    `form`: where it begins, one of application.also_start; "": where a caller begins. `given`: first values of the
    application's own variables ({"appointment_id": 17}).
    """

    caller_phone: str = ""
    channel: str = "phone"
    are_operators_open: bool = True  # a human could take the call at this hour
    form: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One hypothesis of the recogniser: lower-case Russian words, best first in a list."""

    text: str
    confidence: float = 1.0  # 0..1
    source: str = "open"  # "open" or "grammar"


@dataclass(frozen=True, slots=True)
class Heard:
    """The caller finished a turn. `alternatives` is never empty; the first is hearing's choice."""

    alternatives: tuple[Alternative, ...]
    is_bargein: bool = False

    @property
    def text(self) -> str:
        return self.alternatives[0].text


@dataclass(frozen=True, slots=True)
class Keyed:
    """The caller pressed keys."""

    digits: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The patient pressed one of the options of the question: its number, from 1."""

    number: int


@dataclass(frozen=True, slots=True)
class NoInput:
    """The caller said nothing in time."""


@dataclass(frozen=True, slots=True)
class NotHeard:
    """There was speech, but no words came of it (noise, mumbling, out of grammar)."""


@dataclass(frozen=True, slots=True)
class Returned:
    """A service answered. `error` names a typed failure ("slot_taken", "unavailable", ...), "" for success."""

    service: str
    value: Any = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class TransferEnded:
    """A transfer that did not succeed: busy, no_answer, declined, wrong_extension, unreachable, failed."""

    result: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """A human who had taken the dialog over gives it back."""


@dataclass(frozen=True, slots=True)
class BudgetCheck:
    """Time has passed; the engine may act on the handling budget. Sent about once a second between other events."""


Event = Started | Heard | Keyed | Chosen | NoInput | NotHeard | Returned | TransferEnded | Resumed | BudgetCheck


# -- acts ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Speak. `text` is Russian with `+` before stressed vowels where it matters, words only (no digits).

    `written`: the same for people who read, with digits and without marks; "" on the phone. Where no voice speaks, `text` is
    the written form too.
    """

    text: str
    is_bargein_allowed: bool = True
    prompt: str = ""  # its name in the dialplan, for records and the cache
    written: str = ""


@dataclass(frozen=True, slots=True)
class Listen:
    """After what was said, listen."""

    expect: Expect


@dataclass(frozen=True, slots=True)
class Invoke:
    """Call a service of the clinic; the answer comes back as Returned. `key` makes it idempotent."""

    service: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Transfer to a human after what was said. `summary` is what is known so far (field -> display text)."""

    target: str
    reason: str
    summary: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class End:
    """Say nothing more and hang up after the last word. Outcome: booked, informed, callback, abandoned, ..."""

    outcome: str
    reason: str = ""


Act = Say | Listen | Invoke | HandOver | End
