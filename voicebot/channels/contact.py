"""What comes from a patient in writing and what goes back: the same in every channel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from voicebot.dialog.talking import Alternative

ADDRESS_LENGTH = 128


class Mode(StrEnum):
    """With whom the patient is."""

    ROBOT = "robot"
    WAITING = "waiting"  # for an operator
    OPERATOR = "operator"
    OVER = "over"  # the next message begins a new dialog


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message of a patient. Exactly one of text, button, phone says what; none of them only opens the dialog.

    `address`: who, within the channel: a hash of the browser's token, a chat's number. `message_id`: the same again gets the
    same reply and is not done twice; "" where the channel has none. `alternatives`: what a voice note was heard as, best
    first (then `text` is "" or the first of them). `phone`: E.164, if the channel vouches for it. `form`, `given`: as
    `Started`, for the answer to a message of ours; they begin a new dialog, as `is_new` does.
    """

    channel: str
    address: str
    message_id: str = ""
    text: str = ""
    button: str = ""
    alternatives: tuple[Alternative, ...] = ()
    phone: str = ""
    is_new: bool = False
    form: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return not (self.text.strip() or self.button or self.alternatives or self.phone)


@dataclass(frozen=True, slots=True)
class Said:
    """Words to the patient. `number`: of the turn in the dialog; 0: of the moment only, not stored. `speech`: for the voice of
    a channel that has one, with `+` before stressed vowels; "" of people and of channels' own words.
    """

    number: int
    who: str  # "robot" or "operator"
    text: str
    speech: str = ""
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """What may be pressed; `payload` (at most 16 ASCII characters) comes back as Incoming.button."""

    label: str
    payload: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back. `buttons` replace those of earlier replies. `reason`: of a hand-over that has just been asked for."""

    dialog_id: str
    messages: tuple[Said, ...] = ()
    buttons: tuple[Button, ...] = ()
    wants_phone: bool = False
    mode: Mode = Mode.ROBOT
    reason: str = ""
    outcome: str = ""

    @property
    def is_over(self) -> bool:
        return self.mode is Mode.OVER
