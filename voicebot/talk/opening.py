"""How a conversation begins: a patient called, or we called a patient about something."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Opening:
    """`form`: where the dialog begins ("": where callers begin); `given`: first values of its variables."""

    form: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
