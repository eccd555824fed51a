"""What Yandex Dialogs sends to a skill and what it takes back (yandex.ru/dev/dialogs/alice/doc: protocol, request, response).

Requests are read tolerantly (unknown fields are ignored, most may be absent); replies are built strictly within the limits.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from voicebot.errors import VoicebotError

VERSION = "1.0"
TEXT_LIMIT = 1024  # characters, of text and of tts alike
TITLE_LIMIT = 64  # characters of a button's title
PAYLOAD_LIMIT_BYTES = 4096  # of a button's payload as JSON
URL_LIMIT_BYTES = 1024
STATE_LIMIT_BYTES = 1024  # of session_state as JSON
BUTTONS_LIMIT = 10  # ours: nobody reads more, and nobody can listen to them

_KEY = Field(min_length=1, max_length=256)


class NotAlice(VoicebotError):
    """The body is no request of this protocol."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Meta(_Part):
    timezone: str = ""
    interfaces: dict[str, Any] = {}

    @property
    def has_screen(self) -> bool:
        return "screen" in self.interfaces


class Markup(_Part):
    dangerous_context: bool = False


class Utterance(_Part):
    """What was said or pressed (`type` SimpleUtterance, ButtonPressed). `command`: lower case, without the skill's name."""

    type: str = "SimpleUtterance"
    command: str = Field("", max_length=8192)
    original_utterance: str = Field("", max_length=8192)
    payload: Any = None
    markup: Markup = Markup()


class User(_Part):
    user_id: str = _KEY


class Application(_Part):
    application_id: str = _KEY


class Session(_Part):
    """`user` is absent for those who are not logged in. `message_id` counts from 0 within the session."""

    session_id: str = _KEY
    message_id: int = Field(ge=0)
    skill_id: str = _KEY
    new: bool = False
    user: User | None = None
    application: Application | None = None
    user_id: str = Field("", max_length=256, description="what old clients send instead of application")

    @property
    def owner(self) -> str:
        """Who speaks: the account, else the device; never empty."""
        if self.user is not None:
            return f"user:{self.user.user_id}"
        return f"application:{self.application.application_id if self.application else self.user_id or self.session_id}"


class States(_Part):
    session: dict[str, Any] = {}


class AliceRequest(_Part):
    meta: Meta = Meta()
    request: Utterance = Utterance()
    session: Session
    state: States = States()
    version: str = VERSION

    @property
    def is_ping(self) -> bool:
        """Yandex asks so whether the skill lives; no patient says it in Latin letters."""
        return self.request.original_utterance == "ping" or self.request.command == "ping"


@dataclass(frozen=True, slots=True)
class AliceButton:
    """A suggestion. `payload` is what comes back when it is pressed; `url` opens a page instead."""

    title: str
    payload: Mapping[str, Any] | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class AliceReply:
    """A reply before it is put into the protocol's words; `text` and `tts` within TEXT_LIMIT, never empty."""

    text: str
    tts: str
    buttons: Sequence[AliceButton] = ()
    is_over: bool = False
    state: Mapping[str, Any] = field(default_factory=dict)  # comes back with the next request of the session


def read(body: bytes) -> AliceRequest:
    """Raise NotAlice; its message holds the places that are wrong, nothing of what stood there."""
    try:
        return AliceRequest.model_validate_json(body)
    except ValidationError as error:
        places = ", ".join(sorted({".".join(str(part) for part in one["loc"]) or "body" for one in error.errors(
            include_input=False, include_url=False, include_context=False)}))  # fmt: skip
        raise NotAlice(f"No request of Yandex Dialogs: {places[:200]}.") from None


def write(reply: AliceReply) -> dict[str, Any]:
    """Return the reply as JSON values. Buttons that do not fit are left out: a reply refused is worse than a button less."""
    response: dict[str, Any] = {"text": reply.text, "tts": reply.tts, "end_session": reply.is_over}
    buttons = [written for button in reply.buttons[:BUTTONS_LIMIT] if (written := _button(button)) is not None]
    if buttons:
        response["buttons"] = buttons
    found: dict[str, Any] = {"version": VERSION, "response": response}
    if reply.state and not reply.is_over:
        if _bytes(reply.state) > STATE_LIMIT_BYTES:
            raise ValueError("the state of a session does not fit")
        found["session_state"] = dict(reply.state)
    return found


def _button(button: AliceButton) -> dict[str, Any] | None:
    title = button.title.strip()
    if len(title) > TITLE_LIMIT:
        title = title[: TITLE_LIMIT - 1].rstrip() + "…"
    found: dict[str, Any] = {"title": title, "hide": True}
    if button.payload is not None:
        if _bytes(button.payload) > PAYLOAD_LIMIT_BYTES:
            return None
        found["payload"] = dict(button.payload)
    if button.url:
        if len(button.url.encode()) > URL_LIMIT_BYTES:
            return None
        found["url"] = button.url
    return found if title else None


def _bytes(value: Mapping[str, Any]) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
