"""A messenger as the dialogs see it. Another messenger is one more class of this kind, in a file of its own."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voicebot.channels.contact import Button


@dataclass(frozen=True, slots=True)
class Update:
    """Something a patient did in a chat. `key` is the same when it is told twice; `chat` is where answers go."""

    key: str
    chat: str


@dataclass(frozen=True, slots=True)
class Began(Update):
    """Opened the chat, or wants to begin anew. `payload`: of the link that led here."""

    payload: str = ""


@dataclass(frozen=True, slots=True)
class Wrote(Update):
    """`reply_to`: the message of ours that is answered, "" when none is named."""

    text: str = ""
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Pressed(Update):
    """A button under `message`. `token` acknowledges it."""

    payload: str = ""
    token: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Spoke(Update):
    """A voice note. `file` is what `fetch` takes; `size_bytes` 0 where it is not told."""

    file: str = ""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Shared(Update):
    """A phone number from the address book. `is_own`: the messenger vouches that it is the sender's."""

    phone: str = ""
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Edited(Update):
    """Changed a message that was answered already."""


@dataclass(frozen=True, slots=True)
class SentOther(Update):
    """A picture, a sticker, a place: nothing that is understood here."""


@dataclass(frozen=True, slots=True)
class Stopped(Update):
    """Blocked the bot or threw the chat away."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a poller stands in the messenger's stream of updates; None: where the messenger thinks."""

    number: int | None = None


class Messenger(ABC):
    """One bot of one messenger. Sending raises `messages.senders.sender.SendFailure`s: Gone, Refused, Throttled, ..."""

    channel: str  # its name everywhere: in dialogs, contact points, settings
    text_limit: int  # characters of a message
    secret_header: str  # in which the messenger proves that an update is its own

    @abstractmethod
    def parse(self, raw: Any) -> Update | None:
        """Return what a patient did in a private chat; None for everything else. Never raises, whatever `raw` is."""

    @abstractmethod
    async def send(self, chat: str, text: str, buttons: Sequence[Button] = (), *, wants_phone: bool = False) -> None:
        """Send one message. `wants_phone`: with a button that shares the patient's own number."""

    @abstractmethod
    async def acknowledge(self, pressed: Pressed) -> None:
        """Stop the waiting sign of a button."""

    @abstractmethod
    async def show_typing(self, chat: str) -> None:
        """Show that an answer is under way."""

    @abstractmethod
    async def fetch(self, spoke: Spoke) -> bytes:
        """Return a voice note's file."""

    @abstractmethod
    async def poll(self, position: Position, wait_seconds: int) -> tuple[Sequence[Any], Position]:
        """Wait for updates; return them and where to go on once they are done."""

    @abstractmethod
    async def use_webhook(self, url: str, secret: str) -> None:
        """Have updates posted to `url`, with `secret` in the header."""

    @abstractmethod
    async def use_polling(self) -> None:
        """Have updates kept until they are polled."""

    @abstractmethod
    async def close(self) -> None: ...


def member(raw: Any, *path: str) -> Any:
    """Return what stands at a path of JSON objects; None where there is no such path."""
    for name in path:
        if not isinstance(raw, Mapping):
            return None
        raw = raw.get(name)
    return raw


def text_at(raw: Any, *path: str) -> str:
    """The same for a text; "" for anything else."""
    found = member(raw, *path)
    return found if isinstance(found, str) else ""


def number_at(raw: Any, *path: str) -> int | None:
    """The same for a whole number (64 bits); None for anything else."""
    found = member(raw, *path)
    is_number = isinstance(found, int) and not isinstance(found, bool)
    return found if is_number and -(2**63) <= found < 2**63 else None
