"""What every way to a provider has in common: a message out, an acceptance back, receipts and answers later.

An acceptance is not a delivery: the provider took the message over. Four things may come instead, and each asks for another
answer of whoever sends: Refused (never again), Throttled (the same later), Unavailable (surely not taken: another provider),
Uncertain (perhaps taken: nobody knows, so another provider might make it two).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from voicebot.errors import VoicebotError


class Channel(StrEnum):
    """How a message reaches a patient; the names in templates, settings and contact points."""

    SMS = "sms"
    TELEGRAM = "telegram"
    MAX = "max"
    VIBER = "viber"
    PUSH = "push"
    CALL = "call"


class ReceiptStatus(StrEnum):
    """What a provider tells of a message it had accepted. Only `READ` says more than `DELIVERED`."""

    QUEUED = "queued"  # taken over, not yet on its way
    SENT = "sent"  # on its way: to the network, to the messenger's server
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    EXPIRED = "expired"  # not delivered within the validity period
    REJECTED = "rejected"  # by the network or the provider, after it was accepted

    @property
    def is_final(self) -> bool:
        """Nothing more is to be expected, but perhaps a READ after a DELIVERED."""
        return self not in (ReceiptStatus.QUEUED, ReceiptStatus.SENT)

    @property
    def has_reached(self) -> bool:
        return self in (ReceiptStatus.DELIVERED, ReceiptStatus.READ)


@dataclass(frozen=True, slots=True)
class Button:
    """Something to press under a text. `payload` comes back as if the patient had written it; `url` opens a page."""

    title: str
    payload: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one address. `address`: E.164 for sms, viber and call; the chat's or the device's ID elsewhere."""

    key: str  # idempotency key: the same again is the same message; at most 64 characters of [A-Za-z0-9_-]
    address: str
    text: str
    channel: Channel = Channel.SMS
    buttons: tuple[Button, ...] = ()
    link: str = ""  # already in the text where the channel has no buttons; for those that show it apart
    message_id: int = 0
    dialog_id: str = ""
    template: str = ""  # its name, for providers that hold templates of their own
    values: Mapping[str, str] = field(default_factory=dict)  # the template's fields as they stand in the text
    expires_at: datetime | None = None  # aware; of no use to the patient later


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider took it over. `provider_id` is what receipts name; `parts` are charged for."""

    provider: str
    provider_id: str
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an accepted message. May come twice, late, in the wrong order, for a message nobody knows."""

    provider: str
    provider_id: str
    status: ReceiptStatus
    at: datetime  # aware; when the provider says it happened, else when it was received
    reason: str = ""  # the provider's own code, short, never a text of a person
    key: str = ""  # Outgoing.key, where the provider echoes it: finds a message whose acceptance was never written down


@dataclass(frozen=True, slots=True)
class IncomingText:
    """A patient answered by SMS or in another channel of a sender. `key` is the same when it is delivered twice."""

    provider: str
    channel: Channel
    address: str  # E.164
    text: str
    at: datetime
    key: str


class Listener(Protocol):
    """Who is told what comes back. Must not raise: a provider repeats what was not acknowledged."""

    async def receipt(self, receipt: Receipt) -> None: ...

    async def answer(self, incoming: IncomingText) -> None: ...


class SendFailure(VoicebotError):
    """A message was not surely accepted. `code` is the provider's, short and not personal."""

    def __init__(self, message: str, cure: str = "", *, code: str = "") -> None:
        super().__init__(message, cure)
        self.code = code


class Refused(SendFailure):
    """This text to this address: never, here. Another channel may do."""


class Throttled(SendFailure):
    """Too fast. The same message may be tried again after `after_seconds`; it was not taken."""

    def __init__(self, message: str, after_seconds: float, *, code: str = "") -> None:
        super().__init__(message, code=code)
        self.after_seconds = after_seconds


class Unavailable(SendFailure):
    """The provider does not work now. Surely not taken: another provider may have it at once."""


class Uncertain(SendFailure):
    """The connection broke, or no answer came, after the message had left us: taken or not, nobody knows."""


class Sender(Protocol):
    """One provider of one channel. Opened once in a process, in its event loop; `send` may be called many times at once."""

    @property
    def provider(self) -> str:
        """Its name in the settings; stands in `deliveries`."""
        ...

    @property
    def channel(self) -> Channel: ...

    @property
    def is_idempotent(self) -> bool:
        """The same `Outgoing.key` again is surely the same one message."""
        ...

    async def open(self, listener: Listener) -> None:
        """Begin to work: keep a connection, listen for receipts. Does not wait for the provider, does not raise for it."""
        ...

    async def send(self, outgoing: Outgoing) -> Accepted:
        """Hand a message over. Raises Refused, Throttled, Unavailable, Uncertain."""
        ...

    async def close(self) -> None:
        """End cleanly: what was handed over is waited for, no longer than some seconds."""
        ...
