"""A message as one channel shows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicebot.messages.senders.sender import Button, Channel


@dataclass(frozen=True, slots=True)
class Rendered:
    """A template filled in. `parts`: SMS parts, 1 elsewhere."""

    template: str
    channel: Channel
    text: str
    parts: int = 1
    buttons: tuple[Button, ...] = ()
    link: str = ""
    form: str = ""  # of the call channel: the dialplan's form that speaks it; `text` is empty then
    is_detailed: bool = False  # names what is secret: only where the patient allowed it
    values: Mapping[str, str] = field(default_factory=dict)  # the fields as they stand in the text
