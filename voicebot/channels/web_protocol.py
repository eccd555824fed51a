"""What the chat of the clinic's pages and we tell one another: JSON, over a WebSocket or by HTTP."""

import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from voicebot.channels.contact import Reply
from voicebot.channels.rules import LONGEST_TO_OPERATOR

_TOKEN = re.compile(r"^[A-Za-z0-9_-]{43}$")  # 32 random bytes

Id = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{8,64}$")]
#: Longer ones are answered by a request to be brief, much longer ones not at all.
Words = Annotated[str, msgspec.Meta(max_length=2 * LONGEST_TO_OPERATOR)]
Payload = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}\.[0-9]$")]


# -- from the browser ---------------------------------------------------------------------------------------------------


class Hello(msgspec.Struct, tag="hello", tag_field="t"):
    """The first message of a connection: who is there. The token is a secret, it travels in no URL."""

    token: str


class Say(msgspec.Struct, tag="say", tag_field="t"):
    """The patient wrote. `id` is drawn by the browser; it sends the same again until it has an answer."""

    id: Id
    text: Words


class Press(msgspec.Struct, tag="press", tag_field="t"):
    """The patient pressed a button."""

    id: Id
    button: Payload


class Ping(msgspec.Struct, tag="ping", tag_field="t"):
    """Are you there? Browsers cannot send a WebSocket's own pings."""


FromBrowser = Hello | Say | Press | Ping
Message = Say | Press


class Posted(msgspec.Struct):
    """The same by HTTP: one message."""

    message: Message


class Polled(msgspec.Struct):
    """Wait for what is new. `seen`: the version that the browser shows."""

    seen: Annotated[int, msgspec.Meta(ge=0)] = 0


# -- to the browser -----------------------------------------------------------------------------------------------------


class Line(msgspec.Struct, omit_defaults=True):
    """One thing said. `n`: its number in the dialog; 0: of the moment, not kept. `who`: patient, robot, operator."""

    n: int
    who: str
    text: str
    at: str = ""  # ISO 8601 with zone; "" for now


class Key(msgspec.Struct):
    """A button."""

    label: str
    button: str


class Update(msgspec.Struct, tag="update", tag_field="t", omit_defaults=True):
    """What is to be shown. `to`: the message that this answers. `is_whole`: all of the dialog, in place of what is shown.

    `done`: messages that were taken already, though their answers may have been lost. `version`: of the dialog.
    """

    dialog: str
    mode: str
    lines: list[Line]
    buttons: list[Key]
    wants_phone: bool = False
    to: str = ""
    is_whole: bool = False
    done: list[str] = []
    version: int = 0


class Welcome(msgspec.Struct, tag="welcome", tag_field="t"):
    """The answer to Hello: the words around the chat, and what may be done."""

    title: str
    greeting: str
    consent: str
    privacy_url: str
    suggestions: list[str]
    has_voice: bool
    voice_seconds: float


class Trouble(msgspec.Struct, tag="trouble", tag_field="t"):
    """A message that was not taken. `retry_seconds`: when it may come again; 0: never."""

    to: str
    text: str
    retry_seconds: float = 0.0


class Pong(msgspec.Struct, tag="pong", tag_field="t"):
    """We are here."""


_from_browser: msgspec.json.Decoder[FromBrowser] = msgspec.json.Decoder(FromBrowser)
decode_posted = msgspec.json.Decoder(Posted).decode
decode_polled = msgspec.json.Decoder(Polled).decode
_encoder = msgspec.json.Encoder()


def decode(message: str | bytes) -> FromBrowser:
    """Raises msgspec.MsgspecError for what is not ours."""
    return _from_browser.decode(message)


def encode(message: Update | Welcome | Trouble | Pong) -> bytes:
    return _encoder.encode(message)


def address_of(token: str) -> str | None:
    """Who a token belongs to: its hash, which is all that is stored. None: no token of ours."""
    return hashlib.sha256(token.encode()).hexdigest() if _TOKEN.match(token) else None


def update_of(reply: Reply, to: str = "", version: int = 0) -> Update:
    """A reply as it is shown."""
    return Update(
        dialog=reply.dialog_id,
        mode=reply.mode.value,
        lines=[Line(one.number, one.who, one.text) for one in reply.messages],
        buttons=[Key(one.label, one.payload) for one in reply.buttons],
        wants_phone=reply.wants_phone,
        to=to,
        version=version,
    )


def whole(reply: Reply, said: Sequence[tuple[int, str, str, datetime]], done: Sequence[str], version: int) -> Update:
    """Everything that was said, for a page that was opened again. `said`: number, who, text, at."""
    update = update_of(reply, version=version)
    update.lines = [
        Line(number, "patient" if who == "caller" else who, text, at.isoformat(timespec="seconds"))
        for number, who, text, at in said
    ]
    update.is_whole = True
    update.done = list(done)
    return update
