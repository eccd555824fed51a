"""What differs between channels, as far as the dialogs must know it."""

from dataclasses import dataclass
from typing import Final

LONGEST_TEXT: Final = 1000
LONGEST_TO_OPERATOR: Final = 4000


@dataclass(frozen=True, slots=True)
class Rules:
    """`has_operators`: an operator can answer in this channel. `remind_seconds`, `close_seconds`: of silence, after which the
    patient is asked whether they are still there, and the dialog is closed; 0: never (the channel ends its dialogs itself).
    `says_inactive`: the closing is told.
    """

    has_operators: bool = True
    remind_seconds: float = 0
    close_seconds: float = 1800
    says_inactive: bool = True
